"""What is told about downloads becomes a Qt signal on the GUI thread."""

import threading

from PySide6.QtCore import QObject, Qt, Signal, Slot

from desktop.library.download import Download


class DownloadBridge(QObject):
    """Takes records from any thread; of those that wait for one download, the newest is sent on.

    Signals: changed(Download).
    """

    changed = Signal(object)
    _wake = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: dict[str, Download] = {}
        self._closed = False
        self._wake.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def post(self, download: Download) -> None:
        """Hand over a record, from any thread; returns at once."""
        with self._lock:
            if self._closed:
                return
            asleep = not self._waiting
            self._waiting.pop(download.key, None)  # its place is where the newest one came
            self._waiting[download.key] = download
            if asleep:  # under the lock, so that close() cannot come between; a queued emit only appends to a list
                self._wake.emit()

    def close(self) -> None:
        """Take no more and forget what waits. Call it before the window goes."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    @Slot()
    def _deliver(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for download in waiting.values():
            self.changed.emit(download)
