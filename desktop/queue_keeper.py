"""What waits is kept, so that the next start can offer it again."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

if TYPE_CHECKING:
    from desktop.grids import Grid
    from desktop.messages import GenerationRequest, QueueChanged, QueuedJob
    from desktop.studio import Studio
    from desktop.ui.bridge import Bridge
    from desktop.ui.main_window import MainWindow

_log = logging.getLogger(__name__)

_KEPT_AFTER_MS = 200  # a burst of changes is written once


class QueueKeeper(QObject):
    """Attributes: left_over, the requests that waited when the program ended, until the user has decided.

    Raises KnownError where the disk refuses.
    """

    def __init__(self, studio: Studio, window: MainWindow, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._window = studio, window
        self._jobs: tuple[QueuedJob, ...] = ()  # that wait or run
        self._is_kept = True
        self._writer = ThreadPoolExecutor(1, "queue")  # one, so that an older queue is never written after a newer one
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_KEPT_AFTER_MS)
        self._timer.timeout.connect(self._keep)
        bridge.queue_changed.connect(self._on_queue_changed)
        self.left_over: tuple[GenerationRequest, ...] = studio.queue.adopt()
        self._grids: list[tuple[int, Grid]] = []  # whose pictures are among these
        if self.left_over:
            window.offer_left_over(len(self.left_over)).decided.connect(self.decide)
        waiting = set(self.left_over)
        for kept in studio.grids.load():
            if waiting.isdisjoint(kept[1].requests):  # all of it is drawn
                window.take_up_grids([kept])
            else:
                self._grids.append(kept)

    @Slot(bool)
    def decide(self, run: bool) -> None:
        """What was left over runs now, or is forgotten."""
        requests, self.left_over = self.left_over, ()
        jobs = [(self._studio.engine.submit(request), request) for request in (requests if run else ())]
        grids, self._grids = self._grids, []
        self._window.take_up_grids(grids, jobs)
        self._is_kept = False
        self._timer.start()

    def close(self) -> None:
        """What waits is on the disk when this returns."""
        self._timer.stop()
        self._keep()
        self._writer.shutdown()

    @Slot(object)
    def _on_queue_changed(self, event: QueueChanged) -> None:
        self._jobs = event.jobs
        self._is_kept = False
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _keep(self) -> None:
        if self._is_kept:
            return
        # What was left over stays kept until the user has decided.
        waiting = tuple(job.request for job in self._jobs if job.saved)
        self._writer.submit(self._write, (*self.left_over, *waiting))
        self._is_kept = True

    def _write(self, requests: tuple[GenerationRequest, ...]) -> None:
        """On the writer's thread."""
        try:
            self._studio.queue.keep(requests)
        except Exception:
            _log.exception("the queue cannot be kept")
