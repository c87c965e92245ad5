"""Paints the cells of a grid: the picture in its shape, or what there is to say in its place."""

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.grids import Cell, CellState
from desktop.ui import theme
from desktop.ui.grid_model import CELL, IMAGE, GridModel
from desktop.ui.picture_fit import fit, scaled

GAP = theme.S4  # on each side of a cell
_BAR = 3  # height of the progress at the foot of a picture that is drawn
_KEPT = 128  # pictures at the size they are painted in


class GridDelegate(QStyledItemDelegate):
    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._ready: dict[tuple[int, int, int], QPixmap] = {}

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        cell, image, model = index.data(CELL), index.data(IMAGE), index.model()
        room = option.rect.adjusted(GAP, GAP, -GAP, -GAP)
        grid = model.progress.grid
        size = grid.at(index.column(), index.row())
        target = fit(QSize(size.width * 8, size.height * 8), room, 1.0)  # as large as there is room, in its shape
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        if image.isNull() or cell.state in (CellState.FAILED, CellState.STOPPED):
            painter.setBrush(theme.color("panel"))
            painter.drawRect(target)
            self._say(painter, target, cell, model)
        else:
            painter.drawPixmap(
                target.topLeft(), self._pixmap(image, target.size(), painter.device().devicePixelRatioF())
            )
        if not theme.tokens().dark:  # a white picture needs an edge
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("line"))
            painter.drawRect(target.adjusted(-1, -1, 0, 0))
            painter.setPen(Qt.PenStyle.NoPen)
        if cell.state is CellState.DRAWING:
            self._bar(painter, target, cell)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("focus"))
            painter.drawRect(target.adjusted(-3, -3, 2, 2))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(theme.S32, theme.S32)

    def _say(self, painter: QPainter, target: QRect, cell: Cell, model: GridModel) -> None:
        painter.setFont(theme.font(theme.CAPTION_PX))
        painter.setPen(theme.color("accent_text" if cell.state is CellState.FAILED else "quiet"))
        margin = min(theme.S8, target.width() // 10)
        room = target.adjusted(margin, margin, -margin, -margin)
        text, metrics = model.state(cell), painter.fontMetrics()
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        if metrics.boundingRect(room, flags, text).height() > room.height():  # the whole of it is in the tool tip
            lines = max(1, room.height() // metrics.lineSpacing())
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room.width() * lines * 0.86))
        painter.drawText(room, flags, text)
        painter.setPen(Qt.PenStyle.NoPen)

    def _bar(self, painter: QPainter, target: QRect, cell: Cell) -> None:
        foot = QRect(target.left(), target.bottom() - _BAR + 1, target.width(), _BAR)
        painter.setBrush(theme.color("line"))
        painter.drawRect(foot)
        if cell.total:
            foot.setWidth(round(target.width() * cell.step / cell.total))
            painter.setBrush(theme.color("accent"))
            painter.drawRect(foot)

    def _pixmap(self, image: QImage, size: QSize, ratio: float) -> QPixmap:
        wanted = QSize(round(size.width() * ratio), round(size.height() * ratio))
        key = (image.cacheKey(), wanted.width(), wanted.height())
        if key not in self._ready:
            if len(self._ready) >= _KEPT:
                self._ready.clear()
            self._ready[key] = QPixmap.fromImage(scaled(image, wanted))
            self._ready[key].setDevicePixelRatio(ratio)
        return self._ready[key]
