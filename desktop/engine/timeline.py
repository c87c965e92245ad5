"""Collecting what a run's steps looked like, at next to no cost while it runs."""

from typing import TYPE_CHECKING

from desktop.messages import Frame, TimelineStep

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import LoadedModel, Stage
    from desktop.engine.tape import Step


class TimelineRecorder:
    """Takes each step with the frame that was shown of it; the noisy states become frames at the end, all at once."""

    def __init__(self) -> None:
        self._steps: list[tuple[Stage, Step, Frame | None]] = []

    def take(self, stage: "Stage", step: "Step", frame: Frame | None) -> None:
        if self._steps and self._steps[-1][1].index >= step.index:
            # A trunk that was run again for its branch goes one step beyond the branch point.
            self._steps = [taken for taken in self._steps if taken[1].index < step.index]
        self._steps.append((stage, step, frame))

    def steps(self, model: "LoadedModel") -> tuple[TimelineStep, ...]:
        noisy = self._noisy(model)
        return tuple(
            TimelineStep(
                index=step.index,
                timestep=step.timestep,
                alpha=step.alpha,
                sigma=step.sigma,
                stage=stage.name,
                x_0=frame,
                x_t=noisy.get(place),
            )
            for place, (stage, step, frame) in enumerate(self._steps)
        )

    def _noisy(self, model: "LoadedModel") -> dict[int, Frame]:
        """By place in the list; stages without a picture have none."""
        import torch

        from desktop.engine import preview

        found: dict[int, Frame] = {}
        latents: dict[int, torch.Tensor] = {}
        for place, (stage, step, frame) in enumerate(self._steps):
            if frame is None:
                continue
            scaled = _unit(step)
            if stage.latents is not None:
                latents[place] = stage.latents(scaled)
            else:
                found[place] = preview.pixels(scaled)
        if latents and model.preview is not None:
            frames = preview.noisy_frames(model.preview, torch.cat(list(latents.values())))
            found |= dict(zip(latents, frames, strict=True))
        return found


def _unit(step: "Step") -> "torch.Tensor":
    """x_t scaled so that clean latents of unit variance give unit variance, whatever the scheduler's own scaling."""
    if step.alpha is None or step.sigma is None:
        return step.x_t
    return step.x_t * (step.alpha**2 + step.sigma**2) ** -0.5
