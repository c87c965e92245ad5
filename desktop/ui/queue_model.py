"""The queue as a Qt model; it mirrors the engine and never changes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractListModel, QByteArray, QMimeData, QModelIndex, QObject, Qt, Signal, Slot

from desktop.ui import words
from desktop.ui.tips import plain_tip

if TYPE_CHECKING:
    from desktop.messages import Preview, QueueChanged, QueuedJob

JOB = Qt.ItemDataRole.UserRole
SHARE = Qt.ItemDataRole.UserRole + 1  # 0 to 1, of the running job
DETAIL = Qt.ItemDataRole.UserRole + 2
_MIME = "application/x-safelight-job"


class QueueModel(QAbstractListModel):
    """Row 0 is the running job where one runs.

    Signals: move_wanted(job_id, index among the waiting) after a drag.
    """

    move_wanted = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: tuple[QueuedJob, ...] = ()
        self._progress: Preview | None = None

    @property
    def jobs(self) -> tuple[QueuedJob, ...]:
        return self._jobs

    @property
    def running(self) -> QueuedJob | None:
        return self._jobs[0] if self._jobs and self._jobs[0].running else None

    def first_waiting(self) -> int:
        """The row of the first job that can be moved."""
        return 1 if self.running else 0

    def row_of(self, job_id: str) -> int:
        """-1 where it is not in the queue any more."""
        return next((row for row, job in enumerate(self._jobs) if job.job_id == job_id), -1)

    @Slot(object)
    def on_queue_changed(self, event: QueueChanged) -> None:
        """Take over the whole queue. A reset would lose the selection, so the view restores it by job id."""
        self.beginResetModel()
        self._jobs = event.jobs
        self.endResetModel()

    @Slot(object)
    def on_preview(self, event: Preview) -> None:
        self._progress = event
        row = self.row_of(event.job_id)
        if row >= 0:
            index = self.index(row)
            self.dataChanged.emit(index, index, [SHARE, DETAIL])

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._jobs)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._jobs):
            return None
        job = self._jobs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(job.request.prompt.split())
        if role == JOB:
            return job
        if role == SHARE:
            mine = self._progress is not None and self._progress.job_id == job.job_id
            return self._progress.step / self._progress.total if job.running and mine else 0.0
        if role == DETAIL:
            return self._detail(job)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(job.request.prompt)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{job.request.prompt}, {self._detail(job)}"
        return None

    def _detail(self, job: QueuedJob) -> str:
        if job.running:
            if self._progress is None or self._progress.job_id != job.job_id:
                return self.tr("Starting")
            text = self.tr("Step {0} of {1}").format(self._progress.step, self._progress.total)
            left = self._progress.seconds_left
            return text if left is None else self.tr("{0}, {1} left").format(text, words.duration(left))
        request = job.request
        return f"{words.pixels(request.width, request.height)} · {request.steps} " + self.tr("steps")

    # Reordering by drag: the drop only asks for the move, and the engine's answer makes it.

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return flags if self._jobs[index.row()].running else flags | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, QByteArray(self._jobs[indexes[0].row()].job_id.encode()))
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: QModelIndex) -> bool:
        job_id = bytes(data.data(_MIME).data()).decode()
        source = self.row_of(job_id)
        if source >= 0:
            target = len(self._jobs) if row < 0 else max(row, self.first_waiting())
            if target > source:
                target -= 1  # counted without the dragged row
            if target != source:
                self.move_wanted.emit(job_id, target - self.first_waiting())
        return False  # so that the view does not remove the dragged row by itself
