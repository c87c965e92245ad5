"""How one picture looks in the grid and in the strip."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.ui import gallery_words, icons, theme
from desktop.ui.gallery_lines import lines
from desktop.ui.gallery_model import RECORD
from desktop.ui.gallery_stars import paint_stars
from desktop.ui.thumbnails import ThumbnailLoader

GAP = 12  # between two pictures
_CAPTION_PX = 12
_CAPTION_FROM = 120  # pixels of side from which a caption can be read


class GalleryDelegate(QStyledItemDelegate):
    """Paints a rounded thumbnail, the selection in the lamp's red, stars, and the prompt while the pointer is there.

    gap: room between two pictures, half of it on each side.
    """

    def __init__(self, thumbnails: ThumbnailLoader, parent: QWidget, gap: int = GAP) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._gap = gap

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return option.rect.size()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        record = index.data(RECORD)
        if record is None:
            return
        room = option.rect.adjusted(self._gap // 2, self._gap // 2, -self._gap // 2, -self._gap // 2)
        ratio = option.widget.devicePixelRatioF() if option.widget else 1.0
        size = QSize(record.request.width, record.request.height)
        size.scale(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
        box = QRect(0, 0, max(size.width(), 8), max(size.height(), 8))
        box.moveCenter(room.center())
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_picture(painter, box, record.path, ratio)
        state = option.state
        if not getattr(option.widget, "by_keyboard", True):
            state &= ~QStyle.StateFlag.State_HasFocus
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if hovered and box.width() >= _CAPTION_FROM and box.height() >= _CAPTION_FROM // 2:
            _paint_caption(painter, box, record.request.prompt)
        elif record.rating:
            _paint_rating(painter, box, record.rating)
        if record.request.branch is not None:
            _paint_branch(painter, box, ratio)
        _paint_rings(painter, box, state)
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRect, path: str, ratio: float) -> None:
        pixmap = self._thumbnails.pixmap(path, round(max(box.width(), box.height()) * ratio))
        if pixmap is not None:
            paint_rounded(painter, QRectF(box), pixmap)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        if self._thumbnails.is_broken(path):
            side = 20
            mark = icons.pixmap("triangle-alert", side, theme.tokens().quiet, ratio)
            painter.drawPixmap(box.center().x() - side // 2, box.center().y() - side // 2, mark)


def paint_rounded(painter: QPainter, box: QRectF, pixmap: QPixmap) -> None:
    """A pixmap with round corners, and a hairline that keeps white pictures apart from white ground.

    Painted as a brush: a clip path would leave its corners jagged.
    """
    brush = QBrush(pixmap)
    place = QTransform.fromTranslate(box.left(), box.top())
    brush.setTransform(place.scale(box.width() / pixmap.width(), box.height() / pixmap.height()))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(brush)
    painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("text", 0.14), 1))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS - 0.5, theme.RADIUS - 0.5)


def _paint_caption(painter: QPainter, box: QRect, prompt: str) -> None:
    """At most two lines on a dark band; pictures are of any colour, so it is the same in both themes."""
    rows = lines(gallery_words.shortened(prompt, 200), _CAPTION_PX, box.width() - 2 * theme.S8, 2)
    height = len(rows) * 16 + 2 * theme.S8 - 2
    band = QRect(box.left(), box.bottom() - height + 1, box.width(), height)
    shape = QPainterPath()  # round below as the picture is, square above
    shape.setFillRule(Qt.FillRule.WindingFill)
    shape.addRoundedRect(QRectF(band), theme.RADIUS, theme.RADIUS)
    shape.addRect(QRectF(band).adjusted(0, 0, 0, -theme.RADIUS))
    painter.fillPath(shape.simplified(), QColor(12, 10, 9, 205))
    painter.setFont(theme.font(_CAPTION_PX))
    painter.setPen(QColor("#f5f1ee"))
    for number, line in enumerate(rows):
        place = QRect(band.left() + theme.S8, band.top() + theme.S8 - 1 + number * 16, band.width() - theme.S16, 16)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, line)


def _paint_rating(painter: QPainter, box: QRect, rating: int) -> None:
    width = rating * 13 - 2 + theme.S12
    if box.width() < width + theme.S8 or box.height() < 32:
        return
    pill = QRectF(box.left() + 6, box.bottom() - 24, width, 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(12, 10, 9, 205))
    painter.drawRoundedRect(pill, 9, 9)
    paint_stars(painter, pill.left() + 6, pill.center().y() + 0.5, rating, QColor("#ffb224"))


def _paint_branch(painter: QPainter, box: QRect, ratio: float) -> None:
    """That it grew from a step of another picture."""
    if box.width() < 48 or box.height() < 48:
        return
    pill = QRectF(box.left() + 6, box.top() + 6, 20, 20)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(12, 10, 9, 205))
    painter.drawRoundedRect(pill, 5, 5)
    painter.drawPixmap(box.left() + 10, box.top() + 10, icons.pixmap("git-branch", 12, "#f5f1ee", ratio))


def _paint_rings(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
    """Selection: the lamp's red. Keyboard focus: a second ring around it, so that colour alone tells nothing."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state & QStyle.StateFlag.State_Selected:
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawRoundedRect(QRectF(box).adjusted(-2, -2, 2, 2), theme.RADIUS + 2, theme.RADIUS + 2)
    if state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(theme.color("focus"), 1.5))
        painter.drawRoundedRect(QRectF(box).adjusted(-4.5, -4.5, 4.5, 4.5), theme.RADIUS + 4, theme.RADIUS + 4)
