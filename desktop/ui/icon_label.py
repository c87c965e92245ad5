"""An icon that stands by itself."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.ui import icons, theme


class IconLabel(QWidget):
    """Tinted with a token; painted anew when the theme changes."""

    def __init__(self, name: str, size: int = 16, role: str = "text", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._size, self._role = name, size, role
        self.setFixedSize(size, size)

    def set_icon(self, name: str) -> None:
        self._name = name
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._size, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:
        tint = getattr(theme.tokens(), self._role)
        QPainter(self).drawPixmap(0, 0, icons.pixmap(self._name, self._size, tint, self.devicePixelRatioF()))
