"""One line of trouble, right under what caused it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from desktop.errors import KnownError
from desktop.ui import theme


class InlineError(QLabel):
    """Hidden while there is nothing wrong."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "error")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)  # names in it come from files and from the hub
        self.setAccessibleName(self.tr("What is wrong"))
        self.hide()

    def show_error(self, error: KnownError) -> None:
        self.setText(f"{error.message.rstrip('.')}. {error.hint}".rstrip())
        self.show()

    def clear(self) -> None:
        if self.text():
            super().clear()
            self.hide()
