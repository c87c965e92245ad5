"""Every grid is kept until its sheet is made, beside the GUI thread."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from desktop.errors import KnownError
from desktop.ui.background import Background

if TYPE_CHECKING:
    from desktop.grids import Grid, GridProgress
    from desktop.ui.ports import Grids

_log = logging.getLogger(__name__)


class GridSheets(QObject):
    """Signals: settled((GridProgress, its pictures that are there)) once a grid's beginnings are found again,
    written((GridProgress, PictureRecord, None where nothing was drawn)), failed(exception).
    """

    settled = Signal(object)
    written = Signal(object)
    failed = Signal(object)

    def __init__(self, grids: Grids, parent: QObject) -> None:
        super().__init__(parent)
        self._grids = grids
        self._kept: dict[GridProgress, _Keeping] = {}
        self._workers: list[Background] = []

    def begin(self, progress: GridProgress) -> None:
        """A new grid."""
        self._kept[progress] = _Keeping(self._grids, progress.grid)
        self._kept[progress].start()

    def take_up(self, progress: GridProgress, number: int) -> None:
        """One that was kept, and whose waiting jobs the progress knows; settled comes."""
        self._kept[progress] = _Keeping(self._grids, progress.grid, number)
        grids, grid = self._grids, progress.grid
        worker = self._worker("grid-pictures-there")
        worker.done.connect(self.settled)
        worker.start(lambda: (progress, grids.drawn(grid)))

    def finish(self, progress: GridProgress) -> None:
        """All that can be drawn is; written comes."""
        kept, grids, grid, results = self._kept.pop(progress), self._grids, progress.grid, progress.results()
        worker = self._worker("grid-sheet")
        worker.done.connect(self.written)
        worker.start(lambda: (progress, grids.finish(kept.wait(), grid, results)))

    def wait(self) -> None:
        """For shutdown: what is begun is on the disk then."""
        for kept in self._kept.values():
            kept.wait()
        for worker in self._workers:
            worker.wait()

    def _worker(self, name: str) -> Background:
        worker = Background(name, self)
        worker.failed.connect(self.failed)
        for signal in (worker.done, worker.failed):
            signal.connect(self._on_idle)
        self._workers.append(worker)
        return worker

    @Slot()
    def _on_idle(self) -> None:
        worker = self.sender()
        self._workers.remove(worker)
        worker.deleteLater()


class _Keeping:
    """number: what the grid is kept under, where that is known."""

    def __init__(self, grids: Grids, grid: Grid, number: int | None = None) -> None:
        self._grids, self._grid, self._number = grids, grid, number
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._keep, name="grid-keeper", daemon=True)
        self._thread.start()

    def wait(self) -> int | None:
        """The number; None where the grid cannot be kept, which costs its sheet only if the program ends meanwhile."""
        if self._thread is not None:
            self._thread.join()
        return self._number

    def _keep(self) -> None:
        try:
            self._number = self._grids.keep(self._grid)
        except KnownError as error:
            _log.warning("%s", error.message)
        except Exception:
            _log.exception("a grid cannot be kept")
