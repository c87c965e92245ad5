"""The engine: a queue of requests and the one thread that owns torch."""

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.engine.cancel import CancelToken, JobCancelled
from desktop.engine.checkpoints import Checkpoints
from desktop.engine.hardware import is_misfit, is_out_of_memory
from desktop.engine.holder import ModelHolder
from desktop.engine.job import Ending, Job, Models, SavePicture, Watch
from desktop.engine.maker import Maker
from desktop.engine.memory import MemoryPlan, cheaper
from desktop.engine.tapes import Tapes
from desktop.errors import KnownError
from desktop.messages import (
    Advised,
    Cancelled,
    EngineReady,
    Event,
    Failed,
    GenerationRequest,
    NoiseQuestion,
    Phase,
    PhaseChanged,
    PictureRecord,
    QueueChanged,
    QueuedJob,
    Saved,
    Started,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.compiler import BackgroundCompiler
    from desktop.engine.hardware import Device

_log = logging.getLogger(__name__)


class Engine:
    """Takes requests from any thread, runs them one after another on its own, and emits events.

    emit: called with every event, on whichever thread caused it; must not block. Events of the queue come in the
    order in which the queue changed. open_start: gives a start picture or a mask by its fingerprint, RGB; raises
    KnownError. previews: a folder for maps from latents to pixels that were fitted here, kept between starts.
    unfinished: a folder for the states of running pictures, from which the same requests go on after a crash.
    memory_mode: of memory.MODES. compiled: a folder for blocks of networks that are compiled beside the drawing; None
    compiles nothing. compile_mode: of settings.CompileMode.
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
        self._waiting: list[Job] = []
        self._running: Job | None = None
        self._warm_up: str | None = None
        self._question: NoiseQuestion | None = None
        self._looking = CancelToken()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._device: Device | None = None
        self.holder: ModelHolder | None = None
        self._compiler: BackgroundCompiler | None = None
        self._maker: Maker | None = None
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
        job = Job(
            request,
            save or self._save,
            open_start or self._open_start,
            ended or _saved,
            watch,
            in_gallery=save is None,
        )
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
        settings.CompileMode, from the next picture on.
        """
        with self._something_to_do:
            self._memory_mode, self._compile_mode = memory, compiling
            if self.holder is not None:
                self.holder.mode = memory
            if self._compiler is not None:
                self._compiler.mode = compiling
                if compiling == "off":
                    self._compiler.stop()

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
                self._running.leaving = True
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
                        saved=job.in_gallery,
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
        with self._lock:  # set_modes tells them from now on
            self._compiler = BackgroundCompiler(self._device, self._compiled, self._compile_mode, self._wake)
            self.holder = ModelHolder(
                self._device, self._previews, self._emit, self._memory_mode, on_unload=self._compiler.forget
            )
        self._maker = Maker(
            device=self._device,
            models=self._models,
            holder=self.holder,
            compiler=self._compiler,
            tapes=self._tapes,
            checkpoints=self._checkpoints,
            emit=self._emit,
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

    def _run(self, job: Job) -> Ending | Cancelled | Failed | None:
        """Exactly one terminal event for the job, whatever happens; None where it is paused.

        A job that runs out of memory is tried once more, by the next plan that needs less.
        """
        self._emit(Started(job_id=job.job_id, request=job.request, saved=job.in_gallery))
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

    def _try(self, job: Job, plan: MemoryPlan | None) -> tuple[Ending | Cancelled | Failed | None, MemoryPlan | None]:
        """(the event that ends the job, None where it is paused; how to try again where it ran out of memory)."""
        again = None
        try:
            return job.ended(job.job_id, self._maker.make(job, plan)), None
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

    def _explain(self, job: Job, error: Exception) -> Failed:
        if is_out_of_memory(error):
            side = f"{job.request.width}x{job.request.height}"
            return Failed(
                job_id=job.job_id,
                request=job.request,
                message=f"There is not enough memory for a picture of {side}",
                hint="Choose a smaller size or a smaller model, or close other programs.",
            )
        _log.exception("a job ended in an error nobody foresaw")
        if is_misfit(error):
            return Failed(
                job_id=job.job_id,
                request=job.request,
                message=f"The parts of this model do not fit together: {str(error)[:200]}",
                hint="Get the model again, whole, or choose another.",
            )
        return Failed(
            job_id=job.job_id,
            request=job.request,
            message=f"{type(error).__name__}: {str(error)[:300]}",
            hint="This is a bug in Safelight.",
            is_bug=True,
            details=traceback.format_exc(),
        )


def _saved(job_id: str, record: PictureRecord) -> Saved:
    return Saved(job_id=job_id, record=record)
