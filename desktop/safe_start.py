"""Whether the last start came to its end. If it did not, the next one does less, so that the program opens again.

A file holds the number of the process that is starting. It goes when the window works, or is closed; where it is
still there and its process is not, that start died.
"""

import contextlib
import os
import time
from pathlib import Path


class StartMark:
    """path: the file, in a folder that is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = False

    def begin(self) -> bool:
        """Call before anything that might die. Returns whether the last start did."""
        died = False
        try:
            number, moment = self._path.read_text(encoding="ascii").split()
            if _runs(int(number), float(moment)):
                return False  # another window is starting this moment
            died = True
        except FileNotFoundError:
            pass
        except (OSError, ValueError):  # half written: that one died as well
            died = True
        with contextlib.suppress(OSError):  # a full disk: the start goes on, and says so elsewhere
            self._path.write_text(f"{os.getpid()} {time.time()}", encoding="ascii")
            self._mine = True
        return died

    def done(self) -> None:
        """The start came to its end. May be called again."""
        if self._mine:
            self._mine = False
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _runs(number: int, moment: float) -> bool:
    """Whether the process that wrote its number at that moment is still there, and not another of the same number."""
    import psutil  # only after a crash: it takes 15 ms

    if number == os.getpid():
        return False
    try:
        return psutil.Process(number).create_time() <= moment + 1
    except (psutil.Error, ValueError, OverflowError):
        return False
