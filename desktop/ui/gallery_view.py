"""The list that the grid and the strip are made of."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from desktop.messages import PictureRecord
from desktop.ui import gallery_keys
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_delegate import GAP, GalleryDelegate
from desktop.ui.gallery_model import RECORD, GalleryModel

if TYPE_CHECKING:
    from desktop.ui.gallery_menu import PictureMenu

_DRAG_SIDE = 96


class GalleryView(QListView):
    """Pictures in rows that fill the width, or in one row that scrolls sideways.

    side: wished for, in pixels; a grid widens it until the row is full.
    by_keyboard: whether the focus is moved by keys, so that its ring is needed; a click shows where it went.
    Signals: chosen() when other pictures are selected than before.
    """

    chosen = Signal()

    def __init__(self, gallery: Gallery, model: GalleryModel, *, side: int, one_row: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._side = side
        self._one_row = one_row
        self.by_keyboard = False
        self._orphaned = False  # the whole selection is being removed
        self.setModel(model)
        model.rowsRemoved.connect(self._on_rows_removed)
        self.setItemDelegate(GalleryDelegate(gallery.thumbnails, self, gap_of(one_row)))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)  # it switches dragging off, so it comes first
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setWrapping(not one_row)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(policy.ScrollBarAsNeeded if one_row else policy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(policy.ScrollBarAlwaysOff if one_row else policy.ScrollBarAsNeeded)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("Pictures"))
        gallery.thumbnails.loaded.connect(self._on_loaded)
        self.doubleClicked.connect(self._on_activated)
        self._fill()

    def records(self) -> list[PictureRecord]:
        """The selected pictures, the newest first."""
        rows = sorted(self.selectedIndexes(), key=lambda index: index.row())
        return [record for index in rows if (record := index.data(RECORD))]

    def set_side(self, side: int) -> None:
        if side != self._side:
            self._side = side
            self._fill()

    def choose(self, index: QModelIndex) -> None:
        """Make it the selected and current one, and scroll to it."""
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def selectAll(self) -> None:
        """All there are, also those that were not scrolled to yet."""
        model = self.model()
        while model.canFetchMore(QModelIndex()):
            model.fetchMore(QModelIndex())
        super().selectAll()

    def selectionChanged(self, selected, deselected) -> None:
        super().selectionChanged(selected, deselected)
        self.chosen.emit()

    def rowsAboutToBeRemoved(self, parent: QModelIndex, start: int, end: int) -> None:
        selected = [index.row() for index in self.selectedIndexes()]
        self._orphaned = bool(selected) and all(start <= row <= end for row in selected)
        super().rowsAboutToBeRemoved(parent, start, end)

    @Slot(QModelIndex, int, int)
    def _on_rows_removed(self, parent: QModelIndex, start: int, end: int) -> None:
        """What was selected is gone: go on with its neighbour."""
        count = self.model().rowCount()
        if self._orphaned and count:
            self.choose(self.model().index(min(start, count - 1)))
        self._orphaned = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fill()
        super().resizeEvent(event)

    def updateGeometries(self) -> None:
        super().updateGeometries()
        # Qt makes a step one whole row, and a notch of the wheel is three steps.
        self.verticalScrollBar().setSingleStep(max(16, self.gridSize().height() // 3))
        self.horizontalScrollBar().setSingleStep(max(16, self.gridSize().width() // 3))

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.by_keyboard = True
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.by_keyboard = False
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.by_keyboard = True
        key = Qt.Key
        opens = event.key() in (key.Key_Return, key.Key_Enter, key.Key_Space, key.Key_F)
        if opens and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self._on_activated(self.currentIndex())
        elif gallery_keys.handle(event, self._gallery, self.records(), self):
            event.accept()
        elif event.key() == Qt.Key.Key_Escape and self.selectedIndexes():
            self.clearSelection()
        elif event.text() and event.text().isprintable():
            event.ignore()  # QListView would search for it; it may be a shortcut of the window
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._one_row and event.angleDelta().x() == 0:  # an ordinary wheel moves the strip sideways
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - (event.pixelDelta().y() or event.angleDelta().y()))
            event.accept()
        else:
            super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        records = self.records()
        if not records:
            return
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.show_menu(place)

    def show_menu(self, place: QPoint) -> "PictureMenu":
        from desktop.ui.gallery_menu import PictureMenu

        menu = PictureMenu(self._gallery, self.records(), self, self.model().text)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)
        return menu

    def startDrag(self, actions: Qt.DropAction) -> None:
        """The files themselves, as copies, with the first picture under the pointer."""

        indexes = self.selectedIndexes()
        if not indexes:
            return
        drag = QDrag(self)
        drag.setMimeData(self.model().mimeData(sorted(indexes, key=lambda index: index.row())))
        ratio = self.devicePixelRatioF()
        record = self.currentIndex().data(RECORD) or indexes[0].data(RECORD)
        pixmap = self._gallery.thumbnails.pixmap(record.path, round(_DRAG_SIDE * ratio))
        if pixmap is not None:
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            small = pixmap.scaled(QSize(_DRAG_SIDE, _DRAG_SIDE) * ratio, keep, smooth)
            small.setDevicePixelRatio(ratio)
            drag.setPixmap(small)
        drag.exec(Qt.DropAction.CopyAction)

    def _fill(self) -> None:
        """Widen the cells until a row takes the whole width."""
        if self._one_row:
            cell = self._side + gap_of(True)
            size = QSize(cell, cell)
        else:
            # The scroll bar's room is kept free: a grid that grew without it would bring it, and so on.
            width = max(1, self.width() - self.verticalScrollBar().sizeHint().width() - 2)
            columns = max(1, (width + GAP // 2) // (self._side + GAP))
            size = QSize(width // columns, width // columns)
        if size != self.gridSize():
            self.setGridSize(size)

    @Slot(str)
    def _on_loaded(self, path: str) -> None:
        self.viewport().update()

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        if (record := index.data(RECORD)) is not None:
            self._gallery.open(record, self.model().text)


def gap_of(one_row: bool) -> int:
    """Room between two pictures."""
    return 8 if one_row else GAP
