"""Reading the parts of a diffusers folder, with no network and no pickle."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from desktop.engine.cancel import CancelToken
from desktop.engine.families.base import ModelFolder
from desktop.engine.hardware import is_out_of_memory
from desktop.errors import KnownError
from desktop.files import CONFIG_MAX_BYTES, read_small
from desktop.library.weights import check_files, check_weights

INDEX = "model_index.json"
_NEVER_READ = ("lm_head.",)  # what a language model says its next word with; a prompt is only encoded


def read_table(path: Path) -> dict[str, Any] | None:
    """The JSON table in a file; None where there is none."""
    try:
        table = json.loads(read_small(path, CONFIG_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def open_folder(path: Path) -> ModelFolder:
    """A folder's configuration, and how large its weights are. Raises KnownError."""
    if not path.is_dir():
        raise KnownError(f"The model's folder {path} is gone", "Bring it back, or choose another model.")
    index = read_table(path / INDEX)
    if index is None:
        raise KnownError(
            f"{path} holds no model: {INDEX} is missing or damaged",
            f"Give a folder in diffusers layout, the one with {INDEX} in it.",
        )
    configs = {}
    for component in index:
        # A component is a folder inside; a name with a separator in it could point anywhere.
        if component.startswith("_") or Path(component).name != component:
            continue
        for name in ("config.json", "scheduler_config.json"):
            table = read_table(path / component / name)
            if table is not None:
                configs[component] = table
                break
    try:
        weights = sum(f.stat().st_size for f in path.glob("*/*.safetensors"))
    except OSError as error:  # a link to a file that is gone, say
        raise KnownError(
            f"The model's folder {path} cannot be read ({error.strerror})", "Get the model again, whole."
        ) from error
    return ModelFolder(path=path, index=index, configs=configs, bytes=weights)


def companion(folder: ModelFolder, pipelines: set[str]) -> ModelFolder | None:
    """The other half of a model: the first folder beside it, by name, that one of these pipelines wrote."""
    try:
        beside = sorted(path for path in folder.path.parent.iterdir() if path != folder.path)
    except OSError:
        return None
    for path in beside:
        index = read_table(path / INDEX)
        if index is not None and index.get("_class_name") in pipelines:
            return open_folder(path)
    return None


def variant_of(folder: Path) -> str | None:
    """ "fp16" or "bf16" where the weights are there in half precision only."""
    names = [f.name for f in folder.glob("*.safetensors")]
    return next((half for half in ("fp16", "bf16") if names and all(f".{half}" in name for name in names)), None)


def load_component(
    cls: Any, folder: Path, *, dtype: Any = None, variant: str | None = None, token: CancelToken | None = None
) -> Any:
    """from_pretrained on a local folder, safetensors only; weights where dtype is given.

    Raises KnownError for whatever is wrong with the files, JobCancelled between two tensors once the token is set; what
    tells of too little memory goes through.
    """
    check_files(folder)
    if dtype is not None:
        check_weights(folder)
    arguments: dict[str, Any] = {"local_files_only": True}
    if dtype is not None:
        arguments |= {"torch_dtype": dtype, "use_safetensors": True, "variant": variant, "output_loading_info": True}
        if "transformers" in cls.__module__:
            arguments["dtype"] = arguments.pop("torch_dtype")
    try:
        with stoppable(token) if dtype is not None and token is not None else contextlib.nullcontext():
            loaded = cls.from_pretrained(str(folder), **arguments)
    except Exception as error:  # the libraries raise a dozen kinds for a damaged file
        if token is not None:  # whatever they made of being stopped
            token.check()
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise KnownError(
            f"The model's {folder.name.replace('_', ' ')} in {folder} cannot be loaded ({reason[:200]})",
            "Get the model again, whole, or choose another.",
        ) from error
    if dtype is None:
        return loaded
    network, told = loaded
    # The libraries put random numbers in their place, or none at all, and go on.
    missing = sorted(key for key in told["missing_keys"] if not key.startswith(_NEVER_READ))
    if missing:
        raise KnownError(
            f"The model's {folder.name.replace('_', ' ')} in {folder} is not whole: {len(missing)} of its weights are "
            f"missing, {missing[0][:120]} among them",
            "Get the model again, whole, or choose another.",
        )
    return network


def stoppable(token: CancelToken) -> Any:
    """Inside, whatever torch is asked to do on this thread raises JobCancelled once the token is set.

    The libraries read a network of many gigabytes in one call, and hand every tensor to torch on its way.
    """
    from torch.overrides import TorchFunctionMode

    class Stoppable(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            token.check()
            return function(*args, **(kwargs or {}))

    return Stoppable()


def fingerprint(folder: Path) -> str:
    """16 hex digits over the sizes, headers and ends of all weights: quick at any size, and another for other weights.

    Each file gives its name, its size, and its first and last 64 KiB.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        digest.update(ends_of(path, size))
    return digest.hexdigest()[:16]


def ends_of(path: Path, size: int) -> bytes:
    """The first and the last 64 KiB of a file of so many bytes, one after the other."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
        file.seek(max(0, size - (1 << 16)))
        return start + file.read(1 << 16)
