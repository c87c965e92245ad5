"""A drop-down list with the set's own chevron."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from desktop.ui import icons, theme


class Chooser(QComboBox):
    """A QComboBox that does not change under a passing wheel."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setMaxVisibleItems(16)
        self.setIconSize(QSize(16, 16))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        tint = theme.tokens().quiet if self.isEnabled() else theme.tokens().faint
        chevron = icons.pixmap("chevron-down", 16, tint, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - 24, (self.height() - 16) // 2, chevron)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
