"""What a run's steps tell the window."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from desktop.engine.timeline import TimelineRecorder
from desktop.messages import Event, Preview

if TYPE_CHECKING:
    from desktop.engine.families import LoadedModel, Stage
    from desktop.engine.tape import Step


class Job(Protocol):
    """steps_done: written here, for whoever stops the job."""

    job_id: str
    steps_done: int


class StepReporter:
    """Turns the tape's steps into previews with an estimate of the time left."""

    def __init__(self, job: Job, model: "LoadedModel", began: float, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._model = model
        self._began = began
        self._emit = emit
        self._first: tuple[int, float] | None = None  # the first step's index, which a branch begins with, and its end
        self.timeline = TimelineRecorder()

    def report(self, stage: "Stage", step: "Step") -> None:
        now = time.perf_counter()
        self._job.steps_done = step.index
        if self._first is None:
            self._first = step.index, now
            left = None
        else:  # the first step pays for warming up, so only the later ones are averaged
            index, moment = self._first
            left = (now - moment) / max(1, step.index - index) * (step.total - step.index)
        frame = None if step.x_0 is None or stage.frame is None else stage.frame(step.x_0)
        taken = self.timeline.take(stage, step, frame, self._model)
        self._emit(
            Preview(
                job_id=self._job.job_id,
                step=step.index,
                total=step.total,
                frame=frame,
                seconds=now - self._began,
                seconds_left=left,
                stage=stage.name,
                taken=taken,
            )
        )
