"""Things that are one click away, and stay open once opened."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme


class Fold(QWidget):
    """A heading that shows and hides its body. Signals: toggled(open: bool).

    Made before its body, so that the Tab key comes to the heading first.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body: QWidget | None = None
        self.header = _Header(title, self)
        self.header.toggled.connect(self._on_toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S4)
        column.addWidget(self.header, 0, Qt.AlignmentFlag.AlignLeft)

    def set_body(self, body: QWidget) -> None:
        """Called once."""
        self.body = body
        body.setVisible(self.open)
        self.layout().addWidget(body)

    def set_title(self, title: str) -> None:
        self.header.setText(title)
        self.header.updateGeometry()

    @property
    def open(self) -> bool:
        return self.header.isChecked()

    def set_open(self, open_: bool) -> None:
        self.header.setChecked(open_)

    @Slot(bool)
    def _on_toggled(self, open_: bool) -> None:
        if self.body is not None:
            self.body.setVisible(open_)
        self.toggled.emit(open_)


class _Header(QAbstractButton):
    """Words on the same left edge as every label, a chevron behind them; underlined while focused."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleDescription(self.tr("Opens and closes"))

    def sizeHint(self) -> QSize:
        return QSize(self._words() + theme.S4 + 16, theme.S24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _words(self) -> int:
        return self.fontMetrics().horizontalAdvance(self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        name = "text" if self.underMouse() or self.hasFocus() or self.isChecked() else "quiet"
        painter.setPen(theme.color(name))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignVCenter, self.text())
        chevron = "chevron-down" if self.isChecked() else "chevron-right"
        tint = getattr(theme.tokens(), name)
        top = (self.height() - 16) // 2
        painter.drawPixmap(self._words() + theme.S4, top, icons.pixmap(chevron, 16, tint, self.devicePixelRatioF()))
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1))
            bottom = self.height() - 2.5
            painter.drawLine(QPointF(0, bottom), QPointF(self.width(), bottom))
