"""What runs and what waits."""

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.messages import Preview, QueueChanged
from desktop.ui import icons, theme
from desktop.ui.ports import Engine
from desktop.ui.queue_model import JOB, QueueModel
from desktop.ui.queue_row import QueueRow


class QueuePanel(QWidget):
    """The engine's queue, the running job first. Drag or Ctrl+Up/Down reorders, Del removes or stops."""

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.model = QueueModel(self)
        self.model.move_wanted.connect(self._on_move_wanted)
        self.list = _List(self)
        self.list.setModel(self.model)
        self.list.setAccessibleName(self.tr("Queue"))
        row = QueueRow(self.list)
        row.stop_clicked.connect(self._on_stop_clicked)
        self.list.setItemDelegate(row)
        self.list.customContextMenuRequested.connect(self._on_menu)
        self.list.step_wanted.connect(self._on_step_wanted)
        self.list.remove_wanted.connect(self.remove_current)
        self._title = QLabel(self.tr("Queue"), self)
        theme.set_kind(self._title, "section")
        self._empty = QLabel(self.tr("Nothing waits. Press Generate while a picture develops to line up more."), self)
        self._empty.setWordWrap(True)
        theme.set_kind(self._empty, "quiet")
        self._empty.setContentsMargins(theme.S16, 0, theme.S16, theme.S12)
        head = QHBoxLayout()
        head.setContentsMargins(theme.S16, theme.S12, theme.S8, theme.S4)
        head.addWidget(self._title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.S4)
        column.setSpacing(theme.S4)
        column.addLayout(head)
        column.addWidget(self._empty, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.list, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._show_count()

    @Slot(object)
    def on_queue_changed(self, event: QueueChanged) -> None:
        current = self.list.currentIndex().data(JOB)
        self.model.on_queue_changed(event)
        if current is not None:
            index = self.model.index(self.model.row_of(current.job_id))
            if index.isValid():
                self.list.setCurrentIndex(index)
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


class _List(QListView):
    step_wanted = Signal(int)
    remove_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDropIndicatorShown(True)
        self.setDragDropOverwriteMode(False)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.viewport().setAutoFillBackground(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.step_wanted.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        else:
            super().keyPressEvent(event)
