"""Giving an access token, where a model asks for one."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.ui import theme


class TokenField(QWidget):
    """Signals: given(token). What is typed is never shown and never kept by the widget."""

    given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        text = self.tr("An access token from your account on the hub shows that you may have it. It goes into the "
                       "system's keyring, and to the hub only.")  # fmt: skip
        teach = QLabel(text, self)
        teach.setWordWrap(True)
        theme.set_kind(teach, "quiet")
        self.edit = QLineEdit(self)
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.edit.setPlaceholderText(self.tr("hf_…"))
        self.edit.setAccessibleName(self.tr("Access token"))
        self.edit.setMaximumWidth(320)
        self.edit.returnPressed.connect(self._on_given)
        self.button = QPushButton(self.tr("Use this token"), self)
        self.button.clicked.connect(self._on_given)
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S8)
        column.addWidget(teach)
        column.addLayout(row)

    @Slot()
    def _on_given(self) -> None:
        token = self.edit.text().strip()
        self.edit.clear()
        if token:
            self.given.emit(token)
