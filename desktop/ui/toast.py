"""A short word at the bottom of the window about what was just done, with the way back or on."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QPropertyAnimation, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from desktop.ui import icons, theme

_SHOWN_MS = 8000


class Toast(QFrame):
    """Floats over its parent; one message at a time, the latest."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_kind(self, "raised")
        self._action: Callable[[], object] | None = None
        self._label = QLabel(self)
        self._button = QPushButton(self)
        theme.set_kind(self._button, "link")
        self._button.clicked.connect(self._on_clicked)
        self._close = QToolButton(self)
        self._close.setIcon(icons.icon("x"))
        self._close.setFixedSize(theme.S24, theme.S24)
        self._close.setAccessibleName(self.tr("Close this message"))
        self._close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, theme.S8, theme.S8, theme.S8)
        row.setSpacing(theme.S12)
        row.addWidget(self._label)
        row.addWidget(self._button)
        row.addWidget(self._close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._motion = QPropertyAnimation(self, b"pos", self)
        self._motion.setEasingCurve(theme.EASE)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What it says now; "" while it is hidden."""
        return self._label.text() if not self.isHidden() else ""

    def show_message(
        self, text: str, *, action: str = "", on_action: Callable[[], object] | None = None, stay: bool = False
    ) -> None:
        """action: the words of the one button. stay: until it is answered, not for some seconds only."""
        self._label.setText(text)
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self._action = on_action
        self.adjustSize()
        self.raise_()
        self.show()
        self._place(slide=True)
        if stay:
            self._timer.stop()
        else:
            self._timer.start(_SHOWN_MS)

    def click(self) -> None:
        """Press its button."""
        self._button.click()

    def _place(self, *, slide: bool = False) -> None:
        area = self.parentWidget().rect()
        end = QPoint((area.width() - self.width()) // 2, area.height() - self.height() - theme.S24)
        self._motion.stop()
        if slide and theme.motion_ms():
            start = end + QPoint(0, theme.S16)
            self.move(start)
            self._motion.setDuration(theme.motion_ms())
            self._motion.setStartValue(start)
            self._motion.setEndValue(end)
            self._motion.start()
        else:
            self.move(end)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    @Slot()
    def _on_clicked(self) -> None:
        self.hide()
        if self._action is not None:
            self._action()
