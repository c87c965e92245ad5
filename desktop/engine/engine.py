"""The engine: a queue of requests and the one thread that owns torch."""

import contextlib
import functools
import logging
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from desktop.engine.cancel import CancelToken, JobCancelled
from desktop.engine.checkpoints import Checkpoints
from desktop.engine.hardware import is_out_of_memory
from desktop.engine.holder import ModelHolder
from desktop.engine.inputs import inputs_of
from desktop.engine.memory import MemoryPlan, cheaper
from desktop.engine.record import record_of
from desktop.engine.step_reporter import StepReporter
from desktop.engine.tape import State
from desktop.engine.tapes import Tapes, Trail
from desktop.errors import KnownError
from desktop.messages import (
    Advised,
    AttentionSeen,
    Cancelled,
    EngineReady,
    Event,
    Failed,
    GenerationRequest,
    ModelInfo,
    NoiseQuestion,
    Phase,
    PhaseChanged,
    PictureRecord,
    QueueChanged,
    QueuedJob,
    Saved,
    Started,
    TimelineStep,
    Verified,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.compiler import BackgroundCompiler
    from desktop.engine.families import Inputs, LoadedModel
    from desktop.engine.hardware import Device

_log = logging.getLogger(__name__)


class Models(Protocol):
    """What the engine asks of the library. resolve raises KnownError for a name it does not know."""

    def resolve(self, name: str) -> ModelInfo: ...


class SavePicture(Protocol):
    """Write picture and record to disk; return only when both are there. Raises KnownError."""

    def __call__(
        self,
        request: GenerationRequest,
        image: "Image",
        *,
        seconds: float,
        made: dict[str, Any],
        inputs: "Inputs",
        timeline: tuple[TimelineStep, ...],
    ) -> PictureRecord: ...


class Watch(Protocol):
    """Looks on while a job's networks compute, and changes nothing; of the engine's thread only."""

    def covers(self, index: int) -> bool:
        """Whether the run may go on from the state of this index, or would leave a gap in what was seen."""

    def watching(self, model: "LoadedModel", request: GenerationRequest) -> contextlib.AbstractContextManager[None]:
        """Around the run. Raises KnownError where there is nothing to see."""

    def on_state(self, state: State) -> None:
        """Before each step that is taken, after the network has run for it."""


Ending = Saved | Verified | AttentionSeen


class _Job:
    __slots__ = ("ended", "job_id", "open_start", "pausing", "phase", "request", "save", "steps_done", "token", "watch")

    def __init__(
        self,
        request: GenerationRequest,
        save: SavePicture,
        open_start: "Callable[[str], Image]",
        ended: Callable[[str, PictureRecord], Ending],
        watch: Watch | None,
    ) -> None:
        self.job_id = uuid.uuid4().hex
        self.request = request
        self.save = save
        self.open_start = open_start
        self.ended = ended
        self.watch = watch
        self.token = CancelToken()
        self.steps_done = 0
        self.phase: Phase | None = None  # the last it came to
        self.pausing = False  # it is stopped, and goes on from here when the engine does


class Engine:
    """Takes requests from any thread, runs them one after another on its own, and emits events.

    emit: called with every event, on whichever thread caused it; must not block. Events of the queue come in the
    order in which the queue changed. open_start: gives a start picture or a mask by its fingerprint, RGB; raises
    KnownError. previews: a folder for maps from latents to pixels that were fitted here, kept between starts.
    unfinished: a folder for the states of running pictures, from which the same requests go on after a crash.
    memory_mode: of memory.MODES. compiled: a folder for blocks of networks that are compiled beside the drawing; None
    compiles nothing. compile_mode: of compiler.MODES.
    Attributes: holder, the model in memory; of the engine's thread, and None until torch is imported.
    """

    def __init__(
        self,
        *,
        models: Models,
        save: SavePicture,
        open_start: "Callable[[str], Image]",
        emit: Callable[[Event], None],
        previews: Path | None = None,
        unfinished: Path | None = None,
        memory_mode: str = "auto",
        compiled: Path | None = None,
        compile_mode: str = "off",
    ) -> None:
        self._models = models
        self._save = save
        self._open_start = open_start
        self._previews = previews
        self._memory_mode = memory_mode
        self._compiled = compiled
        self._compile_mode = compile_mode
        self._emit = emit
        # Held while the queue changes and while that change is told, so that no older state is told after a newer.
        self._lock = threading.RLock()
        self._something_to_do = threading.Condition(self._lock)
        self._waiting: list[_Job] = []
        self._running: _Job | None = None
        self._warm_up: str | None = None
        self._question: NoiseQuestion | None = None
        self._looking = CancelToken()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._device: Device | None = None
        self.holder: ModelHolder | None = None
        self._compiler: BackgroundCompiler | None = None
        self._drawn_compiled: deque[tuple[GenerationRequest, str]] = deque(maxlen=256)  # with the model's fingerprint
        self._tapes = Tapes()
        self._checkpoints = None if unfinished is None else Checkpoints(unfinished)
        self._paused = False
        self._loading = CancelToken()

    def start(self, warm_up: str | None = None) -> None:
        """Start the thread; it imports torch first. warm_up: a model to load while there is nothing to do."""
        if warm_up is not None:
            self._warm_up = warm_up
        self._thread.start()

    def submit(
        self,
        request: GenerationRequest,
        *,
        save: SavePicture | None = None,
        open_start: "Callable[[str], Image] | None" = None,
        ended: Callable[[str, PictureRecord], Ending] | None = None,
        watch: Watch | None = None,
    ) -> str:
        """Put the request at the end of the queue; returns its job_id at once.

        save, open_start: in place of the engine's own, for this job. ended: makes the job's last event from its id and
        what was saved, on the engine's thread; may raise KnownError. watch: looks on while it runs.
        """
        job = _Job(request, save or self._save, open_start or self._open_start, ended or _saved, watch)
        with self._something_to_do:
            if self._closing:
                raise KnownError("Safelight is closing", "Start it again to make pictures.")
            self._waiting.append(job)
            self._looking.set()  # it is looked at again afterwards
            self._tell_queue()
            self._something_to_do.notify()
        return job.job_id

    def cancel(self, job_id: str) -> None:
        """Stop the job if it runs, remove it if it waits; one that has ended is left alone."""
        with self._lock:
            if self._running is not None and self._running.job_id == job_id:
                self._running.pausing = False
                self._running.token.set()
                return
            for job in self._waiting:
                if job.job_id == job_id:
                    self._waiting.remove(job)
                    if self._checkpoints is not None and job.steps_done:  # it was paused
                        self._checkpoints.drop(job.request)
                    self._emit(Cancelled(job_id=job_id, request=job.request, step=0))
                    self._tell_queue()
                    return

    remove = cancel

    def move(self, job_id: str, index: int) -> None:
        """Put a waiting job at the index among the waiting ones; out of range means the nearest end."""
        with self._lock:
            for job in self._waiting:
                if job.job_id == job_id:
                    self._waiting.remove(job)
                    self._waiting.insert(max(0, index), job)
                    self._tell_queue()
                    return

    def pause(self) -> None:
        """Stop after the block that is being computed, and start nothing; the running job goes on when resume comes.

        At most one step of it is computed again, and nothing at all where the program ends in between.
        """
        with self._lock:
            self._paused = True
            if self._running is not None:
                self._running.pausing = True
                self._running.token.set()
            self._tell_queue()

    def resume(self) -> None:
        with self._something_to_do:
            self._paused = False
            self._tell_queue()
            self._something_to_do.notify()

    def set_modes(self, *, memory: str, compiling: str) -> None:
        """memory: of memory.MODES, for the next model that is loaded; the one in memory is loaded anew. compiling: of
        compiler.MODES, from the next picture on.
        """
        with self._something_to_do:
            self._memory_mode, self._compile_mode = memory, compiling
            if self.holder is not None:
                self.holder.mode = memory
            if self._compiler is not None:
                self._compiler.mode = compiling

    def warm_up(self, model: str) -> None:
        """Load the model when nothing waits, so that the next picture starts at once."""
        with self._something_to_do:
            self._warm_up = model
            self._something_to_do.notify()

    def look(self, question: NoiseQuestion) -> None:
        """Answer with NoiseSeen when no job runs. A newer question takes the place of one that waits."""
        with self._something_to_do:
            self._question = question
            self._something_to_do.notify()

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop the running job, forget the waiting ones, end the thread. False where it did not end in time.

        Waiting jobs get no terminal event: they are not stopped, the program is.
        """
        with self._something_to_do:
            self._closing = True
            self._waiting.clear()
            self._loading.set()
            self._looking.set()
            if self._running is not None:
                self._running.token.set()
            self._something_to_do.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _tell_queue(self) -> None:
        running = [self._running] if self._running is not None else []
        self._emit(
            QueueChanged(
                jobs=tuple(
                    QueuedJob(
                        job_id=job.job_id,
                        request=job.request,
                        running=job is self._running,
                        saved=job.save is self._save,
                    )
                    for job in running + self._waiting
                ),
                paused=self._paused,
            )
        )

    # Everything below runs on the engine's thread.

    def _work(self) -> None:
        try:
            self._import()
        except Exception as error:
            _log.exception("torch cannot be imported")
            self._emit(
                Failed(
                    job_id=None,
                    request=None,
                    message=f"The part that makes pictures cannot start ({error})",
                    hint="Set Safelight up again.",
                    is_bug=True,
                    details=traceback.format_exc(),
                )
            )
            self._fail_everything(str(error))
            return
        while True:
            with self._something_to_do:
                while not self._has_work:
                    self._something_to_do.wait()
                if self._closing:
                    break
                job = self._running = self._waiting.pop(0) if self._waiting and not self._paused else None
                model, self._warm_up = self._warm_up, None  # a job loads what it needs itself
                if job is not None:
                    self._tell_queue()
                else:
                    question, self._question = self._question, None
                    self._looking = CancelToken()
            if job is None:
                self._load_ahead(model)
                self._answer(question)
                self._take_over_compiled()
                continue
            event = self._run(job)
            with self._lock:
                self._running = None
                if event is None and not job.pausing:  # stopped in the moment it was put back
                    event = Cancelled(job_id=job.job_id, request=job.request, step=job.steps_done)
                if event is None:  # paused
                    job.pausing, job.token = False, CancelToken()
                    self._waiting.insert(0, job)
                elif not self._closing or not isinstance(event, Cancelled):
                    self._emit(event)
                self._tell_queue()
        self.holder.unload()
        if self._checkpoints is not None:
            self._checkpoints.close()

    @property
    def _has_work(self) -> bool:
        wanted = self._warm_up or self._question or (self._waiting and not self._paused)
        return bool(self._closing or wanted or (self._compiler is not None and self._compiler.has_work))

    def _import(self) -> None:
        self._emit(PhaseChanged(job_id=None, phase=Phase.IMPORTING))
        from desktop.engine.startup import import_torch_gently

        import_torch_gently()
        from desktop.engine.compiler import BackgroundCompiler
        from desktop.engine.hardware import find_device

        self._device = find_device()
        self._compiler = BackgroundCompiler(self._device, self._compiled, self._compile_mode, self._wake)
        self.holder = ModelHolder(
            self._device, self._previews, self._emit, self._memory_mode, on_unload=self._compiler.forget
        )
        self._tell_ready()

    def _wake(self) -> None:
        with self._something_to_do:
            self._something_to_do.notify()

    def _tell_ready(self) -> None:
        assert self._device is not None
        from desktop.engine.hardware import device_bytes

        device = self._device
        self._emit(EngineReady(device=device.title, device_bytes=device_bytes(device), trouble=device.trouble))

    def _fail_everything(self, reason: str) -> None:
        """Without torch nothing can run, and every job still gets its one terminal event."""
        while True:
            with self._something_to_do:
                while not (self._closing or self._waiting):
                    self._something_to_do.wait()
                if self._closing:
                    return
                job = self._waiting.pop(0)
                self._emit(
                    Failed(
                        job_id=job.job_id,
                        request=job.request,
                        message=f"The part that makes pictures did not start ({reason})",
                        hint="Set Safelight up again.",
                    )
                )
                self._tell_queue()

    def _load_ahead(self, model: str | None) -> None:
        if model is None:
            return
        failed = False
        try:
            self.holder.load(self._models.resolve(model), None, self._loading)
        except (KnownError, JobCancelled):
            pass  # told to whoever asks for a picture with this model, not before
        except Exception:
            _log.exception("a model could not be loaded ahead")
            failed = True
        if failed:  # outside the except block, whose traceback holds tensors
            self.holder.free()
        self._tell_ready()  # either way there is nothing to wait for any more

    def _take_over_compiled(self) -> None:
        """One block: a job that came meanwhile goes first."""
        assert self._compiler is not None
        if self._compiler.has_work and self._compiler.take_over() and self.holder.loaded is not None:
            self._emit(self.holder.plan_with("Compiled for this size, which is quicker."))

    def _answer(self, question: NoiseQuestion | None) -> None:
        if question is None:
            return
        from desktop.engine import noise

        try:
            seen = noise.answer(question, self._models, self.holder, loading=self._loading, looking=self._looking)
        except JobCancelled:  # by a job, which goes first
            with self._lock:
                self._question = self._question or question
        else:
            self._emit(seen)

    def _run(self, job: _Job) -> Ending | Cancelled | Failed | None:
        """Exactly one terminal event for the job, whatever happens; None where it is paused.

        A job that runs out of memory is tried once more, by the next plan that needs less.
        """
        self._emit(Started(job_id=job.job_id, request=job.request, saved=job.save is self._save))
        event, plan = self._try(job, None)
        if plan is not None:
            self._tapes.forget()  # they lie on the device
            self.holder.unload()
            self._emit(
                Advised(
                    job_id=job.job_id,
                    message="There was not enough memory, so it is tried again in a way that needs less",
                    hint="It may take longer. A smaller size or closing other programs helps.",
                )
            )
            event, _ = self._try(job, plan)
        if self._checkpoints is not None and event is not None and not self._closing:
            self._checkpoints.drop(job.request)
        return event

    def _try(self, job: _Job, plan: MemoryPlan | None) -> tuple[Ending | Cancelled | Failed | None, MemoryPlan | None]:
        """(the event that ends the job, None where it is paused; how to try again where it ran out of memory)."""
        again = None
        try:
            return job.ended(job.job_id, self._make(job, plan)), None
        except JobCancelled:
            with self._lock:
                if job.pausing:
                    return None, None
            return Cancelled(job_id=job.job_id, request=job.request, step=job.steps_done), None
        except KnownError as error:
            return Failed(job_id=job.job_id, request=job.request, message=error.message, hint=error.hint), None
        except Exception as error:
            failed = self._explain(job, error)
            if plan is None and is_out_of_memory(error) and self.holder.plan is not None:
                used, kind = self.holder.plan, self._device.kind
                again = cheaper(used, kind, decoding=job.phase is Phase.DECODING) or cheaper(used, kind)
        self.holder.free()  # outside the except block: the traceback holds tensors until it is gone
        return failed, again

    def _explain(self, job: _Job, error: Exception) -> Failed:
        if is_out_of_memory(error):
            side = f"{job.request.width}x{job.request.height}"
            return Failed(
                job_id=job.job_id,
                request=job.request,
                message=f"There is not enough memory for a picture of {side}",
                hint="Choose a smaller size or a smaller model, or close other programs.",
            )
        _log.exception("a job ended in an error nobody foresaw")
        return Failed(
            job_id=job.job_id,
            request=job.request,
            message=f"{type(error).__name__}: {str(error)[:300]}",
            hint="This is a bug in Safelight.",
            is_bug=True,
            details=traceback.format_exc(),
        )

    def _make(self, job: _Job, plan: MemoryPlan | None) -> PictureRecord:
        from desktop.engine import pipeline

        began = time.perf_counter()
        request = job.request
        job.token.check()
        info = self._models.resolve(request.model)
        pipeline.check_fits(request, info)
        inputs = inputs_of(request, job.open_start)
        model, family = self.holder.load(info, job.job_id, job.token, plan)
        self._say_what_is_not_read(job, model)
        tiled = self.holder.is_tiled(model, request.width, request.height)
        steps = StepReporter(job, model, began, self._emit)
        device = self._device
        assert device is not None

        def on_phase(phase: Phase) -> None:
            job.phase = phase
            self._emit(PhaseChanged(job_id=job.job_id, phase=phase, model=info.title))

        assert self._compiler is not None
        may_compile = self._may_be_compiled(job, model.fingerprint)
        drawing = self._compiler.drawing(
            model, model.pipelines[pipeline.task_of(request)], allowed=may_compile and not request.loras
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
        with drawing as is_compiled:
            if is_compiled:
                self._drawn_compiled.append((request, model.fingerprint))
            start_from = self._unfinished(request, model.fingerprint)
            if start_from is not None and job.watch is not None and not job.watch.covers(start_from.index):
                start_from = None
            if start_from is None and request.branch is not None:
                start_from = self._state_of(request.branch.trunk, request.branch.step, model.fingerprint, run)
            try:
                with watching:
                    image = run(request, on_state=on_state, start_from=start_from)
            except JobCancelled:
                if self._checkpoints is not None and trail.last is not None and (job.pausing or self._closing):
                    self._checkpoints.offer(request, model.fingerprint, trail.last, now=True)
                raise
        self._tapes.keep(request, model.fingerprint, trail.items)
        self.holder.keep_preview(model)
        on_phase(Phase.SAVING)
        return job.save(
            request,
            image,
            seconds=time.perf_counter() - began,
            made=record_of(model, device, tiled) | ({"compiled": True} if is_compiled else {}),
            inputs=inputs,
            timeline=steps.timeline.steps(),
        )

    def _may_be_compiled(self, job: _Job, fingerprint: str) -> bool:
        """Compiled blocks round differently. So a picture that is to come out as another did, a branch beside its trunk
        or one that is made again, is drawn as that one was; and one whose attention is recorded needs plain blocks.
        """
        if job.watch is not None:
            return False
        origin = job.request if job.request.branch is None else job.request.branch.trunk
        again = job.request.branch is not None or job.save is not self._save
        return not again or (origin, fingerprint) in self._drawn_compiled

    def _say_what_is_not_read(self, job: _Job, model: "LoadedModel") -> None:
        from desktop.engine import pipeline
        from desktop.engine.prompt_length import left_out

        lost = left_out(model.pipelines[pipeline.task_of(job.request)], job.request.prompt)
        if lost and job.save is self._save:
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


def _saved(job_id: str, record: PictureRecord) -> Saved:
    return Saved(job_id=job_id, record=record)
