"""Gradients of a batch, shared out to threads that compute on one core each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

PortionLoss = Callable[[slice], torch.Tensor]  # rows of the batch -> the sum of their losses over the batch's size


class Crew:
    """Threads that share out a batch.

    Each computes on one core, so that a core that something else needs holds up a portion, not every single operation.
    The sum is taken in the portions' order, so results do not depend on who did what. On a graphics card there is one
    thread and one portion.
    """

    def __init__(self, workers: int, device: torch.device) -> None:
        self._threads_before = torch.get_num_threads()
        self._pool = None
        if device.type == "cpu":
            self._pool = ThreadPoolExecutor(workers, "training", initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            torch.set_num_threads(self._threads_before)

    def gradients(
        self, weights: Sequence[nn.Parameter], count: int, loss: PortionLoss, portion: int
    ) -> tuple[float, list[torch.Tensor]]:
        """The loss over `count` rows, `portion` at a time, and its gradient for each of `weights` (zeros if none)."""
        if self._pool is None:
            return _portion(weights, loss, slice(0, count))
        tasks = [
            self._pool.submit(_portion, weights, loss, slice(start, min(count, start + portion)))
            for start in range(0, count, portion)
        ]
        whole, total = 0.0, None
        for task in tasks:
            part, gradients = task.result()
            whole += part
            if total is None:
                total = gradients
            else:
                torch._foreach_add_(total, gradients)
        return whole, total or []

    def map(self, work: Callable[[int], torch.Tensor], count: int) -> list[torch.Tensor]:
        """work(0) .. work(count - 1), in this order."""
        if self._pool is None:
            return [work(number) for number in range(count)]
        return list(self._pool.map(work, range(count)))


def _portion(weights: Sequence[nn.Parameter], loss: PortionLoss, rows: slice) -> tuple[float, list[torch.Tensor]]:
    value = loss(rows)
    found = torch.autograd.grad(value, list(weights), allow_unused=True)
    filled = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
    return float(value.detach()), filled


def half_is_fast(device: torch.device) -> bool:
    """Whether bfloat16 pays: on a graphics card, and on processors with instructions for it. Elsewhere it is emulated,
    ten times slower than float32.
    """
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
