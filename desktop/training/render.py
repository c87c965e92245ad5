"""Many scenes drawn at once, by several processes where that pays."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from desktop.training import dataset, scenes
from desktop.training.dataset import Dataset
from desktop.training.scenes import Scene

PIECE = 128  # scenes that a process draws at a time


class Artist:
    """Draws scenes, in `workers` processes that each open the file `packed` for themselves, or in this one.

    To be used in a `with`, which ends the processes.
    """

    def __init__(self, known: Dataset, size: int, packed: Path, workers: int) -> None:
        self._known, self._size, self._packed = known, size, packed
        self._workers = workers
        self._pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers > 1 else None

    def __enter__(self) -> Artist:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def draw(self, chosen: Sequence[Scene]) -> np.ndarray:
        """(N, size, size, 3) uint8."""
        pieces = (list(chosen[start : start + PIECE]) for start in range(0, len(chosen), PIECE))
        return np.concatenate(list(self.each(pieces)))

    def each(self, pieces: Iterable[list[Scene]]) -> Iterator[np.ndarray]:
        """The drawings of each piece, in order, some pieces ahead of who takes them."""
        if self._pool is None:
            yield from (np.stack([scenes.draw(scene, self._known, self._size) for scene in piece]) for piece in pieces)
            return
        ahead = deque()
        for piece in pieces:
            ahead.append(self._pool.submit(_piece, piece, self._packed, self._size))
            if len(ahead) > 2 * self._workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


@functools.lru_cache(1)
def _opened(packed: Path) -> Dataset:
    return dataset.load(packed)


def _piece(chosen: list[Scene], packed: Path, size: int) -> np.ndarray:
    known = _opened(packed)
    return np.stack([scenes.draw(scene, known, size) for scene in chosen])
