"""Text of which the first lines are shown, and the rest when it is wanted."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui import theme


class SelectableText(QLabel):
    """Can be selected and copied, and is never read as HTML. name: for who cannot see it."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)


class LongText(QWidget):
    """lines: of the text while it is folded. Attributes: label; more, the button, hidden where all of it is short."""

    def __init__(self, name: str, lines: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines = lines
        self.label = SelectableText(name, self)
        self.label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.more = QPushButton(self)
        theme.set_kind(self.more, "cite")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._fit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.label)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._fit()

    def text(self) -> str:
        """All of it, shown or not."""
        return self.label.text()

    def set_text(self, text: str) -> None:
        """Folded again where it is another text."""
        if text != self.label.text():
            self.label.setText(text)
            self.more.setChecked(False)
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        whole, folded = self.label.heightForWidth(self.width()), self._lines * self.label.fontMetrics().lineSpacing()
        is_long = whole > folded + self.label.fontMetrics().lineSpacing()  # one line more is no reason to hide it
        self.more.setVisible(is_long)
        self.more.setText(self.tr("Show less") if self.more.isChecked() else self.tr("Show all"))
        self.more.setAccessibleName(f"{self.label.accessibleName()}: {self.more.text()}")
        self.label.setFixedHeight(folded if is_long and not self.more.isChecked() else max(0, whole))
