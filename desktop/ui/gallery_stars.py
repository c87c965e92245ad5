"""A rating of one to five stars: how it is painted, and the control that changes it."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from desktop.ui import theme

STARS = 5
_CELL = 26  # width of one star's place in the control


def star(center: QPointF, radius: float) -> QPolygonF:
    """Five points; radius: to the outer ones."""
    points = []
    for number in range(10):
        reach = radius if number % 2 == 0 else radius * 0.46
        angle = math.pi * (number / 5 - 0.5)
        points.append(center + QPointF(reach * math.cos(angle), reach * math.sin(angle)))
    return QPolygonF(points)


def paint_stars(painter: QPainter, left: float, middle: float, count: int, colour: QColor, radius: float = 5.5) -> None:
    """A row of filled stars. left, middle: where it begins, and its height's centre."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for number in range(count):
        painter.drawPolygon(star(QPointF(left + radius + number * (2 * radius + 2), middle), radius))


class StarRating(QWidget):
    """Click a star, or press 0 to 5 or the arrows; the same star again takes the rating away.

    Signals: chosen(rating), by the user only.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rating = 0
        self._hovered = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setFixedSize(self.sizeHint())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Rating"))
        self.setToolTip(self.tr("Rate this picture: click a star, or press 1 to 5. 0 takes the rating away."))
        self.set_rating(0)

    @property
    def rating(self) -> int:
        return self._rating

    def set_rating(self, rating: int) -> None:
        self._rating = rating
        self.setAccessibleDescription(self.tr("{0} of {1} stars").format(rating, STARS))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(STARS * _CELL, theme.CONTROL)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shown = self._hovered or self._rating
        for number in range(1, STARS + 1):
            shape = star(QPointF((number - 0.5) * _CELL, self.height() / 2 + 0.5), 8)
            full = number <= shown
            painter.setBrush(theme.color("warning") if full else Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("warning" if full else "quiet"), 1.2))
            painter.drawPolygon(shape)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("focus"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._at(event.position().x()))

    def leaveEvent(self, event) -> None:
        self._hover(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = event.key() - Qt.Key.Key_0.value
        if 0 <= number <= STARS and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            self.chosen.emit(number)
        elif event.key() == Qt.Key.Key_Right and self._rating < STARS:
            self.chosen.emit(self._rating + 1)
        elif event.key() == Qt.Key.Key_Left and self._rating > 0:
            self.chosen.emit(self._rating - 1)
        else:
            super().keyPressEvent(event)

    def _at(self, x: float) -> int:
        return max(1, min(STARS, int(x // _CELL) + 1))

    def _hover(self, number: int) -> None:
        if number != self._hovered:
            self._hovered = number
            self.update()

    def _choose(self, number: int) -> None:
        self._hovered = 0
        self.chosen.emit(number)
