"""Collecting what a run's steps looked like, at next to no cost while it runs."""

import logging
from typing import TYPE_CHECKING

from desktop.messages import Frame, TimelineStep
from desktop.thinning import Thinning

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import LoadedModel, Stage
    from desktop.engine.tape import Step

_log = logging.getLogger(__name__)

BYTES_MAX = 128 * 2**20  # of one run's frames: 160 of 512x512; a longer run keeps every second step, or fourth, ...


class TimelineRecorder:
    """Makes of each step what the timeline shows of it. bytes_max: of frames, beyond which steps are left out."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._kept: Thinning[TimelineStep] = Thinning(bytes_max, lambda step, before: bytes_of(step))
        self._noisy = True

    def take(self, stage: "Stage", step: "Step", frame: Frame | None, model: "LoadedModel") -> TimelineStep:
        """frame: x_0 as it is shown; None where the stage has no pictures."""
        last = self._kept.last
        if last is not None and last.index >= step.index:
            # A trunk that was run again for its branch goes one step beyond the branch point.
            self._kept.remove(lambda taken: taken.index >= step.index)
        taken = TimelineStep(
            index=step.index,
            timestep=step.timestep,
            alpha=step.alpha,
            sigma=step.sigma,
            stage=stage.name,
            x_0=frame,
            x_t=None if frame is None else self._picture_of_noise(stage, step, model),
        )
        self._kept.append(taken)
        return taken

    def steps(self) -> tuple[TimelineStep, ...]:
        return tuple(self._kept.items)

    def _picture_of_noise(self, stage: "Stage", step: "Step", model: "LoadedModel") -> Frame | None:
        if not self._noisy:
            return None
        from desktop.engine import preview

        try:
            scaled = _unit(step)
            if stage.latents is None:
                return preview.pixels(scaled)
            return None if model.preview is None else preview.noisy_frame(model.preview, stage.latents(scaled))
        except Exception:  # the picture goes on without; told once, not at every step
            self._noisy = False
            _log.exception("the noisy states of a picture cannot be shown")
            return None


def bytes_of(step: TimelineStep) -> int:
    return sum(len(frame.rgb) for frame in (step.x_0, step.x_t) if frame is not None)


def _unit(step: "Step") -> "torch.Tensor":
    """x_t scaled so that clean latents of unit variance give unit variance, whatever the scheduler's own scaling."""
    if step.alpha is None or step.sigma is None:
        return step.x_t
    return step.x_t * (step.alpha**2 + step.sigma**2) ** -0.5
