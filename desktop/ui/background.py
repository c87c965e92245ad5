"""Work that is too slow for the GUI thread, one piece at a time, with its result back on it."""

import contextlib
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class Background(QObject):
    """Runs a function on a named thread of its own. Newer work makes the result of older work unwanted.

    Signals: done(result), failed(exception).
    """

    done = Signal(object)
    failed = Signal(object)
    _ended = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._number = 0
        self._threads: list[threading.Thread] = []
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)

    def start(self, work: Callable[[], object]) -> None:
        self._number += 1
        thread = threading.Thread(target=self._run, args=(self._number, work), name=self._name, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()]
        self._threads.append(thread)
        thread.start()

    def forget(self) -> None:
        """Want no result of what runs now."""
        self._number += 1

    def wait(self) -> None:
        """Wait for what runs; for shutdown and tests."""
        self.forget()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _run(self, number: int, work: Callable[[], object]) -> None:
        try:
            outcome = (number, work(), None)
        except Exception as error:  # every failure has to reach the window
            outcome = (number, None, error)
        with contextlib.suppress(RuntimeError):  # the window closed, and this object went with it
            self._ended.emit(outcome)

    @Slot(object)
    def _on_ended(self, outcome: tuple) -> None:
        number, result, error = outcome
        if number != self._number:
            return
        if error is None:
            self.done.emit(result)
        else:
            self.failed.emit(error)
