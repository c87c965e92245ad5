"""How far a stage is through the time or the steps it was given, and what that means for its learning rate."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

PAUSE_SECONDS = 20.0


@dataclass(slots=True, kw_only=True)
class Budget:
    """A stage ends after `minutes` of training or `steps` updates, whichever is set (steps win).

    Attributes: seconds, done: time and updates spent so far, over all sessions; they are part of the checkpoint.
    """

    minutes: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    done: int = 0
    _last: float = field(default=0.0, repr=False)

    def start(self) -> None:
        self._last = time.monotonic()

    def tick(self) -> None:
        """Count one update; a longer gap than PAUSE_SECONDS was a pause (a suspended machine), not training."""
        now = time.monotonic()
        self.done += 1
        self.seconds += min(now - self._last, PAUSE_SECONDS)
        self._last = now

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end. By steps it does not depend on the clock, so runs repeat exactly."""
        if self.steps:
            return min(1.0, self.done / self.steps)
        return min(1.0, self.seconds / (60 * self.minutes)) if self.minutes > 0 else 1.0

    @property
    def over(self) -> bool:
        return self.progress >= 1

    @property
    def seconds_left(self) -> float:
        if self.steps:
            return (self.steps - self.done) * self.seconds / max(1, self.done)
        return max(0.0, 60 * self.minutes - self.seconds)


def rate(progress: float, *, peak: float, warmup: float = 0.01, floor: float = 0.05) -> float:
    """Learning rate: a straight rise over `warmup`, then half a cosine down to `floor` of the peak."""
    if progress < warmup:
        return peak * (0.05 + 0.95 * progress / warmup)
    part = (progress - warmup) / (1 - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))
