"""A box to tick, in the window's own colours: the style's is nearly invisible on a dark card."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop.ui import theme

_BOX = 16


class TickBox(QAbstractButton):
    """Checkable, with its words beside it; Space and a click anywhere on it turn it over."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        return QSize(_BOX + theme.S8 + self.fontMetrics().horizontalAdvance(self.text()) + theme.S4, theme.S24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0.5, (self.height() - _BOX) / 2 + 0.5, _BOX - 1, _BOX - 1)
        ring = "focus" if self.hasFocus() else "quiet" if self.underMouse() else "line_strong"
        painter.setPen(QPen(theme.color(ring), 1))
        painter.setBrush(theme.color("accent_fill" if self.isChecked() else "ground"))
        painter.drawRoundedRect(box, 4, 4)
        if self.isChecked():
            pen = QPen(theme.color("on_accent"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            middle = box.center()
            painter.drawPolyline(
                QPolygonF([middle + QPointF(-4, 0), middle + QPointF(-1, 3), middle + QPointF(4.5, -3.5)])
            )
        painter.setPen(theme.color("text" if self.isEnabled() else "faint"))
        words = QRectF(self.rect()).adjusted(_BOX + theme.S8, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
