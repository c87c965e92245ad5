"""A short word at the bottom of the window about what was just done, with the way back."""

from PySide6.QtCore import QEvent, QObject, QPoint, QPropertyAnimation, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from desktop.ui import theme

_SHOWN_MS = 8000


class Toast(QFrame):
    """Floats over its parent. Signals: undo_clicked()."""

    undo_clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_kind(self, "raised")
        self._label = QLabel(self)
        self._undo = QPushButton(self.tr("Undo"), self)
        theme.set_kind(self._undo, "link")
        self._undo.setToolTip(self.tr("Take it back (Ctrl+Z)"))
        self._undo.clicked.connect(self._on_undo)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, theme.S8, theme.S12, theme.S8)
        row.setSpacing(theme.S12)
        row.addWidget(self._label)
        row.addWidget(self._undo)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._motion = QPropertyAnimation(self, b"pos", self)
        self._motion.setEasingCurve(theme.EASE)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        return self._label.text() if self.isVisible() else ""

    def show_message(self, text: str, *, undo: bool = False) -> None:
        self._label.setText(text)
        self._undo.setVisible(undo)
        self.adjustSize()
        self.raise_()
        self.show()
        self._place(slide=True)
        self._timer.start(_SHOWN_MS)

    def _place(self, *, slide: bool = False) -> None:
        area = self.parentWidget().rect()
        end = area.bottomLeft()
        end.setX((area.width() - self.width()) // 2)
        end.setY(area.height() - self.height() - theme.S24)
        self._motion.stop()
        if slide and theme.motion_ms():
            self._motion.setDuration(theme.motion_ms())
            start = end + QPoint(0, theme.S16)
            self.move(start)
            self._motion.setStartValue(start)
            self._motion.setEndValue(end)
            self._motion.start()
        else:
            self.move(end)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    @Slot()
    def _on_undo(self) -> None:
        self.hide()
        self.undo_clicked.emit()
