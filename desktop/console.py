"""What the commands tell the terminal, and how they run requests through the engine."""

import json
import queue
import signal
import sys
from collections.abc import Callable
from typing import Any

from desktop.errors import KnownError
from desktop.messages import (
    TERMINAL,
    Advised,
    Cancelled,
    EngineReady,
    Event,
    Failed,
    GenerationRequest,
    Phase,
    PhaseChanged,
    PlanChosen,
    Preview,
    Saved,
    Started,
)
from desktop.settings import Folders
from desktop.studio import Studio


def open_studio(folders: Folders, emit: Callable[[Event], None], **parts: Any) -> Studio:
    """A studio whose gallery and history are whole again, should the database have been lost."""
    studio = Studio(folders, emit, **parts)
    if studio.database.fresh:
        aside = studio.database.set_aside
        count = studio.recover()
        if aside is not None:
            say(f"The database was damaged and is {aside.name} now; {count} pictures were found on the disk again.")
    return studio


def say(text: str) -> None:
    """One line on stderr. Names come from files too, so nothing in them reaches the terminal as a command."""
    print(f"safelight: {printable(text)}", file=sys.stderr)


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Printer:
    """Tells what happens: events as JSON on stdout, or words on stderr and saved paths, if wanted, on stdout."""

    def __init__(self, as_json: bool, paths: bool = True) -> None:
        self._json = as_json
        self._paths = paths
        self._live = not as_json and sys.stderr is not None and sys.stderr.isatty()
        self._width = 0
        self._told_of_trouble = False

    def tell(self, event: Event) -> None:
        if self._json:
            if (line := as_line(event)) is not None:
                print(json.dumps(line), flush=True)
            if isinstance(event, Failed):
                self._explain(event)
            return
        match event:
            case PhaseChanged(phase=Phase.IMPORTING):
                self._status("starting")
            case EngineReady(trouble=trouble) if trouble and not self._told_of_trouble:
                self._told_of_trouble = True
                self._status("")
                say(trouble)
            case PlanChosen(plan=plan, text=text) if plan != "device":
                self._status("")
                say(text)
            case Advised(message=message, hint=hint):
                self._status("")
                say(str(KnownError(message, hint)))
            case PhaseChanged(phase=Phase.LOADING, model=model):
                self._status(f"loading {model}")
            case Preview(step=step, total=total, seconds_left=left):
                self._status(f"step {step} of {total}" + ("" if left is None else f", {left:.0f} s left"))
            case Saved(record=record):
                self._status("")
                if self._paths:
                    print(record.path, flush=True)
            case Cancelled():
                self._status("")
                say("stopped")
            case Failed():
                self._status("")
                self._explain(event)

    def _explain(self, event: Failed) -> None:
        if event.details:
            print(event.details, file=sys.stderr)
        say(str(KnownError(event.message.rstrip("."), event.hint)))

    def _status(self, text: str) -> None:
        if self._live:
            print(f"\r{text:<{self._width}}\r" + text, end="", file=sys.stderr, flush=True)
            self._width = len(text)


def as_line(event: Event) -> dict[str, object] | None:
    """What --json prints for an event; None for those that are of the window only."""
    match event:
        case Started(job_id=job, request=request):
            return {"event": "started", "job": job, "prompt": request.prompt, "seed": request.seed}
        case Preview(job_id=job, step=step, total=total, seconds=seconds, stage=stage):
            return {
                "event": "preview",
                "job": job,
                "step": step,
                "total": total,
                "seconds": round(seconds, 3),
                "stage": stage,
            }
        case Saved(job_id=job, record=record):
            return {
                "event": "saved",
                "job": job,
                "path": record.path,
                "seed": record.request.seed,
                "width": record.request.width,
                "height": record.request.height,
                "seconds": round(record.seconds, 3),
            }
        case Cancelled(job_id=job, step=step):
            return {"event": "cancelled", "job": job, "step": step}
        case Failed(job_id=job, message=message, hint=hint, is_bug=is_bug):
            return {"event": "failed", "job": job, "message": message, "hint": hint, "bug": is_bug}
    return None


def run(
    studio: Studio,
    events: "queue.SimpleQueue[Event]",
    requests: list[GenerationRequest],
    printer: Printer,
    keep: bool = False,
    stopped_stay: bool = False,
    submit: Callable[[GenerationRequest], str] | None = None,
) -> int:
    """Run the requests one after another; stops them all at the first interrupt.

    keep: whether what is not done yet is written to the saved queue, for the case that the process is killed.
    stopped_stay: whether what an interrupt stopped stays there too. submit: in place of the engine's own.
    """
    status = 0
    if keep:  # before the engine starts, which may be the moment it is killed
        studio.queue.keep(requests)
    studio.engine.start()
    submit = submit or studio.engine.submit
    jobs: dict[str | None, GenerationRequest] = {submit(request): request for request in requests}

    undone = dict(jobs)

    def write_queue() -> None:
        if keep:
            studio.queue.keep(undone.values())

    interrupted = False

    def on_interrupt(signal_number: int, frame: object) -> None:
        """Wherever this thread is, printing included: every job still gets its terminal event."""
        nonlocal interrupted
        interrupted = True
        for job in list(jobs):
            studio.engine.cancel(job)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        while jobs:
            event = events.get()
            printer.tell(event)
            if isinstance(event, TERMINAL):
                jobs.pop(event.job_id, None)
                if not (stopped_stay and isinstance(event, Cancelled)):
                    undone.pop(event.job_id, None)
                write_queue()
            if isinstance(event, Failed):
                status = 1 if event.is_bug or status == 1 else 2
                if event.job_id is None:  # the engine itself did not start
                    break
    finally:
        signal.signal(signal.SIGINT, before)
    return 130 if interrupted else status
