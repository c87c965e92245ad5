"""What is seen of a run: a line now and then, and loss plots in the work folder."""

from __future__ import annotations

import math
import time
from pathlib import Path

from desktop.training import plot

PLOT_EVERY_SECONDS = 120.0


class Printer:
    """Prints a line every `every_seconds`: stage, samples, loss, samples a second, time left. Asks to stop after
    `pause_after_seconds`, where that is not 0.
    """

    def __init__(self, work: Path, every_seconds: float = 15.0, *, pause_after_seconds: float = 0.0) -> None:
        self._until = time.monotonic() + pause_after_seconds if pause_after_seconds else math.inf
        self._work, self._every = work, every_seconds
        self._at, self._plotted, self._samples = 0.0, 0.0, 0.0
        self._stage = ""
        self._points: list[tuple[float, float]] = []

    def __call__(self, stage: str, figures: dict[str, float]) -> bool:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._at, self._plotted, self._samples = stage, now, now, figures["samples"]
            self._points = []
            return now < self._until
        if now - self._at >= self._every:
            pace = (figures["samples"] - self._samples) / (now - self._at)
            left = figures["seconds_left"]
            print(
                f"{stage}: {int(figures['samples'])} samples, loss {figures['loss']:.4f}, {pace:.1f} samples/s, "
                f"{int(left // 60)} min {int(left % 60):02d} s left",
                flush=True,
            )
            self._at, self._samples = now, figures["samples"]
            self._points.append((figures["samples"], figures["loss"]))
        if now - self._plotted >= PLOT_EVERY_SECONDS and figures["loss"]:
            self._plotted = now
            plot.curve(self._points, stage).save(self._work / f"loss-{stage}.png")
        return now < self._until
