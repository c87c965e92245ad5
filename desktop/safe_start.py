"""Whether the last start came to its end. If it did not, the next one does less, so that the program opens again.

A file is held by the process that is starting. It goes when the window works, or is closed; where it is still there
and nobody holds it, that start died.
"""

from pathlib import Path

from desktop.held_file import HeldFile


class StartMark:
    """path: the file, in a folder that is there."""

    def __init__(self, path: Path) -> None:
        self._file = HeldFile(path)

    def begin(self) -> bool:
        """Call before anything that might die. Returns whether the last start did."""
        try:
            # Where another window is starting this moment, the mark is that one's.
            return self._file.take() and self._file.left
        except OSError:  # a disk that takes no mark: the start goes on, and says so elsewhere
            return False

    def done(self) -> None:
        """The start came to its end. May be called again."""
        self._file.release()
