"""Bringing one file here: from the bytes already there, verified, and only then under its own name."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import disk_error
from desktop.library.hub import Hub
from desktop.library.hub_errors import HubError, Unreachable
from desktop.library.partial import Partial
from desktop.library.pipeline_files import RemoteFile
from desktop.library.stop import Stop, Stopped

if TYPE_CHECKING:
    import requests

PIECE = 1 << 18  # bytes read at a time, at most
WAITS_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before each new try that follows one without a single byte
_WAIT_MAX_S = 600.0  # of what a hub may ask for


class Fetch:
    """Fetches the files of one download.

    on_bytes(count): so many more are here; negative where some had to be thrown away.
    on_wait(error, seconds): the hub could not be reached, and the next try comes by itself.
    """

    def __init__(
        self,
        hub: Hub,
        stop: Stop,
        *,
        on_bytes: Callable[[int], None],
        on_wait: Callable[[Unreachable, float], None],
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self._hub, self._stop = hub, stop
        self._on_bytes, self._on_wait = on_bytes, on_wait
        self._waits_s = waits_s

    def run(self, partial: Partial, file: RemoteFile, copy_of: Path | None = None) -> None:
        """Have this file there, verified. copy_of: where the same bytes should be on this machine already.

        Raises Stopped, and KnownError where it cannot be had.
        """
        if partial.is_verified(file):
            return
        if not file.fingerprint:
            raise KnownError(
                f"The hub tells no fingerprint of {file.name}, so nobody could say whether it arrived whole",
                "Get the model from another place.",
            )
        path = partial.part(file)
        try:
            copied = copy_of is not None and not path.exists()
            if copied:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._copy(copy_of, path)
            with _Part(path, file) as part:
                for _ in part.read_again():
                    self._check()
                self._fill(partial, part)
                part.sync()
                whole = part.fingerprint == file.fingerprint
            if not whole:
                path.unlink()
                self._on_bytes(-file.bytes)
                if copied:  # somebody changed it here
                    self.run(partial, file)
                    return
                raise KnownError(
                    f"{file.name} arrived damaged: its fingerprint is not the one the hub names",
                    "What had arrived of this file was deleted; resume to fetch it again.",
                )
            target = partial.verified(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        except OSError as error:
            raise _disk_error(partial.folder.parent.parent, error) from error

    def _fill(self, partial: Partial, part: "_Part") -> None:
        tries = 0
        while part.size < part.file.bytes:
            self._check()
            start = part.size
            try:
                with self._hub.open(partial.offer.repo, partial.offer.revision, part.file.name, start) as response:
                    if start and not _goes_on(response, start, part.file.bytes):
                        part.empty()
                        self._on_bytes(-start)
                    if response.status_code != 416:
                        self._take(response, part)
            except Unreachable as error:
                self._check()  # a read that was ended from here looks like a broken connection
                tries = 0 if part.size > start else tries
                if tries == len(self._waits_s):
                    raise
                seconds = max(self._waits_s[tries], min(error.after_s or 0.0, _WAIT_MAX_S))
                tries += 1
                self._on_wait(error, seconds)
                if self._stop.wait(seconds):
                    raise Stopped from None
            except HubError:
                self._check()
                raise

    def _take(self, response: "requests.Response", part: "_Part") -> None:
        """Append what arrives. Raises Unreachable where it ends before the file does."""
        with self._stop.ends(response):
            while part.size < part.file.bytes:
                self._check()
                with _read_errors():
                    piece = response.raw.read1(PIECE)
                if not piece:
                    raise Unreachable("The connection to the hub broke", "Resume to go on from there.")
                piece = piece[: part.file.bytes - part.size]
                part.append(piece)
                self._on_bytes(len(piece))

    def _copy(self, source: Path, target: Path) -> None:
        """The bytes of another model, where the disk can without using them up twice; verified like any others."""
        try:
            os.link(source, target)
        except OSError:
            with source.open("rb") as there, target.open("wb") as here:
                while piece := there.read(PIECE * 4):
                    self._check()
                    here.write(piece)
        self._on_bytes(target.stat().st_size)

    def _check(self) -> None:
        if self._stop.is_set:
            raise Stopped


class _Part:
    """A file that is not whole yet, open, with the fingerprint of what is in it."""

    def __init__(self, path: Path, file: RemoteFile) -> None:
        self.file = file
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never through a link: what is written here must not end up in another file.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._handle = os.fdopen(os.open(path, flags, 0o644), "r+b", buffering=0)
        self.empty(truncate=False)

    def __enter__(self) -> "_Part":
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.close()

    @property
    def fingerprint(self) -> str:
        return self._digest.hexdigest()

    def read_again(self) -> Iterator[None]:
        """Take in what is there from before, a piece at a time."""
        if os.fstat(self._handle.fileno()).st_size > self.file.bytes:  # something else under our name
            self.empty()
        while piece := self._handle.read(PIECE * 4):
            self._digest.update(piece)
            self.size += len(piece)
            yield

    def empty(self, *, truncate: bool = True) -> None:
        """Begin anew."""
        if truncate:
            self._handle.seek(0)
            self._handle.truncate()
        self.size = 0
        self._digest = self.file.new_digest()

    def append(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[write(self._handle.fileno(), rest) :]
        self._digest.update(piece)
        self.size += len(piece)

    def sync(self) -> None:
        os.fsync(self._handle.fileno())


def write(handle: int, piece: memoryview) -> int:
    """The one place where a download's bytes reach the disk."""
    return os.write(handle, piece)


def _goes_on(response: "requests.Response", start: int, total: int) -> bool:
    """Whether what comes is the rest of the file; a hub may send it from its beginning instead."""
    return (
        response.status_code == 206
        and response.headers.get("Content-Range", "") == f"bytes {start}-{total - 1}/{total}"
    )


@contextlib.contextmanager
def _read_errors() -> Iterator[None]:
    """What urllib3 and the socket under it raise when a connection breaks."""
    from urllib3.exceptions import HTTPError
    from urllib3.exceptions import TimeoutError as Silence

    try:
        yield
    except (TimeoutError, Silence) as error:
        raise Unreachable("The hub sends nothing any more", "Resume to go on from there.") from error
    except (HTTPError, OSError, ValueError) as error:  # ValueError: a file that was closed under the read
        raise Unreachable("The connection to the hub broke", "Resume to go on from there.") from error


def _disk_error(folder: Path, error: OSError) -> KnownError:
    if error.errno == errno.EFBIG:
        return KnownError(
            f"The disk at {folder} takes no file of this size",
            "Free some space there, or use a disk of another format.",
        )
    return disk_error(folder, error)
