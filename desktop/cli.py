"""The commands: the same engine, with no window."""

import argparse
import json
import logging
import queue
import signal
import sys
from collections.abc import Callable
from typing import Any

from desktop.errors import KnownError
from desktop.files import check_writable, user_path
from desktop.messages import (
    TERMINAL,
    Advised,
    Cancelled,
    Event,
    Failed,
    GenerationRequest,
    Phase,
    PhaseChanged,
    PlanChosen,
    Preview,
    Saved,
    Started,
    random_seed,
)
from desktop.settings import Folders, find_folders
from desktop.studio import Studio, save_into


def main(arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError, KeyboardInterrupt."""
    logging.getLogger("desktop").addHandler(logging.NullHandler())  # a traceback goes out once, as the Failed event
    if arguments.command == "train":
        from desktop.training import main as train

        return train(arguments.rest)
    folders = find_folders(arguments.data)
    match arguments.command:
        case "generate":
            return _generate(folders, arguments)
        case "replay":
            return _replay(folders, arguments)
        case "models":
            from desktop import model_commands

            return model_commands.main(folders, arguments)
        case "gallery":
            return _gallery(folders, arguments)
    raise AssertionError(arguments.command)


def _open(folders: Folders, emit: Callable[[Event], None], **parts: Any) -> Studio:
    """A studio whose gallery and history are whole again, should the database have been lost."""
    studio = Studio(folders, emit, **parts)
    if studio.database.fresh:
        aside = studio.database.set_aside
        count = studio.recover()
        if aside is not None:
            _say(f"The database was damaged and is {aside.name} now; {count} pictures were found on the disk again.")
    return studio


def _say(text: str) -> None:
    """One line on stderr. Names come from files too, so nothing in them reaches the terminal as a command."""
    print(f"safelight: {printable(text)}", file=sys.stderr)


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class _Printer:
    """Tells what happens: events as JSON on stdout, or words on stderr and saved paths, if wanted, on stdout."""

    def __init__(self, as_json: bool, paths: bool = True) -> None:
        self._json = as_json
        self._paths = paths
        self._live = not as_json and sys.stderr is not None and sys.stderr.isatty()
        self._width = 0

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
            case PlanChosen(plan=plan, text=text) if plan != "device":
                self._status("")
                _say(text)
            case Advised(message=message, hint=hint):
                self._status("")
                _say(str(KnownError(message, hint)))
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
                _say("stopped")
            case Failed():
                self._status("")
                self._explain(event)

    def _explain(self, event: Failed) -> None:
        if event.details:
            print(event.details, file=sys.stderr)
        _say(str(KnownError(event.message.rstrip("."), event.hint)))

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


def _run(
    studio: Studio, events: "queue.SimpleQueue[Event]", requests: list[GenerationRequest], printer: _Printer
) -> int:
    """Run the requests one after another; stops them all at the first interrupt."""
    status = 0
    studio.engine.start()
    jobs: set[str | None] = {studio.engine.submit(request) for request in requests}
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
                jobs.discard(event.job_id)
            if isinstance(event, Failed):
                status = 1 if event.is_bug or status == 1 else 2
                if event.job_id is None:  # the engine itself did not start
                    break
    finally:
        signal.signal(signal.SIGINT, before)
    return 130 if interrupted else status


def _generate(folders: Folders, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.count <= 1000:
        raise KnownError(f"The count is {arguments.count}", "Use a whole number from 1 to 1000.")
    if arguments.strength is not None and arguments.init is None:
        raise KnownError("--strength needs a start picture", "Add --init IMAGE.")
    if arguments.mask is not None and arguments.init is None:
        raise KnownError("--mask needs a start picture", "Add --init IMAGE.")
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    save = None
    if arguments.out is not None:
        out = user_path(arguments.out).absolute()
        check_writable(out)  # before the time is spent
        save = save_into(out)
    studio = _open(folders, events.put, save=save, memory_mode=arguments.memory)
    try:
        info = studio.library.resolve(arguments.model)
        seed = random_seed() if arguments.seed is None else arguments.seed
        width, height = arguments.size or (info.width, info.height)
        request = GenerationRequest(
            prompt=arguments.prompt,
            negative_prompt=arguments.negative,
            model=info.name,
            seed=seed,
            steps=info.steps if arguments.steps is None else arguments.steps,
            guidance_scale=info.guidance_scale if arguments.guidance is None else arguments.guidance,
            scheduler=arguments.scheduler or info.scheduler,
            width=width,
            height=height,
            start_picture=None if arguments.init is None else studio.starts.keep(user_path(arguments.init)),
            strength=0.6 if arguments.strength is None else arguments.strength,
            mask=None if arguments.mask is None else studio.starts.keep(user_path(arguments.mask)),
        )
        requests = [request.replace(seed=seed + n) for n in range(arguments.count)]
        return _run(studio, events, requests, _Printer(arguments.json))
    finally:
        studio.close()


def _replay(folders: Folders, arguments: argparse.Namespace) -> int:
    from desktop.replay import Replay

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    replay = Replay(user_path(arguments.image))
    studio = _open(folders, events.put, save=replay.keep, open_start=replay.open_start)
    try:
        status = _run(studio, events, [replay.request], _Printer(as_json=False, paths=False))
    finally:
        studio.close()
    if status:
        return status
    result = replay.compare()
    if arguments.json:
        print(json.dumps({"event": "replayed"} | result.to_json()))
    else:
        print(result.words())
    return 0


def _gallery(folders: Folders, arguments: argparse.Namespace) -> int:
    studio = _open(folders, lambda event: None)
    try:
        if arguments.action == "rebuild":
            print(f"{studio.recover()} pictures found that were not in the gallery")
            return 0
        for record in studio.pictures.list(text=arguments.text, limit=1000):
            if arguments.json:
                print(json.dumps({"path": record.path, "prompt": record.request.prompt, "seed": record.request.seed}))
            else:
                print(record.path)
        return 0
    finally:
        studio.close()
