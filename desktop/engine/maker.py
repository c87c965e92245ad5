"""From a job to its picture: the model it needs, where its chain goes on from, the run, and what is kept of it."""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import JobCancelled
from desktop.engine.crossing import maker_of
from desktop.engine.inputs import inputs_of
from desktop.engine.job import Job, Models
from desktop.engine.memory import MemoryPlan
from desktop.engine.record import record_of
from desktop.engine.step_reporter import StepReporter
from desktop.engine.tape import State
from desktop.engine.tapes import Tapes, Trail
from desktop.errors import KnownError
from desktop.messages import Advised, Event, GenerationRequest, Phase, PhaseChanged, PictureRecord

if TYPE_CHECKING:
    from desktop.engine.checkpoints import Checkpoints
    from desktop.engine.compiler import BackgroundCompiler, Drawing
    from desktop.engine.families import LoadedModel
    from desktop.engine.hardware import Device
    from desktop.engine.holder import ModelHolder

DRAWINGS_MAX = 256  # pictures of which it is known which blocks drew them


class Maker:
    """Of the engine's thread. tapes, checkpoints: the states of chains in memory and on disk; none there for None."""

    def __init__(
        self,
        *,
        device: "Device",
        models: Models,
        holder: "ModelHolder",
        compiler: "BackgroundCompiler",
        tapes: Tapes,
        checkpoints: "Checkpoints | None",
        emit: Callable[[Event], None],
    ) -> None:
        self._drawings: dict[tuple[GenerationRequest, str], Drawing] = {}  # of pictures, with the model's fingerprint
        self._begun_compiled: set[tuple[GenerationRequest, str]] = set()
        self._device = device
        self._models = models
        self._holder = holder
        self._compiler = compiler
        self._tapes = tapes
        self._checkpoints = checkpoints
        self._emit = emit

    def make(self, job: Job, plan: MemoryPlan | None) -> PictureRecord:
        """The job's picture, saved. plan: how the model is loaded, where it is not to be chosen from what is free.

        Raises: JobCancelled, with the state on disk where it is to go on later; KnownError; what torch raises.
        """
        from desktop.engine import pipeline

        began = time.perf_counter()
        request = job.request
        job.token.check()
        info = self._models.resolve(request.model)
        pipeline.check_fits(request, info)
        inputs = inputs_of(request, job.open_start)
        model, family = self._holder.load(info, job.job_id, job.token, plan)
        self._say_what_is_not_read(job, model)
        tiled = self._holder.is_tiled(model, request.width, request.height)
        steps = StepReporter(job, model, began, self._emit)

        def on_phase(phase: Phase) -> None:
            job.phase = phase
            self._emit(PhaseChanged(job_id=job.job_id, phase=phase, model=info.title))

        begun = self._unfinished(request, model.fingerprint)
        drawing = self._compiler.drawing(
            model,
            model.pipelines[pipeline.task_of(request)],
            allowed=begun is None and self._may_be_compiled(job, model.fingerprint),
        )
        run = functools.partial(
            pipeline.run,
            model,
            family,
            inputs=inputs,
            tiled=tiled,
            token=job.token,
            on_phase=on_phase,
            on_step=steps.report,
        )
        trail = Trail()

        def on_state(state: State) -> None:
            trail.append(state)
            if job.watch is not None:
                job.watch.on_state(state)
            if self._checkpoints is not None:
                self._checkpoints.offer(request, model.fingerprint, state)

        watching = contextlib.nullcontext() if job.watch is None else job.watch.watching(model, request)
        with drawing as drawn:
            start_from = begun
            if start_from is not None and job.watch is not None and not job.watch.covers(start_from.index):
                start_from = None
            if start_from is None and request.branch is not None:
                start_from = self._state_of(request.branch.trunk, request.branch.step, model.fingerprint, run)
            try:
                with watching:
                    image = run(request, on_state=on_state, start_from=start_from)
            except JobCancelled:
                if self._checkpoints is not None and trail.last is not None and (job.pausing or job.leaving):
                    self._checkpoints.offer(request, model.fingerprint, trail.last, now=True)
                self._begun_compiled |= {(request, model.fingerprint)} if drawn.compiled else set()
                raise
        self._tapes.keep(request, model.fingerprint, trail.items)
        self._holder.keep_preview(model)
        on_phase(Phase.SAVING)
        record = job.save(
            request,
            image,
            seconds=time.perf_counter() - began,
            made=record_of(model, self._device, tiled, compiled=self._was_compiled(drawn, request, model.fingerprint)),
            inputs=inputs,
            timeline=steps.timeline.steps(),
        )
        if job.in_gallery:
            self._drawings[request, model.fingerprint] = drawn
            while len(self._drawings) > DRAWINGS_MAX:
                self._drawings.pop(next(iter(self._drawings)))
        self._compiler.learn(drawn)
        return record

    def _was_compiled(self, drawn: "Drawing", request: GenerationRequest, fingerprint: str) -> bool:
        begun = (request, fingerprint) in self._begun_compiled
        self._begun_compiled.discard((request, fingerprint))
        return begun or bool(drawn.compiled)

    def _may_be_compiled(self, job: Job, fingerprint: str) -> bool:
        """Compiled blocks round differently. So a branch is drawn by them where they drew its trunk, and draw it so
        now; a picture that is made again to be compared is not, nor one whose attention is recorded, nor one with LoRA
        files, with which the model has other blocks.
        """
        if job.watch is not None or not job.in_gallery or job.request.loras:
            return False
        if job.request.branch is None:
            return True
        drawn = self._drawings.get((maker_of(job.request, 0), fingerprint))
        return drawn is not None and self._compiler.would_draw(drawn)

    def _say_what_is_not_read(self, job: Job, model: "LoadedModel") -> None:
        from desktop.engine import pipeline
        from desktop.engine.prompt_length import left_out

        lost = left_out(model.pipelines[pipeline.task_of(job.request)], job.request.prompt)
        if lost and job.in_gallery:
            shown = f"…{lost[-60:]}" if len(lost) > 60 else lost
            self._emit(
                Advised(
                    job_id=job.job_id,
                    message=f"The prompt is longer than {model.info.title} reads: “{shown}” is left out",
                    hint="Put what matters most first, or use fewer words.",
                )
            )

    def _unfinished(self, request: GenerationRequest, fingerprint: str) -> State | None:
        state = None if self._checkpoints is None else self._checkpoints.find(request, fingerprint)
        if state is not None and request.branch is not None and state.index <= request.branch.step:
            return None  # it may be in another scheduler's scaling than the trunk's; the trunk's own is as good
        return state

    def _state_of(self, request: GenerationRequest, index: int, fingerprint: str, run: Callable[..., Any]) -> State:
        """The chain's state after `index` steps: kept, or made again from the nearest before it. Raises KnownError."""
        if request.branch is not None and index <= request.branch.step:
            return self._state_of(request.branch.trunk, index, fingerprint, run)
        start_from = self._tapes.nearest(request, fingerprint, index)
        if start_from is not None and start_from.index == index:
            return start_from
        if start_from is None and request.branch is not None:
            start_from = self._state_of(request.branch.trunk, request.branch.step, fingerprint, run)
        trail = Trail()
        run(request, on_state=trail.append, start_from=start_from, until=index + 1)
        found = trail.last
        if found is None or found.index != index:
            raise KnownError(
                f"There is no step {index} to go on from", "Choose one before the last step of the picture."
            )
        self._tapes.keep(request, fingerprint, trail.items)
        return found
