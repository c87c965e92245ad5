"""A row of ticks, one a step, that is dragged along."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme

_TICKS_FROM = 4  # pixels a step; below that they run together, and a bar takes their place
_HANDLE = 3  # width of the handle on the bar
_SECOND_REACH = 10  # pixels beside the second handle from which it is dragged


class TimelineScrubber(QWidget):
    """Places 0 to count; the last is the finished picture, or the step that is being taken.

    While a run goes on, more places lie ahead and cannot be reached yet. A second handle marks a step to compare with.
    Signals: moved(place), second_moved(place), by the user only.
    """

    moved = Signal(int)
    second_moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._ahead = 0
        self._place = 0
        self._second: int | None = None
        self._drags_second = False
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

    @property
    def second(self) -> int | None:
        """The place of the second handle, None without one."""
        return self._second

    def set_count(self, count: int, ahead: int = 0) -> None:
        """Begin anew with so many steps, at the end of them. ahead: how many are still to come."""
        self._count = self._place = count
        self._ahead = ahead
        self._second = None
        self.update()

    def grow(self, count: int, ahead: int, place: int) -> None:
        """A step was taken; the handles stay where they are put."""
        self._count, self._ahead, self._place = count, ahead, max(0, min(count, place))
        if self._second is not None:
            self._second = min(count, self._second)
        self.update()

    def set_place(self, place: int) -> None:
        self._place = max(0, min(self._count, place))
        self.update()

    def set_second(self, place: int | None) -> None:
        self._second = None if place is None else max(0, min(self._count, place))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, theme.CONTROL)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._count and not self._ahead:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._pitch() >= _TICKS_FROM:
            self._paint_ticks(painter)
        else:
            self._paint_bar(painter)
        if self._second is not None:
            self._paint_second(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("focus"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)

    def _paint_ticks(self, painter: QPainter) -> None:
        width = max(1.0, min(self._pitch() - 2, 12.0))
        for place in range(self._slots()):
            painter.setBrush(theme.color(self._tint(place)))
            painter.drawRoundedRect(self._box(place, width, self._height(place)), min(2.0, width / 2), 2.0)

    def _paint_bar(self, painter: QPainter) -> None:
        middle, pitch = self.height() / 2, self._pitch()
        here = (self._place + 0.5) * pitch
        for token, end in (("line", self.width()), ("line_strong", (self._count + 1) * pitch), ("quiet", here)):
            painter.setBrush(theme.color(token))
            painter.drawRoundedRect(QRectF(0, middle - 2, min(self.width(), end), 4), 2, 2)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(self._box(self._place, _HANDLE, 16), 1.5, 1.5)

    def _paint_second(self, painter: QPainter) -> None:
        """A hollow tick: by its shape, not by its colour alone, it is told from the first."""
        width = max(float(_HANDLE + 2), min(self._pitch() - 2, 12.0))
        painter.setBrush(theme.color("ground"))
        painter.setPen(QPen(theme.color("text"), 1.5))
        box = self._box(self._second, width, 18)
        painter.drawRoundedRect(box.adjusted(0.75, 0.75, -0.75, -0.75), 2, 2)

    def _tint(self, place: int) -> str:
        if place == self._place or (self._ahead and place == self._count):
            return "accent"
        if place > self._count:
            return "line"
        return "quiet" if place < self._place else "line_strong"

    def _height(self, place: int) -> int:
        if place == self._place:
            return 16
        if place == self._slots() - 1 or place == self._count:
            return 10  # the finished picture, and the step that is being taken
        return 6

    def _box(self, place: int, width: float, height: float) -> QRectF:
        pitch = self._pitch()
        return QRectF(place * pitch + (pitch - width) / 2, (self.height() - height) / 2, width, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            x = event.position().x()
            self._drags_second = self._second is not None and self._distance(self._second, x) < min(
                _SECOND_REACH, self._distance(self._place, x)
            )
            self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        second = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) and self._second is not None
        start = self._second if second else self._place
        places = {
            Qt.Key.Key_Left: start - 1,
            Qt.Key.Key_Right: start + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self._count,
        }
        if event.key() in places:
            (self._go_second if second else self._go)(places[event.key()])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _slots(self) -> int:
        return self._count + self._ahead + 1

    def _pitch(self) -> float:
        return self.width() / self._slots()

    def _distance(self, place: int, x: float) -> float:
        return abs((place + 0.5) * self._pitch() - x)

    def _drag(self, x: float) -> None:
        place = int(x / self._pitch())
        if self._drags_second:
            self._go_second(place)
        else:
            self._go(place)

    def _go(self, place: int) -> None:
        place = max(0, min(self._count, place))
        if place != self._place:
            self.set_place(place)
            self.moved.emit(place)

    def _go_second(self, place: int) -> None:
        place = max(0, min(self._count, place))
        if place != self._second:
            self.set_second(place)
            self.second_moved.emit(place)
