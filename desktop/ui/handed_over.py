"""A file that a second start of the program hands to the window that is open already."""

import contextlib
import secrets
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal, Slot

from desktop.errors import KnownError
from desktop.files import write_atomically

_NOTE = ".to-open"


def hand_over(folder: Path, path: str) -> None:
    """Ask the window that watches the folder to open a file. Raises KnownError where nothing can be written there."""
    write_atomically(folder / f"{secrets.token_hex(8)}{_NOTE}", str(Path(path).absolute()).encode())


class HandedOver(QObject):
    """Watches the folder while the window is open. Signals: wanted(path)."""

    wanted = Signal(str)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for note in self._notes():  # of a window that closed before it saw them
            note.unlink(missing_ok=True)
        self._watcher = QFileSystemWatcher([str(folder)], self)
        self._watcher.directoryChanged.connect(self._on_changed)

    @Slot()
    def _on_changed(self) -> None:
        for note in self._notes():
            with contextlib.suppress(OSError, ValueError, KnownError):  # gone already, or not ours
                path = note.read_text(encoding="utf-8")
                note.unlink()
                self.wanted.emit(path)

    def _notes(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"*{_NOTE}") if not path.name.startswith("."))
