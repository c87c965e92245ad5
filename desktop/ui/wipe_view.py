"""Two pictures in one place, with a divider between them that is dragged across."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.messages import Frame
from desktop.ui import theme
from desktop.ui.picture_fit import fit, scaled

_STEP, _LEAP = 0.02, 0.1  # of the picture's width, for an arrow key without and with Shift
_KNOB = 11  # radius
_MARGIN = theme.S24  # as the preview's


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """frame: None for what stands at the end of the steps. text: the caption."""

    frame: Frame | None
    text: str


class WipeView(QWidget):
    """Lies over the preview. Signals: closed(), when the person has seen enough."""

    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._images = QImage(), QImage()
        self._texts = "", ""
        self._shown = QPixmap(), QPixmap()
        self._full = QSize()
        self._share = 0.5
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Comparison of two steps"))
        self.setToolTip(self.tr("Drag the line, or move it with the arrow keys. Esc ends the comparison."))

    @property
    def share(self) -> float:
        """How much of the width shows the left picture, 0 to 1."""
        return self._share

    @property
    def images(self) -> tuple[QImage, QImage]:
        return self._images

    @property
    def texts(self) -> tuple[str, str]:
        return self._texts

    def show_pair(self, images: tuple[QImage, QImage], texts: tuple[str, str], full: QSize) -> None:
        """images: left and right. full: the size of the finished picture, which both of them fill."""
        self._shown = tuple(
            pixmap if image == before else QPixmap()
            for pixmap, image, before in zip(self._shown, images, self._images, strict=True)
        )
        self._images, self._texts, self._full = images, texts, full
        self._describe()
        self.update()

    def set_share(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self._describe()
        self.update()

    def _describe(self) -> None:
        words = self.tr("Left {0} % of the picture: {1}. The rest: {2}.")
        self.setAccessibleDescription(words.format(round(100 * self._share), *self._texts))

    def target(self) -> QRect:
        """Where the pictures are painted: where the preview paints its one."""
        margin = _MARGIN if min(self.width(), self.height()) > 320 else theme.S8
        return fit(self._full, self.rect().adjusted(margin, margin, -margin, -margin), self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("mat"))
        target = self.target()
        if target.isEmpty():
            return
        edge = target.left() + round(self._share * target.width())
        for side, (left, right) in enumerate(((target.left(), edge), (edge, target.right() + 1))):
            painter.setClipRect(QRect(left, target.top(), right - left, target.height()))
            painter.drawPixmap(target.topLeft(), self._pixmap(side, target.size()))
        painter.setClipping(False)
        if not theme.tokens().dark:  # a white picture needs an edge
            painter.setPen(theme.color("line"))
            painter.drawRect(target.adjusted(-1, -1, 0, 0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_divider(painter, target, edge)
        self._paint_caption(painter, target, self._texts[0], left=True)
        self._paint_caption(painter, target, self._texts[1], left=False)

    def _pixmap(self, side: int, size: QSize) -> QPixmap:
        ratio = self.devicePixelRatioF()
        wanted = QSize(round(size.width() * ratio), round(size.height() * ratio))
        if self._shown[side].isNull() or self._shown[side].size() != wanted:
            pixmap = QPixmap.fromImage(scaled(self._images[side], wanted))
            pixmap.setDevicePixelRatio(ratio)
            self._shown = (pixmap, self._shown[1]) if side == 0 else (self._shown[0], pixmap)
        return self._shown[side]

    def _paint_divider(self, painter: QPainter, target: QRect, edge: int) -> None:
        """White between dark lines: seen on a picture of any colour, in both themes."""
        painter.setPen(QPen(QColor(12, 10, 9, 140), 4))
        painter.drawLine(edge, target.top(), edge, target.bottom() + 1)
        painter.setPen(QPen(QColor("#f5f1ee"), 2))
        painter.drawLine(edge, target.top(), edge, target.bottom() + 1)
        knob = QPointF(edge, target.center().y())
        painter.setPen(QPen(QColor("#f5f1ee"), 2))
        painter.setBrush(theme.color("accent") if self.hasFocus() else QColor(12, 10, 9, 205))
        painter.drawEllipse(knob, _KNOB, _KNOB)
        painter.setPen(QPen(QColor("#f5f1ee"), 1.75, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for direction in (-1, 1):
            tip = knob + QPointF(6 * direction, 0)
            painter.drawLine(tip, tip + QPointF(-3 * direction, -3))
            painter.drawLine(tip, tip + QPointF(-3 * direction, 3))

    def _paint_caption(self, painter: QPainter, target: QRect, text: str, *, left: bool) -> None:
        """A pill in the lower corner; both stay in sight wherever the divider is."""
        font = theme.font(theme.CAPTION_PX, theme.MEDIUM)
        metrics = QFontMetrics(font)
        room = target.width() // 2 - theme.S24
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        if room < 24:
            return
        width = metrics.horizontalAdvance(text) + theme.S16
        x = target.left() + theme.S8 if left else target.right() - theme.S8 - width
        pill = QRectF(x, target.bottom() - theme.S8 - 22, width, 22)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(12, 10, 9, 205))
        painter.drawRoundedRect(pill, 11, 11)
        painter.setFont(font)
        painter.setPen(QColor("#f5f1ee"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._drag(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        inside = self.target().contains(event.position().toPoint())
        self.setCursor(Qt.CursorShape.SplitHCursor if inside else Qt.CursorShape.ArrowCursor)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event.position().x())

    def _drag(self, x: float) -> None:
        target = self.target()
        if target.width():
            self.set_share((x - target.left()) / target.width())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP
        places = {
            Qt.Key.Key_Left: self._share - step,
            Qt.Key.Key_Right: self._share + step,
            Qt.Key.Key_Home: 0.0,
            Qt.Key.Key_End: 1.0,
        }
        if event.key() in places:
            self.set_share(places[event.key()])
        elif event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event) -> None:
        super().focusOutEvent(event)
        self.update()
