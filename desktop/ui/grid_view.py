"""The pictures of a grid while they are drawn, and when they are done."""

from collections.abc import Mapping

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.grids import CellState, GridProgress
from desktop.messages import Event, GenerationRequest, PictureRecord
from desktop.ui import grid_words, icons, theme, words
from desktop.ui.grid_delegate import GAP, GridDelegate
from desktop.ui.grid_model import GridModel
from desktop.ui.picture_fit import fit

_HEAD = 24  # height of the line of labels
_LABEL_MAX = 160  # width of the labels on the left; longer ones end in an ellipsis
_CELL_MIN = 48


class GridView(QWidget):
    """Lies over the preview. Arrows go from cell to cell, Enter opens a picture, Del stops one, Esc steps aside.

    Signals: opened(PictureRecord) for a picture or the sheet, stop_wanted(tuple of job ids), left() to look at what is
    behind it, closed().
    """

    opened = Signal(object)
    stop_wanted = Signal(object)
    left = Signal()
    closed = Signal()

    def __init__(self, progress: GridProgress, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = progress.grid
        self.setAccessibleName(self.tr("Grid"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what develops behind it need not be painted
        self.model = GridModel(progress, self)
        self._sheet: PictureRecord | None = None
        self.table = _Table(self.model, self)
        self.table.setAccessibleName(grid_words.title(grid.x, grid.y))
        self.table.opened.connect(self._on_opened)
        self.table.stop_wanted.connect(self._on_stop)
        title = QLabel(grid_words.title(grid.x, grid.y), self)
        theme.set_kind(title, "section")
        self._state = QLabel(self)
        theme.set_kind(self._state, "quiet")
        theme.use_tabular_figures(self._state)
        self._state.setAccessibleName(self.tr("State of the grid"))
        self.stop_button = QPushButton(self.tr("Stop all"), self)
        theme.set_kind(self.stop_button, "quiet")
        self.stop_button.setToolTip(self.tr("Stop the pictures of this grid that are not done"))
        self.stop_button.clicked.connect(self._on_stop_all)
        self.sheet_button = QPushButton(self.tr("See the sheet"), self)
        theme.set_kind(self.sheet_button, "quiet")
        self.sheet_button.setToolTip(self.tr("All pictures on one, with their labels; it is in the gallery too"))
        self.sheet_button.clicked.connect(self._on_sheet)
        self.sheet_button.hide()
        self.close_button = QToolButton(self)
        self.close_button.setIcon(icons.icon("x"))
        self.close_button.setFixedSize(theme.CONTROL, theme.CONTROL)
        self.close_button.setAccessibleName(self.tr("Close the grid"))
        self.close_button.setToolTip(self.tr("Close the grid; its pictures go on being made"))
        self.close_button.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.setContentsMargins(theme.S24, theme.S8, theme.S16, 0)
        head.setSpacing(theme.S12)
        head.addWidget(title)
        head.addWidget(self._state, 1)
        head.addWidget(self.stop_button)
        head.addWidget(self.sheet_button)
        head.addWidget(self.close_button)
        self._room = QWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.S12)
        column.setSpacing(theme.S4)
        column.addLayout(head)
        column.addWidget(self._room, 1)
        self.table.setParent(self._room)
        self._show_state()

    @property
    def state(self) -> str:
        return self._state.text()

    @property
    def sheet(self) -> PictureRecord | None:
        return self._sheet

    def take(self, event: Event) -> bool:
        """Whether the event was about one of the cells."""
        mine = self.model.take(event)
        if mine:
            self._show_state()
        return mine

    def settle(self, drawn: Mapping[GenerationRequest, PictureRecord]) -> None:
        """As in GridProgress."""
        self.model.settle(drawn)
        self._show_state()

    def show_sheet(self, record: PictureRecord) -> None:
        """The sheet is on the disk."""
        self._sheet = record
        self.sheet_button.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.layout().activate()
        self.table.fit_into(self._room.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("mat"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _show_state(self) -> None:
        progress = self.model.progress
        done, failed = progress.count(CellState.DONE), progress.count(CellState.FAILED)
        text = self.tr("{0} of {1}").format(done, words.pictures(progress.total))
        if failed:
            text = self.tr("{0}, {1} failed").format(text, failed)
        if stopped := progress.count(CellState.STOPPED):
            text = self.tr("{0}, {1} stopped").format(text, stopped)
        self._state.setText(text)
        self.stop_button.setVisible(not progress.ended)

    @Slot(QModelIndex)
    def _on_opened(self, index: QModelIndex) -> None:
        record = self.model.cell(index).record
        if record is not None:
            self.opened.emit(record)

    @Slot(QModelIndex)
    def _on_stop(self, index: QModelIndex) -> None:
        job = self.model.progress.job_at(index.column(), index.row())
        if job is not None:
            self.stop_wanted.emit((job,))

    @Slot()
    def _on_stop_all(self) -> None:
        self.stop_wanted.emit(self.model.progress.open_jobs)

    @Slot()
    def _on_sheet(self) -> None:
        if self._sheet is not None:
            self.opened.emit(self._sheet)


class _Table(QTableView):
    """Signals: opened(index), stop_wanted(index)."""

    opened = Signal(QModelIndex)
    stop_wanted = Signal(QModelIndex)

    def __init__(self, model: GridModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(GridDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.clicked.connect(self.opened)
        for header, align in (
            (self.horizontalHeader(), Qt.AlignmentFlag.AlignCenter),
            (self.verticalHeader(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
        ):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setSectionsClickable(False)
            header.setHighlightSections(False)
            header.setDefaultAlignment(align)
            header.setTextElideMode(Qt.TextElideMode.ElideRight)
            header.setMinimumSectionSize(_CELL_MIN)
        self.setCurrentIndex(model.index(0, 0))

    def fit_into(self, room: QRect) -> None:
        """All cells as large as there is room for, in the middle of it; very many of them scroll."""
        model = self.model()
        columns, rows = model.columnCount(), model.rowCount()
        metrics = QFontMetrics(theme.font(12))
        texts = [str(model.headerData(row, Qt.Orientation.Vertical)) for row in range(rows)]
        left = max(metrics.horizontalAdvance(text) for text in texts)
        left = min(left + theme.S32, _LABEL_MAX) if left else 0  # with the header's own margins
        room = room.adjusted(theme.S16, 0, -theme.S16, 0)
        base = model.progress.grid.base
        picture = QSize(base.width * 8, base.height * 8)
        wide, high = (room.width() - left) // columns, (room.height() - _HEAD) // rows
        cell = fit(picture, QRect(0, 0, wide - 2 * GAP, high - 2 * GAP), 1.0).size()
        width, height = max(_CELL_MIN, cell.width() + 2 * GAP), max(_CELL_MIN, cell.height() + 2 * GAP)
        self.verticalHeader().setVisible(left > 0)
        self.verticalHeader().setFixedWidth(left)
        self.horizontalHeader().setFixedHeight(_HEAD)
        for column in range(columns):
            self.setColumnWidth(column, width)
        for row in range(rows):
            self.setRowHeight(row, height)
        size = QSize(min(left + columns * width, room.width()), min(_HEAD + rows * height, room.height()))
        corner = room.center() - QRect(QPoint(0, 0), size).center()
        # The labels on the left are no part of what should stand in the middle, where there is room beside them.
        corner.setX(max(room.left(), min(corner.x() - left // 2, room.right() - size.width() + 1)))
        self.setGeometry(QRect(corner, size))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and index.isValid():
            self.opened.emit(index)
        elif event.key() == Qt.Key.Key_Delete and index.isValid():
            self.stop_wanted.emit(index)
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        index = self.indexAt(place)
        if not index.isValid():
            return
        self.setCurrentIndex(index)
        cell = self.model().cell(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        see = menu.addAction(icons.icon("maximize"), self.tr("See it large\tEnter"))
        see.setEnabled(cell.record is not None)
        see.triggered.connect(self._on_see)
        stop = menu.addAction(icons.icon("stop"), self.tr("Stop this picture\tDel"))
        stop.setEnabled(cell.state in (CellState.WAITING, CellState.DRAWING))
        stop.triggered.connect(self._on_stop)
        menu.popup(self.viewport().mapToGlobal(place))

    @Slot()
    def _on_see(self) -> None:
        self.opened.emit(self.currentIndex())

    @Slot()
    def _on_stop(self) -> None:
        self.stop_wanted.emit(self.currentIndex())
