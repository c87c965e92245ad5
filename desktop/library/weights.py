"""Looking into weights files without loading them."""

import json
import re
from pathlib import Path

from desktop.errors import KnownError
from desktop.files import read_small
from desktop.library import header

INDEX_MAX_BYTES = 16 * 2**20
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")  # formats that can run code when they are opened
_PIECE = re.compile(r"-\d{5}-of-\d{5}\b")


def check_weights(folder: Path) -> None:
    """Look at everything a component's weights are read from, before anything is read.

    Raises KnownError where a file is damaged, and where an index or an adapter points to files that are no
    safetensors or lie elsewhere: the libraries would open those.
    """
    check_pieces(folder)
    for path in weights_in(folder):
        header.read(path)
    if (folder / "adapter_config.json").exists():
        raise KnownError(
            f"{folder} names an adapter that would be loaded with it", "Remove adapter_config.json from the folder."
        )


def check_files(folder: Path) -> None:
    """Raises KnownError where a pipe or a device lies in a folder: it would keep whoever reads it waiting for ever."""
    for path in sorted(folder.glob("*")):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise KnownError(f"{path} is a pipe or a device, not a file", "Get the model again, whole.")


def check_pieces(folder: Path) -> None:
    """Whether every file of a component's weights is there; opens none of them. Raises KnownError."""
    indexes, found = indexes_in(folder), weights_in(folder)  # one that points elsewhere says more than what is not here
    if not indexes and all(_PIECE.search(path.name) for path in found):
        raise KnownError(
            f"The weights in {folder} are in pieces, and the list of the pieces is missing",
            "Get the model again, whole; the list's name ends in .safetensors.index.json.",
        )
    for promised in indexes.values():
        for name in sorted(set(promised.values())):
            if not (folder / name).is_file():
                raise KnownError(f"Part of the weights is missing: {folder / name}", "Get the model again, whole.")


def indexes_in(folder: Path) -> dict[Path, dict[str, str]]:
    """The indexes of a component's safetensors, and in each the file that every weight is in.

    One of whose files none is here is left out: it is of another precision. So is one of pickles, which nobody reads.
    Raises KnownError for what is no such table, and for files elsewhere.
    """
    indexes = {}
    for path in sorted(folder.glob("*.safetensors.index*.json")):
        try:
            table = json.loads(read_small(path, INDEX_MAX_BYTES))["weight_map"]
            if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise KnownError(f"The index {path} is damaged", "Get the model again, whole.") from error
        if any(Path(name).name != name or not name.endswith(".safetensors") for name in set(table.values())):
            raise KnownError(
                f"The index {path} names files that are no safetensors of its folder",
                "Get the model from a place you trust.",
            )
        if any((folder / name).is_file() for name in set(table.values())):
            indexes[path] = table
    return indexes


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
