"""How values are spread, beside the normal density."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme
from desktop.ui.plot import Plot, nice_ticks

_NORMAL_MOST = 1 / math.sqrt(2 * math.pi)  # the height of the normal density
_HEIGHT_LEAST, _HEIGHT_MOST = 0.5, 2.0  # of the y axis; one plain surface would press everything else flat


class NoiseHistogram(QWidget):
    """Bars for shares that sum to 1, painted as a density; without any, the normal density alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[float, ...] = ()
        self._span = 4.0
        self._name = ""
        self.setFixedHeight(136)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Histogram beside the normal density"))

    @property
    def shares(self) -> tuple[float, ...]:
        return self._shares

    def show_name(self, name: str) -> None:
        """What the values are of."""
        self._name = name
        self.update()

    def show_shares(self, shares: tuple[float, ...], span: float) -> None:
        """shares: of the values from -span to span, in bins of one width."""
        self._shares, self._span = shares, span
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, 136)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width = 2 * self._span / max(1, len(self._shares))
        highest = max(self._shares, default=0.0) / width
        top = min(max(highest * 1.1, _HEIGHT_LEAST), _HEIGHT_MOST)
        plot = Plot(self, (-self._span, self._span), (0, top))
        ticks = nice_ticks(-self._span + 1, self._span - 1, 6)
        plot.draw_axes(painter, ticks, nice_ticks(0, top, 3), self._name, self.tr("density"))
        legend = QRectF(plot.area.left(), 0, plot.area.width(), 16)
        painter.drawText(legend, Qt.AlignmentFlag.AlignRight, self.tr("— normal density"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line_strong"))
        for place, share in enumerate(self._shares):
            left, right = (-self._span + width * edge for edge in (place, place + 1))
            corner = plot.at(left, share / width)
            painter.drawRect(QRectF(corner, plot.at(right, 0)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text"), 1.25))
        painter.drawPolyline(QPolygonF(list(self._normal(plot))))

    def _normal(self, plot: Plot) -> list[QPointF]:
        values = (self._span * (2 * place / 128 - 1) for place in range(129))
        return [plot.at(value, _NORMAL_MOST * math.exp(-value * value / 2)) for value in values]
