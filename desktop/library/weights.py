"""Looking into weights files without loading them."""

import json
from pathlib import Path

from desktop.errors import KnownError

HEADER_MAX = 100 * 2**20  # bytes; the limit of the safetensors library itself
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")  # formats that can run code when they are opened


def read_header(path: Path) -> dict[str, dict]:
    """The table of tensors of a safetensors file: name to {"dtype", "shape", "data_offsets"}.

    Format: 8 bytes, little endian, length of the header; the header, JSON; the tensors' bytes.
    Raises KnownError where the file is not whole or is something else under that name.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or length > HEADER_MAX or length > size - 8:
                raise _damaged(path, "it is cut off, or no safetensors file")
            header = json.loads(file.read(length))
    except OSError as error:
        raise KnownError(f"The weights {path} cannot be read ({error.strerror})", "Allow reading.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no table")
    header.pop("__metadata__", None)
    for entry in header.values():
        match entry:
            case {"dtype": str(), "shape": list(), "data_offsets": [int(begin), int(end)]} if (
                0 <= begin <= end <= size - 8 - length
            ):
                pass
            case _:
                raise _damaged(path, "it is cut off, or its header is wrong")
    return header


def _damaged(path: Path, why: str) -> KnownError:
    return KnownError(f"The weights {path} are damaged: {why}", "Get the model again, whole.")


def check_weights(folder: Path) -> None:
    """Look at everything a component's weights are read from, before anything is read.

    Raises KnownError where a file is damaged, and where an index or an adapter points to files that are no
    safetensors or lie elsewhere: the libraries would open those.
    """
    for path in weights_in(folder):
        read_header(path)
    for path in sorted(folder.glob("*.index*.json")):
        try:
            names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
            whole = all(isinstance(n, str) and Path(n).name == n and n.endswith(".safetensors") for n in names)
            missing = [n for n in names if whole and not (folder / n).is_file()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(path, "it is no table of weights") from error
        if not whole:
            raise KnownError(
                f"The index {path} names files that are no safetensors of this folder",
                "Get the model from a place you trust.",
            )
        if missing:
            raise KnownError(f"Part of the weights is missing: {folder / missing[0]}", "Get the model again, whole.")
    if (folder / "adapter_config.json").exists():
        raise KnownError(
            f"{folder} names an adapter that would be loaded with it", "Remove adapter_config.json from the folder."
        )


def weights_in(folder: Path) -> list[Path]:
    """The safetensors files of one component.

    Raises KnownError where there are none, and says so where the weights are there as a pickle only.
    """
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        if any(f.suffix in PICKLED for f in folder.glob("*")):
            raise KnownError(
                f"The weights in {folder} are pickled, and a pickle can run any program when it is opened",
                "Get the model in safetensors format.",
            )
        raise KnownError(f"There are no weights in {folder}", "Get the model again, whole.")
    return found
