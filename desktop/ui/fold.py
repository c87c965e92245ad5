"""Things that are one click away, and stay open once opened."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme


class Fold(QWidget):
    """A heading that shows and hides what is put into `body`. Signals: toggled(open: bool)."""

    toggled = Signal(bool)

    def __init__(self, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body = body
        self.header = QPushButton(title, self)
        theme.set_kind(self.header, "fold")
        self.header.setCheckable(True)
        self.header.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the chevron behind the words
        self.header.setIcon(icons.icon("chevron-right", role="quiet"))
        self.header.setAccessibleDescription(self.tr("Opens and closes"))
        self.header.toggled.connect(self._on_toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S4)
        column.addWidget(self.header, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute)
        column.addWidget(body)
        body.hide()

    @property
    def open(self) -> bool:
        return self.header.isChecked()

    def set_open(self, open_: bool) -> None:
        self.header.setChecked(open_)

    @Slot(bool)
    def _on_toggled(self, open_: bool) -> None:
        self.body.setVisible(open_)
        self.header.setIcon(icons.icon("chevron-down" if open_ else "chevron-right", role="quiet"))
        self.toggled.emit(open_)
