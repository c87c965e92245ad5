"""Whether the weights of a component are all there: what its index promises against what its files hold."""

import json
from pathlib import Path

from desktop.errors import KnownError
from desktop.library import header

_INDEX_MAX_BYTES = 16 * 2**20


def check_shards(folder: Path) -> None:
    """Compare a component's index with the headers of its files; reads nothing else of them.

    Every weight the index names has to be in the file it names for it, and every weight in those files has to be
    named. Raises KnownError for the first fault. A component without an index has nothing to compare.
    """
    for index in sorted(folder.glob("*.safetensors.index*.json")):
        promised = _promised(index)
        for name in sorted(set(promised.values())):
            path = folder / name
            wanted = {tensor for tensor, file in promised.items() if file == name}
            there = set(header.read(path).tensors)
            if wanted != there:
                missing = sorted(wanted - there) or sorted(there - wanted)
                what = "does not hold" if wanted - there else "holds beside what the index names"
                raise KnownError(
                    f"{path} and its index do not belong together: it {what} {missing[0][:120]}",
                    "Get the model again, whole.",
                )


def _promised(index: Path) -> dict[str, str]:
    """Each weight's name and its file. Raises KnownError for what is no such table, and for files elsewhere."""
    try:
        if index.stat().st_size > _INDEX_MAX_BYTES:
            raise ValueError
        table = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise KnownError(f"The index {index} is damaged", "Get the model again, whole.") from error
    outside = [name for name in table.values() if Path(name).name != name or not name.endswith(".safetensors")]
    if outside:
        raise KnownError(
            f"The index {index} names files that are no safetensors of its folder",
            "Get the model from a place you trust.",
        )
    return table
