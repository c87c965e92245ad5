"""Trouble in plain words: what happened, why, what to do; details folded away."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import KnownError
from desktop.messages import Failed
from desktop.ui import icons, theme
from desktop.ui.fold import Fold
from desktop.ui.icon_label import IconLabel


class MessageBar(QFrame):
    """One message, the latest. Signals: log_requested()."""

    log_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "message")
        self._icon = IconLabel("circle-alert", 20, "accent", self)
        self._title = QLabel(self)
        self._title.setWordWrap(True)
        theme.set_kind(self._title, "section")
        self._hint = QLabel(self)
        self._hint.setWordWrap(True)
        theme.set_kind(self._hint, "quiet")
        for label in (self._title, self._hint):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton(self)
        self._close.setIcon(icons.icon("x"))
        self._close.setFixedSize(theme.S24 + theme.S4, theme.S24 + theme.S4)
        self._close.setToolTip(self.tr("Close this message"))
        self._close.setAccessibleName(self.tr("Close this message"))
        self._close.clicked.connect(self.clear)

        self._fold = Fold(self.tr("Details"), self)
        self._details = QPlainTextEdit(self)
        self._details.setReadOnly(True)
        self._details.setFixedHeight(140)
        self._details.setAccessibleName(self.tr("Details"))
        self._fold.set_body(self._details)
        self._copy = self._button("copy", self.tr("Copy details"))
        self._copy.clicked.connect(self._on_copy)
        self._log = self._button("file-text", self.tr("Open the log"))
        self._log.clicked.connect(self.log_requested)

        texts = QVBoxLayout()
        texts.setSpacing(theme.S4)
        texts.addWidget(self._title)
        texts.addWidget(self._hint)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(theme.S8)
        self._buttons.addWidget(self._log)
        self._buttons.addWidget(self._copy)
        self._buttons.addStretch(1)
        texts.addLayout(self._buttons)
        texts.addWidget(self._fold)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S12, theme.S12, theme.S8, theme.S12)
        row.setSpacing(theme.S12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def _button(self, icon: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        icons.put(button, icon)
        return button

    @property
    def text(self) -> str:
        return self._title.text()

    @Slot(object)
    def show_failed(self, event: Failed) -> None:
        self._show(event.message, event.hint, is_bug=event.is_bug, details=event.details)

    def show_error(self, error: KnownError) -> None:
        self._show(error.message, error.hint, is_bug=False, details="")

    def show_note(self, message: str, hint: str) -> None:
        """For what is no error."""
        self._show(message, hint, is_bug=False, details="")
        self._icon.set_icon("info")

    def show_bug(self, error: BaseException, details: str) -> None:
        """For what no part of the program expected."""
        self._show(str(error) or type(error).__name__, "", is_bug=True, details=details)

    def _show(self, message: str, hint: str, *, is_bug: bool, details: str) -> None:
        message = message.rstrip(".")
        if is_bug:
            self._title.setText(self.tr("This is a bug in Safelight: {0}").format(message))
            hint = hint or self.tr(
                "Nothing already made is lost, and the next picture will run. The log says what happened."
            )
        else:
            self._title.setText(message)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._icon.set_icon("bug" if is_bug else "circle-alert")
        self._details.setPlainText(details)
        self._fold.setVisible(bool(details))
        self._fold.set_open(False)
        self._copy.setVisible(bool(details))
        self._log.setVisible(is_bug)
        self.setAccessibleName(f"{self._title.text()}. {hint}")
        self.show()

    @Slot()
    def clear(self) -> None:
        self.hide()
        self._title.clear()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._title.text()}\n{self._details.toPlainText()}")
