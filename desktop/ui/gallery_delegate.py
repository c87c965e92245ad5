"""How one picture looks in the grid and in the strip."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.ui import gallery_words, icons, theme
from desktop.ui.gallery_model import RECORD
from desktop.ui.gallery_stars import paint_stars
from desktop.ui.thumbnails import ThumbnailLoader

GAP = 12  # between two pictures
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
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(box), theme.RADIUS, theme.RADIUS)
        painter.setClipPath(clip)
        self._paint_picture(painter, box, record.path, ratio)
        state = option.state
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if hovered and box.width() >= _CAPTION_FROM and box.height() >= _CAPTION_FROM // 2:
            _paint_caption(painter, box, record.request.prompt)
        elif record.rating:
            _paint_rating(painter, box, record.rating)
        painter.setClipping(False)
        _paint_rings(painter, box, state)
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRect, path: str, ratio: float) -> None:
        pixmap = self._thumbnails.pixmap(path, round(max(box.width(), box.height()) * ratio))
        if pixmap is not None:
            painter.drawPixmap(box, pixmap)
            return
        painter.fillRect(box, theme.color("raised"))
        if self._thumbnails.is_broken(path):
            side = 20
            mark = icons.pixmap("triangle-alert", side, theme.tokens().quiet, ratio)
            painter.drawPixmap(box.center().x() - side // 2, box.center().y() - side // 2, mark)


def _paint_caption(painter: QPainter, box: QRect, prompt: str) -> None:
    """At most two lines on a dark band; pictures are of any colour, so it is the same in both themes."""
    font = theme.font(12)
    lines = _lines(gallery_words.shortened(prompt, 200), font, box.width() - 2 * theme.S8, 2)
    height = len(lines) * 16 + 2 * theme.S8 - 2
    band = QRect(box.left(), box.bottom() - height + 1, box.width(), height)
    painter.fillRect(band, QColor(12, 10, 9, 205))
    painter.setFont(font)
    painter.setPen(QColor("#f5f1ee"))
    for number, line in enumerate(lines):
        place = QRect(band.left() + theme.S8, band.top() + theme.S8 - 1 + number * 16, band.width() - theme.S16, 16)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, line)


def _lines(text: str, font, width: int, most: int) -> list[str]:
    """The text in at most `most` lines, the last one shortened with an ellipsis."""
    from PySide6.QtGui import QFontMetrics

    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    starts = []
    layout.beginLayout()
    while len(starts) < most:
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        starts.append((line.textStart(), line.textLength()))
    layout.endLayout()
    if not starts:
        return []
    # QTextLayout counts UTF-16 units, Python code points; a prompt with emoji needs the difference.
    raw = text.encode("utf-16-le")
    lines = [raw[2 * a : 2 * (a + n)].decode("utf-16-le", "ignore") for a, n in starts]
    rest = raw[2 * starts[-1][0] :].decode("utf-16-le", "ignore")
    lines[-1] = QFontMetrics(font).elidedText(rest, Qt.TextElideMode.ElideRight, width)
    return [line.rstrip() for line in lines]


def _paint_rating(painter: QPainter, box: QRect, rating: int) -> None:
    width = rating * 13 - 2 + theme.S12
    if box.width() < width + theme.S8 or box.height() < 32:
        return
    pill = QRectF(box.left() + 6, box.bottom() - 24, width, 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(12, 10, 9, 205))
    painter.drawRoundedRect(pill, 9, 9)
    paint_stars(painter, pill.left() + 6, pill.center().y() + 0.5, rating, QColor("#ffb224"))


def _paint_rings(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
    """Selection: the lamp's red. Keyboard focus: a second ring around it, so that colour alone tells nothing."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state & QStyle.StateFlag.State_Selected:
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawRoundedRect(QRectF(box).adjusted(-2, -2, 2, 2), theme.RADIUS + 2, theme.RADIUS + 2)
    else:
        painter.setPen(QPen(theme.color("line"), 1))  # white pictures keep an edge on white ground
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
    if state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(theme.color("focus"), 1.5))
        painter.drawRoundedRect(QRectF(box).adjusted(-4.5, -4.5, 4.5, 4.5), theme.RADIUS + 4, theme.RADIUS + 4)
