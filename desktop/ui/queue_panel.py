"""What runs and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme
from desktop.ui.ports import Engine
from desktop.ui.queue_model import JOB, QueueModel

if TYPE_CHECKING:
    from desktop.messages import Preview, QueueChanged
    from desktop.ui.queue_list import QueueList


class QueuePanel(QWidget):
    """The engine's queue, the running job first. Drag or Ctrl+Up/Down reorders, Del removes or stops."""

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.model = QueueModel(self)
        self.model.move_wanted.connect(self._on_move_wanted)
        self.list: QueueList | None = None  # made for the first job, as the start is the quicker for it
        self._title = QLabel(self.tr("Queue"), self)
        theme.set_kind(self._title, "section")
        self._empty = QLabel(self.tr("Nothing waits. Press Generate while a picture develops to line up more."), self)
        self._empty.setWordWrap(True)
        theme.set_kind(self._empty, "quiet")
        self._empty.setContentsMargins(theme.S16, 0, theme.S16, theme.S12)
        head = QHBoxLayout()
        head.setContentsMargins(theme.S16, theme.S12, theme.S8, theme.S4)
        head.addWidget(self._title, 1)
        self._head = head
        self._paused = False
        self.pause_button: QToolButton | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.S4)
        column.setSpacing(theme.S4)
        column.addLayout(head)
        column.addWidget(self._empty, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._show_count()

    def _make_pause_button(self) -> None:
        self.pause_button = QToolButton(self)
        self.pause_button.setFixedSize(24, 24)
        self.pause_button.clicked.connect(self._on_pause_clicked)
        self._head.addWidget(self.pause_button)

    def _show_paused(self, paused: bool) -> None:
        self._paused = paused
        text = self.tr("Go on") if paused else self.tr("Pause; the running picture keeps its place")
        self.pause_button.setIcon(icons.icon("play" if paused else "pause", 16))
        self.pause_button.setToolTip(text)
        self.pause_button.setAccessibleName(text)
        self.pause_button.setVisible(paused or self.model.rowCount() > 0)

    @Slot()
    def _on_pause_clicked(self) -> None:
        if self._paused:
            self._engine.resume()
        else:
            self._engine.pause()

    def _make_list(self) -> None:
        from desktop.ui.queue_list import QueueList
        from desktop.ui.queue_row import QueueRow

        self.list = QueueList(self)
        self.list.setModel(self.model)
        self.list.setAccessibleName(self.tr("Queue"))
        row = QueueRow(self.list)
        row.stop_clicked.connect(self._on_stop_clicked)
        self.list.setItemDelegate(row)
        self.list.customContextMenuRequested.connect(self._on_menu)
        self.list.step_wanted.connect(self._on_step_wanted)
        self.list.remove_wanted.connect(self.remove_current)
        self.layout().addWidget(self.list, 1)

    @Slot(object)
    def on_queue_changed(self, event: QueueChanged) -> None:
        if self.list is None:
            if not event.jobs and not event.paused:
                return
            self._make_list()
            self._make_pause_button()
        current = self.list.currentIndex().data(JOB)
        self.model.on_queue_changed(event)
        if current is not None:
            index = self.model.index(self.model.row_of(current.job_id))
            if index.isValid():
                self.list.setCurrentIndex(index)
        self._show_paused(event.paused)
        self._show_count()

    @Slot(object)
    def on_preview(self, event: Preview) -> None:
        self.model.on_preview(event)

    @Slot()
    def remove_current(self) -> None:
        job = self.list.currentIndex().data(JOB)
        if job is not None:
            self._keep_place()
            self._engine.cancel(job.job_id)

    def _keep_place(self) -> None:
        """Select a neighbour before a row goes, so that the keyboard stays where it was."""
        row = self.list.currentIndex().row()
        neighbour = self.model.index(row + 1 if row + 1 < self.model.rowCount() else row - 1)
        if neighbour.isValid() and not self.model.jobs[row].running:
            self.list.setCurrentIndex(neighbour)

    def _show_count(self) -> None:
        count = self.model.rowCount()
        self._title.setText(self.tr("Queue ({0})").format(count) if count else self.tr("Queue"))
        self._empty.setVisible(count == 0)
        if self.list is not None:
            self.list.setVisible(count > 0)
        # An empty queue leaves its room to the history.
        self.setMaximumHeight(16_777_215 if count else self.layout().heightForWidth(240))

    @Slot(int)
    def _on_step_wanted(self, down: int) -> None:
        index = self.list.currentIndex()
        job = index.data(JOB)
        if job is None or job.running:
            return
        first = self.model.first_waiting()
        target = index.row() + down
        if first <= target < self.model.rowCount():
            self._engine.move(job.job_id, target - first)

    @Slot(str, int)
    def _on_move_wanted(self, job_id: str, index: int) -> None:
        self._engine.move(job_id, index)

    @Slot(str)
    def _on_stop_clicked(self, job_id: str) -> None:
        self._engine.cancel(job_id)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        index = self.list.indexAt(place)
        job = index.data(JOB)
        if job is None:
            return
        self.list.setCurrentIndex(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if job.running:
            menu.addAction(icons.icon("stop"), self.tr("Stop")).triggered.connect(self.remove_current)
        else:
            up = menu.addAction(icons.icon("arrow-up"), self.tr("Earlier\tCtrl+Up"))
            up.triggered.connect(self._on_earlier)
            down = menu.addAction(icons.icon("arrow-down"), self.tr("Later\tCtrl+Down"))
            down.triggered.connect(self._on_later)
            menu.addSeparator()
            menu.addAction(icons.icon("x"), self.tr("Remove\tDel")).triggered.connect(self.remove_current)
        menu.popup(self.list.viewport().mapToGlobal(place))

    @Slot()
    def _on_earlier(self) -> None:
        self._on_step_wanted(-1)

    @Slot()
    def _on_later(self) -> None:
        self._on_step_wanted(1)
