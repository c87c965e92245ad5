"""What the hand-painted plots share: where the drawing lies, its grid and the words along its axes."""

import math
from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPolygonF
from PySide6.QtWidgets import QWidget

from desktop.ui import theme

_LEFT, _TOP, _RIGHT, _BOTTOM = 36, 20, 1, 20
_MINUS = "\u2212"


class Plot:
    """Maps values to a widget's coordinates. x, y: the lowest and the highest value on each axis."""

    def __init__(self, widget: QWidget, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.area = QRectF(widget.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)
        self._x, self._y = x, y

    def at(self, x: float, y: float) -> QPointF:
        """Where a value lies; one beyond the axes lies on the edge."""
        return QPointF(
            self.area.left() + self.area.width() * _share(x, self._x),
            self.area.bottom() - self.area.height() * _share(y, self._y),
        )

    def x_at(self, place: float) -> float:
        """The value on the x axis at a horizontal place of the widget."""
        share = (place - self.area.left()) / max(1.0, self.area.width())
        return self._x[0] + min(max(share, 0.0), 1.0) * (self._x[1] - self._x[0])

    def line(self, places: Iterable[tuple[float, float]]) -> QPolygonF:
        """The finite ones of some values; one beyond the axes lies outside the area."""
        area, (left, right), (low, high) = self.area, self._x, self._y
        return QPolygonF(
            [
                QPointF(
                    area.left() + area.width() * (x - left) / (right - left),
                    area.bottom() - area.height() * (y - low) / (high - low),
                )
                for x, y in places
                if math.isfinite(y)
            ]
        )

    def draw_axes(
        self, painter: QPainter, x_ticks: tuple[float, ...], y_ticks: tuple[float, ...], x_name: str, y_name: str
    ) -> None:
        """The grid, the numbers along it, the names at the far end of x and above y."""
        font = theme.font(theme.CAPTION_PX)
        font.setFeature(QFont.Tag("tnum"), 1)
        painter.setFont(font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        area = self.area
        painter.setPen(theme.color("line"))
        for tick in y_ticks:
            place = round(self.at(self._x[0], tick).y())
            painter.drawLine(QPointF(area.left(), place), QPointF(area.right(), place))
        painter.setPen(theme.color("quiet"))
        for tick in y_ticks:
            place = round(self.at(self._x[0], tick).y())
            box = QRectF(0, place - 8, area.left() - theme.S8, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, tick_text(tick))
        for tick in x_ticks:
            words, place = tick_text(tick), self.at(tick, self._y[0]).x()
            width = painter.fontMetrics().horizontalAdvance(words) + 2
            left = min(max(place - width / 2, area.left()), area.right() - width)
            box = QRectF(left, area.bottom() + theme.S4, width, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, words)
        painter.drawText(QRectF(area.left(), 0, area.width(), 16), Qt.AlignmentFlag.AlignLeft, y_name)
        below = QRectF(area.left(), area.bottom() + theme.S4, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, x_name)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def tick_text(value: float) -> str:
    """A number as short as it is, with a true minus sign."""
    return f"{value:.6g}".replace("-", _MINUS)


def nice_ticks(low: float, high: float, about: int = 4) -> tuple[float, ...]:
    """Round numbers between two values, about so many."""
    rough = (high - low) / max(1, about)
    power = 10.0 ** _floor_log10(rough)
    step = power * next((nice for nice in (1, 2, 2.5, 5) if nice * power >= rough), 10)
    first, last = -int(-low // step), int(high // step)
    return tuple(round(place * step, 12) for place in range(first, last + 1))


def _floor_log10(value: float) -> int:
    return math.floor(math.log10(value)) if value > 0 else 0


def _share(value: float, between: tuple[float, float]) -> float:
    low, high = between
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
