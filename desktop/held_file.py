"""A file that one process holds for as long as it lives, whatever becomes of the process or of the clock."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


class HeldFile:
    """The system lets go of the lock when the process is gone, so whoever can take it knows that it is.

    filelock, which downloads use, tells nothing of what a dead holder left, and its import takes tens of milliseconds
    that would come before the window.

    left: after take, whether the file lay there already, written by a process that never let go of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self.left = False

    def take(self) -> bool:
        """Whether it is this one's now; False where somebody holds it. Raises OSError where it cannot be made."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                if not _lock(handle):
                    os.close(handle)
                    return False
                if not _is_still(self._path, handle):  # its holder removed it between the two calls
                    os.close(handle)
                    continue
                self.left = os.fstat(handle).st_size > 0
            except BaseException:
                os.close(handle)
                raise
            with contextlib.suppress(OSError):  # a full disk: it is held all the same
                os.write(handle, b"x")
            self._handle = handle
            return True

    def release(self) -> None:
        """Let go of it, and remove it. May be called again."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if os.name == "nt":  # removes nothing that is open; who takes it in between finds it empty
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
            os.close(handle)
            with contextlib.suppress(OSError):
                self._path.unlink()
        else:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(handle)

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)


def _lock(handle: int) -> bool:
    """Where the file system has no locks, whoever asks gets it: better than nobody ever."""
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
            raise
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
