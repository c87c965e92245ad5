"""Reading the parts of a diffusers folder, with no network and no pickle."""

import hashlib
import json
from pathlib import Path
from typing import Any

from desktop.engine.hardware import is_out_of_memory
from desktop.errors import KnownError
from desktop.library.weights import check_weights


def load_json(path: Path) -> dict[str, Any]:
    """Raises KnownError where the file is missing or no JSON table."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise KnownError(f"The model file {path} cannot be read", "Get the model again, whole.") from error
    if not isinstance(data, dict):
        raise KnownError(f"The model file {path} is damaged", "Get the model again, whole.")
    return data


def variant_of(folder: Path) -> str | None:
    """ "fp16" where the weights are there in half precision only."""
    names = [f.name for f in folder.glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None


def load_component(cls: Any, folder: Path, *, dtype: Any = None, variant: str | None = None) -> Any:
    """from_pretrained on a local folder, safetensors only; weights where dtype is given.

    Raises KnownError for whatever is wrong with the files; what tells of too little memory goes through.
    """
    if dtype is not None:
        check_weights(folder)
    arguments: dict[str, Any] = {"local_files_only": True}
    if dtype is not None:
        arguments |= {"torch_dtype": dtype, "use_safetensors": True, "variant": variant}
        if "transformers" in cls.__module__:
            arguments["dtype"] = arguments.pop("torch_dtype")
    try:
        return cls.from_pretrained(str(folder), **arguments)
    except Exception as error:  # the libraries raise a dozen kinds for a damaged file
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise KnownError(
            f"The model's {folder.name.replace('_', ' ')} in {folder} cannot be loaded ({reason[:200]})",
            "Get the model again, whole, or choose another.",
        ) from error


def fingerprint(folder: Path) -> str:
    """16 hex digits over the sizes, headers and ends of all weights: quick at any size, and another for other weights.

    Each file gives its name, its size, and its first and last 64 KiB.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 16))
            file.seek(max(0, size - (1 << 16)))
            digest.update(file.read(1 << 16))
    return digest.hexdigest()[:16]
