"""The steps a picture came by, kept in one small file beside the database and never needed to show the picture.

A file is a ZIP archive, stored, of index.json and of WebP pictures, two a step: what the network took the clean picture
to be (x_0) and the noisy state it looked at (x_t), in the preview's colours. Thirty steps at 512x512 take under 400 KB.
"""

import io
import json
import logging
import math
import queue
import re
import threading
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

from desktop import frames
from desktop.errors import KnownError
from desktop.files import write_atomically
from desktop.messages import Frame, TimelineStep
from desktop.store.timeline_limit import Facts, TimelineLimit, Usage, no_facts

_log = logging.getLogger(__name__)

VERSION = 1
KEY = "timeline"  # in a picture's record of how it was made: the name of its timeline
SIDE_MAX = 256  # pixels of a kept frame's longer side
PACKING = ((70, SIDE_MAX), (45, SIDE_MAX), (35, 192), (25, 128))  # quality of WebP, 0 to 100, and longest side
STEP_BYTES = 13_000  # of a step on average, beyond which the next of these is tried: 390 KB for thirty
STEPS_MAX = 2000
MEMBER_MAX = 2 * 2**20  # bytes of one frame, unpacked by the reader
# A damaged archive raises whatever the member's bytes make the unpackers stumble over.
_DAMAGE = (OSError, ValueError, LookupError, TypeError, OverflowError, zipfile.BadZipFile, RuntimeError)


class Timelines:
    """A folder of timelines by name; written and thinned on a thread of its own, so that the engine never waits.

    facts: as in TimelineLimit. Attributes: limit.
    """

    def __init__(self, folder: Path, facts: Facts = no_facts) -> None:
        self._folder = folder
        self.limit = TimelineLimit(folder, facts)
        self._bytes: int | None = None  # of all, as far as this program knows; None until it has looked
        self._hurry = threading.Event()  # the program is closing
        # Steps under a name; a name alone thins; None ends.
        self._waiting: queue.SimpleQueue[tuple[str, Sequence[TimelineStep] | None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._written = threading.Condition()
        self._unwritten: set[str] = set()

    def keep(self, steps: Sequence[TimelineStep]) -> str:
        """Begin to write them; returns the name under which they will be found, "" where none are to be kept."""
        return "" if self.limit.bytes == 0 else self._begin(steps)

    def usage(self) -> Usage:
        """Looks at every file: 100 ms for 10,000 of them."""
        return self.limit.usage()

    def use_limit(self, limit_bytes: int) -> None:
        """Keep no more than this from now on, 0 for none; what is too much goes soon. Raises KnownError."""
        self.limit.set(limit_bytes)
        self._begin(None)

    def _begin(self, steps: Sequence[TimelineStep] | None) -> str:
        name = uuid.uuid4().hex
        if self._thread is None:
            self._hurry.clear()
            self._thread = threading.Thread(target=self._write_all, name="timelines", daemon=True)
            self._thread.start()
        with self._written:
            self._unwritten.add(name)
        self._waiting.put((name, steps))
        return name

    def wait(self) -> None:
        """Wait until everything begun is written."""
        with self._written:
            self._written.wait_for(lambda: not self._unwritten)

    def close(self) -> None:
        """Write what still waits, and end the thread; what is too much goes another time."""
        if self._thread is not None:
            self._hurry.set()
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def path_of(self, name: str) -> Path:
        """Raises KnownError where it is no name of a timeline."""
        if not isinstance(name, str) or not re.fullmatch(r"[0-9a-f]{32}", name):
            raise KnownError("The name of the picture's timeline is damaged", "Make the picture again.")
        return self._folder / name[:2] / f"{name}.zip"

    def read(self, name: str) -> tuple[TimelineStep, ...]:
        """Waits for one that is just being written. Raises KnownError where it is gone or damaged."""
        path = self.path_of(name)
        with self._written:
            self._written.wait_for(lambda: name not in self._unwritten)
        try:
            with zipfile.ZipFile(path) as archive:
                return _read(archive)
        except FileNotFoundError as error:
            raise KnownError(
                "The timeline of this picture is not kept any more", "Make the picture again to see its steps."
            ) from error
        except Exception as error:
            if not isinstance(error, _DAMAGE) and type(error).__module__.partition(".")[0] not in ("zlib", "PIL"):
                raise
            raise KnownError(
                "The timeline of this picture is damaged", "Make the picture again to see its steps."
            ) from error

    def remove(self, name: str) -> None:
        """Delete one; where there is none is no error. Raises KnownError where the disk refuses."""
        path = self.path_of(name)
        with self._written:
            self._written.wait_for(lambda: name not in self._unwritten)
        self.limit.remove(path)

    def _write_all(self) -> None:
        while (job := self._waiting.get()) is not None:
            name, steps = job
            try:
                if steps is None:
                    self._bytes = self.limit.thin(self._hurry)
                else:
                    self._write(name, steps)
            except Exception:  # whatever happens costs the timeline, never the picture nor the timelines after it
                _log.exception("the timeline of a picture cannot be kept, or the timelines not be thinned")
            with self._written:
                self._unwritten.discard(name)
                self._written.notify_all()

    def _write(self, name: str, steps: Sequence[TimelineStep]) -> None:
        data = packed(steps)
        write_atomically(self.path_of(name), data)
        if self._bytes is not None:
            self._bytes += len(data)
        if self._bytes is None or self._bytes > self.limit.bytes:
            self._bytes = self.limit.thin(self._hurry)


def packed(steps: Sequence[TimelineStep]) -> bytes:
    """The file's bytes. Pictures full of detail are packed more tightly, so that no picture's steps take much room."""
    for quality, side in PACKING:
        rows, members = _packed_once(steps, quality, side)
        if sum(len(member) for member in members.values()) <= STEP_BYTES * len(steps):
            break
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
        archive.writestr("index.json", json.dumps({"version": VERSION, "steps": rows}))
    return buffer.getvalue()


def _packed_once(steps: Sequence[TimelineStep], quality: int, side: int) -> tuple[list[dict], dict[str, bytes]]:
    """(the index, the pictures by the name they have in it)."""
    rows: list[dict] = []
    members: dict[str, bytes] = {}
    before = None
    for place, step in enumerate(steps):
        row = {
            "index": step.index,
            "timestep": step.timestep,
            "alpha": step.alpha,
            "sigma": step.sigma,
            "stage": step.stage,
            "change": frames.change(before, step.x_0),
        }
        for kind, frame in (("x_0", step.x_0), ("x_t", step.x_t)):
            if frame is not None:
                row[kind] = f"{place:04d}-{kind}.webp"
                members[row[kind]] = _webp(frame, quality, side)
        before = step.x_0 or before
        rows.append(row)
    return rows, members


def _webp(frame: Frame, quality: int, side: int) -> bytes:
    image = frames.as_image(frame)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=0)
    return buffer.getvalue()


def _read(archive: zipfile.ZipFile) -> tuple[TimelineStep, ...]:
    def member(name: str) -> bytes:
        if archive.getinfo(name).file_size > MEMBER_MAX:
            raise ValueError("too large")
        return archive.read(name)

    index = json.loads(member("index.json"))
    if index["version"] != VERSION or len(index["steps"]) > STEPS_MAX:
        raise ValueError("of another version")

    def frame(name: object) -> Frame | None:
        from desktop.store.picture_file import open_picture

        if name is None:
            return None
        image = open_picture(member(str(name)))
        if max(image.size) > SIDE_MAX:
            raise ValueError("too large")
        return Frame(width=image.width, height=image.height, rgb=image.tobytes())

    steps = []
    for place, row in enumerate(index["steps"], 1):
        numbers = {key: _number(row.get(key)) for key in ("alpha", "sigma", "change")}
        steps.append(
            TimelineStep(
                index=min(STEPS_MAX, max(place, int(row.get("index", place)))),  # the first timelines kept none
                timestep=float(row["timestep"]),
                stage=str(row["stage"])[:20],
                x_0=frame(row.get("x_0")),
                x_t=frame(row.get("x_t")),
                **numbers,
            )
        )
    return tuple(steps)


def _number(value: object) -> float | None:
    if value is None:
        return None
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError("no number")
    return number
