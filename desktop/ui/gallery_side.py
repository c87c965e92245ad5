"""How large the thumbnails are."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from desktop.ui import theme

SIDE_MIN, SIDE_DEFAULT, SIDE_MAX = 96, 168, 400  # pixels
_HANDLE = 14  # diameter
_EDGE = 9  # room beside the groove, so that handle and focus ring stay inside


class SideSlider(QSlider):
    """A plain slider in the theme's colours; the wheel turns it only when it has the focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(SIDE_MIN, SIDE_MAX)
        self.setValue(SIDE_DEFAULT)
        self.setSingleStep(8)
        self.setPageStep(32)
        self.setFixedSize(self.sizeHint())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Size of the thumbnails"))
        self.setToolTip(self.tr("Size of the thumbnails; a double click gives the usual one"))

    def sizeHint(self) -> QSize:
        return QSize(120, theme.CONTROL)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        x = _EDGE + (self.width() - 2 * _EDGE) * (self.value() - SIDE_MIN) / (SIDE_MAX - SIDE_MIN)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        painter.setBrush(theme.color("quiet" if self.isEnabled() else "faint"))
        painter.drawRoundedRect(QRectF(0, middle - 2, x, 4), 2, 2)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            radius = _HANDLE / 2 + 2
            painter.drawEllipse(QRectF(x - radius, middle - radius, 2 * radius, 2 * radius))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("text" if self.isEnabled() else "faint"))
        painter.drawEllipse(QRectF(x - _HANDLE / 2, middle - _HANDLE / 2, _HANDLE, _HANDLE))

    def mousePressEvent(self, event) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def mouseMoveEvent(self, event) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def mouseReleaseEvent(self, event) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event) -> None:
        self.setValue(SIDE_DEFAULT)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _go_to(self, x: float) -> None:
        share = (x - _EDGE) / max(1, self.width() - 2 * _EDGE)
        self.setValue(round(SIDE_MIN + share * (SIDE_MAX - SIDE_MIN)))
