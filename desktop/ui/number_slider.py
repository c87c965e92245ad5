"""A slider that also takes typed numbers."""

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QWidget

from desktop.ui import theme

_HANDLE = 14  # diameter of the handle
_EDGE = 9  # how close the handle comes to the groove's ends, so that its focus ring stays inside


class NumberSlider(QWidget):
    """A value between low and high, by slider, arrow keys, wheel (only when focused) or typing.

    high is where the slider ends; typing goes on to typed_high. A double click gives the default back.
    knob: the token the handle is painted in.
    Signals: changed(value).
    """

    changed = Signal(object)

    def __init__(
        self,
        name: str,
        *,
        low: float,
        high: float,
        default: float,
        step: float = 1,
        decimals: int = 0,
        typed_high: float | None = None,
        knob: str = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._step, self._decimals = low, step, decimals
        self._high = high if typed_high is None else typed_high
        self._value = self._default = self._clamp(default)
        self._slider = _Slider(knob, self)
        self._slider.setAccessibleName(name)
        self._slider.setRange(0, round((high - low) / step))
        self._slider.valueChanged.connect(self._on_slid)
        self._slider.wants_default.connect(self.reset)
        self._field = _Field(self)
        self._field.setAccessibleName(name)
        self._field.setFixedWidth(52)
        theme.use_tabular_figures(self._field)
        self._field.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._field.editingFinished.connect(self._on_typed)
        self._field.stepped.connect(self._on_stepped)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S8)
        row.addWidget(self._slider, 1)
        row.addWidget(self._field)
        self.setFocusProxy(self._slider)
        self._show()

    @property
    def value(self) -> float:
        """An int where decimals is 0."""
        return self._value

    def set_value(self, value: float) -> None:
        value = self._clamp(value)
        if value != self._value:
            self._value = value
            self._show()
            self.changed.emit(self.value)

    def set_high(self, high: float) -> None:
        """Where slider and typing end; does not tell of a value that has to follow."""
        self._high = high
        self._value = self._clamp(self._value)
        self._slider.blockSignals(True)
        self._slider.setRange(0, self._place(high))
        self._slider.setPageStep(max(10, self._place(high) // 20))
        self._slider.blockSignals(False)
        self._show()

    def set_default(self, value: float) -> None:
        """What a double click gives; does not change the value."""
        self._default = self._clamp(value)
        self._slider.default = self._place(self._default)
        self._slider.update()

    @Slot()
    def reset(self) -> None:
        self.set_value(self._default)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(text)
        self._slider.setAccessibleDescription(text)

    def commit(self) -> None:
        """Take in what stands in the field, as when the field loses the focus."""
        self._on_typed()

    def _clamp(self, value: float) -> float:
        value = min(max(value, self._low), self._high)
        return round(value) if self._decimals == 0 else float(value)

    def _place(self, value: float) -> int:
        return round((value - self._low) / self._step)

    def _show(self) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(self._place(self._value))
        self._slider.blockSignals(False)
        self._slider.default = self._place(self._default)
        self._slider.update()
        text = f"{self._value:.{self._decimals}f}"
        self._field.setText(text if float(text) == self._value else str(self._value))  # never less than it is

    @Slot(int)
    def _on_slid(self, place: int) -> None:
        self.set_value(round(self._low + place * self._step, self._decimals))

    @Slot()
    def _on_typed(self) -> None:
        if not self._field.isModified():
            return
        try:
            value = float(self._field.text().strip().replace(",", "."))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            self.set_value(value)
        self._show()  # what is no number gives way to the last one that was

    @Slot(int)
    def _on_stepped(self, direction: int) -> None:
        self._on_typed()
        self.set_value(round(self._value + direction * self._step, self._decimals))


class _Slider(QSlider):
    wants_default = Signal()

    def __init__(self, knob: str, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._knob = knob
        self.default = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(theme.CONTROL)
        self.setMinimumWidth(64)

    def sizeHint(self) -> QSize:
        return QSize(120, theme.CONTROL)

    def _x(self, value: int) -> float:
        span = max(1, self.maximum() - self.minimum())
        return _EDGE + (self.width() - 2 * _EDGE) * (value - self.minimum()) / span

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        left, right, x = 0.0, float(self.width()), self._x(self.value())
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 2, 2)
        painter.setBrush(theme.color("quiet" if self.isEnabled() else "faint"))
        painter.drawRoundedRect(QRectF(left, middle - 2, x - left, 4), 2, 2)
        if self.default != self.value() and self.minimum() <= self.default <= self.maximum():
            painter.setBrush(theme.color("faint"))
            painter.drawRoundedRect(QRectF(self._x(self.default) - 1, middle + 6, 2, 4), 1, 1)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            radius = _HANDLE / 2 + 2
            painter.drawEllipse(QRectF(x - radius, middle - radius, 2 * radius, 2 * radius))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self._knob if self.isEnabled() else "faint"))
        painter.drawEllipse(QRectF(x - _HANDLE / 2, middle - _HANDLE / 2, _HANDLE, _HANDLE))

    def _go_to(self, event: QMouseEvent) -> None:
        share = (event.position().x() - _EDGE) / max(1, self.width() - 2 * _EDGE)
        self.setValue(round(self.minimum() + share * (self.maximum() - self.minimum())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.wants_default.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class _Field(QLineEdit):
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.stepped.emit(1 if event.key() == Qt.Key.Key_Up else -1)
        else:
            super().keyPressEvent(event)
