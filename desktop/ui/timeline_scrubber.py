"""A row of ticks, one a step, that is dragged along."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme


class TimelineScrubber(QWidget):
    """Places 0 to count; the last is the finished picture. Signals: moved(place), by the user only."""

    moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._place = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.CONTROL)
        self.setMinimumWidth(96)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Timeline"))
        self.setToolTip(self.tr("Drag, or use the arrow keys, to see how the picture came out of the noise"))

    @property
    def place(self) -> int:
        return self._place

    @property
    def count(self) -> int:
        return self._count

    def set_count(self, count: int) -> None:
        """Begin anew with so many steps, at the finished picture."""
        self._count = self._place = count
        self.update()

    def set_place(self, place: int) -> None:
        self._place = max(0, min(self._count, place))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, theme.CONTROL)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._count:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, pitch = self.height() / 2, self._pitch()
        width = max(1.0, min(pitch - 2, 12.0))
        for place in range(self._count + 1):
            here = place == self._place
            height = 16 if here else 10 if place == self._count else 6
            painter.setBrush(theme.color("accent" if here else "quiet" if place < self._place else "line_strong"))
            box = QRectF(place * pitch + (pitch - width) / 2, middle - height / 2, width, height)
            painter.drawRoundedRect(box, min(2.0, width / 2), min(2.0, width / 2))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("focus"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(int(event.position().x() / self._pitch()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(int(event.position().x() / self._pitch()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: self._place - 1,
            Qt.Key.Key_Right: self._place + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self._count,
        }
        if event.key() in steps:
            self._go(steps[event.key()])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _pitch(self) -> float:
        return max(1.0, self.width() / (self._count + 1))

    def _go(self, place: int) -> None:
        place = max(0, min(self._count, place))
        if place != self._place:
            self.set_place(place)
            self.moved.emit(place)
