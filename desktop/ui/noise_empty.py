"""What stands on the noise page before there is a picture: how to bring one."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.ui import icons, theme
from desktop.ui.icon_label import IconLabel
from desktop.ui.inline_error import InlineError

_WIDTH, _HEIGHT = 440, 264  # of the dashed box


class NoiseEmpty(QWidget):
    """Attributes: choose, newest (the buttons), error. Signals: choose_wanted(), newest_wanted()."""

    choose_wanted = Signal()
    newest_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._over = False
        mark = IconLabel("image-plus", 32, "faint", self)
        title = QLabel(self.tr("See a picture dissolve into noise"), self)
        theme.set_kind(title, "heading")
        self._text = QLabel(self)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        theme.set_kind(self._text, "quiet")
        self.choose = QPushButton(self.tr("Choose a picture…"), self)
        self.choose.clicked.connect(self.choose_wanted)
        self.newest = QPushButton(self.tr("Use the newest picture"), self)
        theme.set_kind(self.newest, "quiet")
        self.newest.clicked.connect(self.newest_wanted)
        self.error = InlineError(self)
        self.error.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S8)
        buttons.addStretch(1)
        buttons.addWidget(self.choose)
        buttons.addWidget(self.newest)
        buttons.addStretch(1)
        inner = QVBoxLayout()
        inner.setSpacing(theme.S8)
        inner.addStretch(1)
        for widget in (mark, title, self._text):
            inner.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        inner.addSpacing(theme.S12)
        inner.addLayout(buttons)
        inner.addStretch(1)
        self._box = QWidget(self)
        self._box.setLayout(inner)
        self._box.setFixedSize(_WIDTH, _HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S24, 0, theme.S24, 0)
        column.setSpacing(theme.S12)
        column.addStretch(1)
        column.addWidget(self._box, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.error)
        column.addStretch(1)
        icons.put(self.choose, "folder-open")
        self.show_reading("")

    def show_reading(self, name: str) -> None:
        """name: the file that is being read; "" for none."""
        wait = self.tr("Reading {0}…").format(name)
        self._text.setText(wait if name else self.tr("Drop any picture here; it stays on this machine."))

    def show_error(self, error: KnownError) -> None:
        self.show_reading("")
        self.error.show_error(error)

    def set_over(self, over: bool) -> None:
        """Whether a picture is held above it."""
        if over != self._over:
            self._over = over
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("mat"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.color("accent" if self._over else "line_strong"), 1)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self._box.geometry()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
