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
