"""Keeping a long series within a bound: every second item goes each time it has grown too large."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Thinning(Generic[Item]):
    """A series in order, spread evenly over its whole length whatever that becomes.

    The first and the last item always stay. bytes_of: what an item holds, bytes, where `before` (None for the first)
    stands before it: what the two share is counted once.
    """

    def __init__(self, bytes_max: int, bytes_of: "Callable[[Item, Item | None], int]") -> None:
        self._bytes_max = bytes_max
        self._bytes_of = bytes_of
        self._taken: list[tuple[int, Item]] = []  # with the number it came with
        self._next = 0
        self._stride = 1
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def items(self) -> list[Item]:
        return [item for _, item in self._taken]

    @property
    def last(self) -> Item | None:
        return self._taken[-1][1] if self._taken else None

    @property
    def stride(self) -> int:
        """Of how many items that came one is kept."""
        return self._stride

    def append(self, item: Item) -> bool:
        """Whether all that stood there before stands there still."""
        gone = len(self._taken) > 1 and self._taken[-1][0] % self._stride != 0
        if gone:  # it stayed for being the last
            before = self._taken[-2][1]
            self._bytes -= self._bytes_of(self._taken.pop()[1], before)
        self._bytes += self._bytes_of(item, self.last)
        self._taken.append((self._next, item))
        self._next += 1
        while self._bytes > self._bytes_max and len(self._taken) > 3:
            gone = True
            self._stride *= 2
            last = self._taken[-1]
            self._taken = [entry for entry in self._taken[:-1] if entry[0] % self._stride == 0] + [last]
            self._count()
        return not gone

    def remove(self, unwanted: Callable[[Item], bool]) -> None:
        self._taken = [(number, item) for number, item in self._taken if not unwanted(item)]
        self._count()

    def _count(self) -> None:
        before: Item | None = None
        self._bytes = 0
        for _, item in self._taken:
            self._bytes += self._bytes_of(item, before)
            before = item


def halved(items: Sequence[Item], stays: Callable[[Item], bool] = lambda item: False) -> list[Item]:
    """Every second item, with the first, the last and those that are to stay."""
    last = len(items) - 1
    return [item for place, item in enumerate(items) if place % 2 == 0 or place == last or stays(item)]
