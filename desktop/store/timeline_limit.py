"""How much room all timelines together may take, and what goes when they take more."""

import contextlib
import io
import json
import logging
import os
import threading
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from desktop.errors import KnownError
from desktop.files import disk_error, write_atomically
from desktop.thinning import halved

_log = logging.getLogger(__name__)

DEFAULT_BYTES = 2 * 10**9
STEPS_MIN = 8  # a timeline is not thinned below
_TARGET = 0.9  # of the limit is left, so that not every new timeline begins the work again

Facts = Callable[[], tuple[set[str], dict[str, set[int]]]]


def no_facts() -> tuple[set[str], dict[str, set[int]]]:
    return set(), {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """bytes: of `count` timelines together. limit_bytes: what they may take; 0 where none are kept."""

    bytes: int
    count: int
    limit_bytes: int


class TimelineLimit:
    """Beyond the limit the oldest timelines lose every second step, again and again down to a few, then they go; those
    of rated pictures come last. First and last steps stay, and those that another picture grew from.

    The limit lies in a file beside the timelines, so that a window and a command that run together agree on it.
    facts: (names of rated pictures' timelines, steps that pictures grew from by a timeline's name); asked on the
    thread that thins.
    """

    def __init__(self, folder: Path, facts: Facts = no_facts) -> None:
        self._folder, self._facts = folder, facts
        self._file = folder / "limit"
        self._writing = threading.Lock()  # a file that was removed does not come back by being thinned

    @property
    def bytes(self) -> int:
        """What the user chose; the default where that cannot be read."""
        try:
            return max(0, int(self._file.read_text("ascii")))
        except (OSError, ValueError):
            return DEFAULT_BYTES

    def set(self, limit_bytes: int) -> None:
        """0 keeps none. Raises KnownError where the disk refuses."""
        write_atomically(self._file, str(limit_bytes).encode())

    def usage(self) -> Usage:
        found = self._found()
        return Usage(bytes=sum(size for _, size, _ in found), count=len(found), limit_bytes=self.bytes)

    def thin(self, stop: threading.Event | None = None) -> int:
        """Bring all within the limit; returns how many bytes are left. stop: leave the rest for another time."""
        limit, found = self.bytes, self._found()
        total = sum(size for _, size, _ in found)
        if total <= limit:
            return total
        rated, points = self._facts() if limit else (set(), {})
        stop = stop or threading.Event()
        for favourites in (False, True):
            mine = [[size, path] for _, size, path in found if (path.stem in rated) == favourites]
            again = limit > 0
            while again:
                again = False
                for entry in mine:
                    if total <= limit * _TARGET or stop.is_set():
                        return total
                    saved = self._halve(entry[1], points.get(entry[1].stem, ()))
                    again = again or saved > 0
                    entry[0] -= saved
                    total -= saved
            for size, path in mine:
                if total <= limit * _TARGET or stop.is_set():
                    return total
                with contextlib.suppress(KnownError):  # somebody reads it, where the system minds that
                    self.remove(path)
                    total -= size
        return total

    def remove(self, path: Path) -> bool:
        """Delete one; where there is none is no error. Raises KnownError where the disk refuses."""
        with self._writing:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise disk_error(path.parent, error) from error

    def _found(self) -> list[tuple[float, int, Path]]:
        """The oldest first."""
        found = []
        for path in self._folder.glob("*/*.zip"):
            try:
                about = path.stat()
            except OSError:  # it has just gone
                continue
            found.append((about.st_mtime, about.st_size, path))
        return sorted(found)

    def _halve(self, path: Path, points: Collection[int]) -> int:
        """How many bytes that saved; 0 where there is nothing to leave out."""
        try:
            about = path.stat()
            data = _halved(path, points)
        except Exception:  # a damaged one is not thinned; it goes in its turn
            return 0
        if data is None or len(data) >= about.st_size:
            return 0
        with self._writing:
            try:
                if not path.exists():
                    return about.st_size
                write_atomically(path, data)
                os.utime(path, (about.st_atime, about.st_mtime))  # it is as old as before
            except (OSError, KnownError):
                _log.exception("a timeline cannot be thinned")
                return 0
        return about.st_size - len(data)


def _halved(path: Path, points: Collection[int]) -> bytes | None:
    """points: how many steps the pictures that grew from it share with it. The pictures inside are not packed anew."""
    with zipfile.ZipFile(path) as archive:
        index = json.loads(archive.read("index.json"))
        rows = index["steps"]
        if len(rows) <= STEPS_MIN:
            return None
        # A branch that shares k steps is shown beside the step after them.
        kept = halved(rows, lambda row: row.get("index") in points or row.get("index", 0) - 1 in points)
        if len(kept) == len(rows):
            return None
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as smaller:
            for row in kept:
                for kind in ("x_0", "x_t"):
                    if row.get(kind) is not None:
                        smaller.writestr(row[kind], archive.read(row[kind]))
            smaller.writestr("index.json", json.dumps(index | {"steps": kept}))
    return buffer.getvalue()
