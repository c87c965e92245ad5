"""A file for the window that is open already: a second start of the program hands it over, or macOS does."""

import contextlib
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QFileSystemWatcher, QObject, QTimer, Signal, Slot

from desktop.errors import KnownError
from desktop.files import write_atomically

_NOTE = ".to-open"


def hand_over(folder: Path, path: str) -> None:
    """Ask the window that watches the folder to open a file. Raises KnownError where nothing can be written there."""
    write_atomically(folder / f"{secrets.token_hex(8)}{_NOTE}", str(Path(path).absolute()).encode())


def notes(folder: Path) -> tuple[Path, ...]:
    """What waits there to be opened, in an order that is always the same."""
    return tuple(sorted(path for path in folder.glob(f"*{_NOTE}") if not path.name.startswith(".")))


class HandedOver(QObject):
    """Watches the folder while the window is open. Signals: wanted(path).

    forgotten: notes to a window that closed before it saw them. Those that came since, while this one was on its way,
    are told once the event loop runs.
    """

    wanted = Signal(str)

    def __init__(self, folder: Path, forgotten: Iterable[Path], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for note in forgotten:
            note.unlink(missing_ok=True)
        self._watcher = QFileSystemWatcher([str(folder)], self)
        self._watcher.directoryChanged.connect(self._on_changed)
        QTimer.singleShot(0, self._on_changed)
        if sys.platform == "darwin":  # elsewhere no such event comes, and looking at each one takes time
            QCoreApplication.instance().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A file that was opened from the Finder, or dropped on the icon."""
        if event.type() == QEvent.Type.FileOpen and event.file():
            self.wanted.emit(event.file())
            return True
        return super().eventFilter(watched, event)

    @Slot()
    def _on_changed(self) -> None:
        for note in notes(self._folder):
            with contextlib.suppress(OSError, ValueError, KnownError):  # gone already, or not ours
                path = note.read_text(encoding="utf-8")
                note.unlink()
                self.wanted.emit(path)
