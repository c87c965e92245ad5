"""A model's usual sizes as a row of small shapes."""

from math import gcd

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from desktop.ui import tab_order, theme, words

_SHOWN = 5  # more than these do not fit beside the label; all others can be typed


class SizePicker(QWidget):
    """Signals: picked((width, height))."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons = QButtonGroup(self)
        self._buttons.idClicked.connect(self._on_clicked)
        self._sizes: tuple[tuple[int, int], ...] = ()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.S4)
        self._row.addStretch(1)

    def set_sizes(self, sizes: tuple[tuple[int, int], ...]) -> None:
        sizes = sizes[:_SHOWN]
        if sizes == self._sizes:
            return
        self._sizes = sizes
        for button in self._buttons.buttons():
            self._buttons.removeButton(button)
            self._row.removeWidget(button)
            button.setParent(None)
            button.deleteLater()
        for index, (width, height) in enumerate(sizes):
            button = _Shape(width, height, self)
            self._buttons.addButton(button, index)
            self._row.insertWidget(index, button)
            button.show()
        tab_order.put_before(self, *self._buttons.buttons())

    def set_value(self, width: int, height: int) -> None:
        """Mark the shape that is in use; none where the size was typed."""
        self._buttons.setExclusive(False)
        for index, button in enumerate(self._buttons.buttons()):
            button.setChecked(self._sizes[index] == (width, height))
        self._buttons.setExclusive(True)

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        self.picked.emit(self._sizes[index])


class _Shape(QToolButton):
    """A button with a small frame of the size's proportions."""

    def __init__(self, width: int, height: int, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_kind(self, "plain")
        self._ratio = width / height
        self.setCheckable(True)
        self.setFixedSize(theme.CONTROL, theme.CONTROL)
        divisor = gcd(width, height)
        ratio = f"{width // divisor}:{height // divisor}"
        kind = self.tr("landscape") if width > height else self.tr("portrait")
        if width == height:
            kind = self.tr("square")
        text = f"{words.pixels(width, height)}, {kind} {ratio}"
        self.setToolTip(text)
        self.setAccessibleName(text)

    def sizeHint(self) -> QSize:
        return QSize(theme.CONTROL, theme.CONTROL)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        long, short = 15.0, max(6.0, 15.0 / max(self._ratio, 1 / self._ratio))
        if self._ratio == 1:
            long = short = 13.0
        width, height = (long, short) if self._ratio > 1 else (short, long)
        box = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
        painter.setPen(QPen(theme.color("text" if self.isChecked() else "quiet"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 1.5, 1.5)
