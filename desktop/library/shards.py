"""Whether the weights of a component are all there: what its index promises against what its files hold."""

from pathlib import Path

from desktop.errors import KnownError
from desktop.library import header
from desktop.library.weights import indexes_in


def check_shards(folder: Path) -> None:
    """Compare a component's index with the headers of its files; reads nothing else of them.

    Every weight the index names has to be in the file it names for it, and every weight in those files has to be
    named. Raises KnownError for the first fault. A component without an index has nothing to compare.
    """
    for promised in indexes_in(folder).values():
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
