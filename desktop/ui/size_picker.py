"""A model's usual sizes as a row of small shapes."""

from math import gcd

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from desktop.ui import theme, words

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
        for index in range(_SHOWN):  # made once and in their place, so that the Tab key finds them there
            button = _Shape(self)
            self._buttons.addButton(button, index)
            self._row.addWidget(button)
        self._row.addStretch(1)

    def set_sizes(self, sizes: tuple[tuple[int, int], ...]) -> None:
        sizes = sizes[:_SHOWN]
        if sizes == self._sizes:
            return
        self._sizes = sizes
        for index, button in enumerate(self._buttons.buttons()):
            if index < len(sizes):
                button.set_size(*sizes[index])
            button.setVisible(index < len(sizes))

    def set_value(self, width: int, height: int) -> None:
        """Mark the shape that is in use; none where the size was typed."""
        self._buttons.setExclusive(False)
        for size, button in zip(self._sizes, self._buttons.buttons(), strict=False):
            button.setChecked(size == (width, height))
        self._buttons.setExclusive(True)

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        self.picked.emit(self._sizes[index])


class _Shape(QToolButton):
    """A button with a small frame of the size's proportions."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_kind(self, "plain")
        self._ratio = 1.0
        self.setCheckable(True)
        self.setFixedSize(theme.CONTROL, theme.CONTROL)
        self.hide()

    def set_size(self, width: int, height: int) -> None:
        self._ratio = width / height
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
