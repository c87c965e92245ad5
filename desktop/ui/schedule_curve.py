"""The curve of a noise schedule, with the current timestep on it."""

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme
from desktop.ui.plot import Plot, nice_ticks

if TYPE_CHECKING:
    from desktop.engine.forward import NoiseSchedule

NAMES = {"beta": "β", "alpha_bar": "ᾱ", "sigma": "σ", "log_snr": "log SNR"}
_LOG_SNR_MOST = 12.0  # beyond e^12 one part in 160,000 is left, of the picture or of the noise
_POINT = 4.5  # radius


class ScheduleCurve(QWidget):
    """Shows one of NAMES over t; a press or a drag on it goes to that t. Signals: moved(t), by the user only."""

    moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._schedule: NoiseSchedule | None = None
        self._values: list[float] = []
        self._range = (0.0, 1.0)
        self._name = "alpha_bar"
        self._t = 0
        self.setFixedHeight(152)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Curve of the schedule"))

    @property
    def name(self) -> str:
        return self._name

    @property
    def value(self) -> float | None:
        """What the curve is at the current timestep; may be infinite."""
        return self._values[self._t] if self._values else None

    def show_schedule(self, schedule: "NoiseSchedule | None") -> None:
        self._schedule = schedule
        self._read()

    def show_name(self, name: str) -> None:
        """One of NAMES."""
        self._name = name
        self._read()

    def set_t(self, t: int) -> None:
        self._t = t
        self._describe()
        self.update()

    def point(self) -> QPointF | None:
        """Where the current timestep lies on the curve."""
        return None if self.value is None else self._plot().at(self._t, self.value)

    def sizeHint(self) -> QSize:
        return QSize(280, 152)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._values:
            return
        painter = QPainter(self)
        plot, last = self._plot(), len(self._values) - 1
        ticks = tuple(tick for tick in nice_ticks(0, last) if tick < 0.95 * last)  # the axis' name stands at the end
        plot.draw_axes(painter, ticks, nice_ticks(*self._range), "t", f"{NAMES[self._name]} = {_short(self.value)}")
        point = self.point()
        painter.setPen(QPen(theme.color("line_strong"), 1))
        painter.drawLine(QPointF(point.x(), plot.area.top()), QPointF(point.x(), plot.area.bottom()))
        painter.setPen(QPen(theme.color("quiet"), 1.5))
        painter.setClipRect(plot.area.adjusted(-1, -1, 1, 1))
        painter.drawPolyline(self._line(plot))
        painter.setClipping(False)
        painter.setPen(QPen(theme.color("panel"), 2))
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(point, _POINT + 1, _POINT + 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        if not self._values:
            return
        t = round(self._plot().x_at(event.position().x()))
        if t != self._t:
            self.set_t(t)
            self.moved.emit(t)

    def _plot(self) -> Plot:
        return Plot(self, (0, max(1, len(self._values) - 1)), self._range)

    def _line(self, plot: Plot) -> QPolygonF:
        """At most two points to a pixel, however long the schedule is."""
        count = len(self._values)
        stride = max(1, count // max(1, 2 * int(plot.area.width())))
        places = [*range(0, count - 1, stride), count - 1]
        return plot.line((place, self._values[place]) for place in places)

    def _read(self) -> None:
        schedule = self._schedule
        self._values = [] if schedule is None else getattr(schedule, self._name).tolist()
        self._t = min(self._t, max(0, len(self._values) - 1))
        if self._values:
            self._range = _range_of(self._name, self._values)
        self._describe()
        self.update()

    def _describe(self) -> None:
        if self.value is not None:
            self.setAccessibleDescription(f"{NAMES[self._name]} {_short(self.value)}, t {self._t}")


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "\u2212").replace("inf", "∞")


def _range_of(name: str, values: list[float]) -> tuple[float, float]:
    if name in ("alpha_bar", "sigma"):
        return 0.0, 1.0
    finite = sorted(value for value in values if math.isfinite(value))
    if name == "log_snr":
        return max(finite[0], -_LOG_SNR_MOST), min(finite[-1], _LOG_SNR_MOST)
    # Where the last step takes all that is left, its beta is 1 and would press the rest of the curve flat.
    usual = finite[int(0.95 * (len(finite) - 1))] * 1.25
    return 0.0, usual if finite[-1] > 2 * usual else finite[-1]
