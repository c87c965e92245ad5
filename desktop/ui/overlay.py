"""A card over the whole window, closed with Esc or a click beside it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme


class Overlay(QWidget):
    """Put content into `body`. The focus goes back to where it was when the card closes. Signals: closed()."""

    closed = Signal()

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._before: QWidget | None = None
        self.card = QFrame(self)
        theme.set_kind(self.card, "raised")
        self.setAccessibleName(title)
        heading = QLabel(title, self.card)
        theme.set_kind(heading, "heading")
        self._close = QToolButton(self.card)
        self._close.setIcon(icons.icon("x"))
        self._close.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._close.setAccessibleName(self.tr("Close"))
        self._close.setToolTip(self.tr("Close (Esc)"))
        self._close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(heading, 1)
        head.addWidget(self._close)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.S8)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(theme.S24, theme.S16, theme.S24, theme.S24)
        column.setSpacing(theme.S12)
        column.addLayout(head)
        column.addLayout(self.body)
        middle = QHBoxLayout(self)
        middle.addWidget(self.card, 0, Qt.AlignmentFlag.AlignCenter)
        parent.installEventFilter(self)
        self.hide()

    def open_card(self) -> None:
        self._before = self.window().focusWidget()
        self.setGeometry(self.parentWidget().rect())
        self.raise_()
        self.show()
        self._close.setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def close_card(self) -> None:
        self.hide()
        if self._before is not None:
            self._before.setFocus()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape or event.text() == "?":
            self.close_card()
        # Every other key stops here: what lies under the card is not to be worked unseen.

    def focusNextPrevChild(self, forward: bool) -> bool:
        return False  # the card has one button

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_card()

    def paintEvent(self, event: QPaintEvent) -> None:
        scrim = QColor("#000000")
        scrim.setAlphaF(0.55 if theme.tokens().dark else 0.3)
        QPainter(self).fillRect(self.rect(), scrim)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
        return False
