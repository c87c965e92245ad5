"""What stands where the picture will be: how to make one, with examples to click."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icon_label import IconLabel

EXAMPLES = ("a red apple", "a fox", "a sailboat", "a hamburger")


class EmptyPreview(QWidget):
    """Signals: chosen(prompt)."""

    chosen = Signal(str)

    def __init__(self, examples: tuple[str, ...] = EXAMPLES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        mark = IconLabel("aperture", 32, "faint", self)
        self._title = QLabel(self)
        theme.set_kind(self._title, "heading")
        self._text = QLabel(self)
        theme.set_kind(self._text, "quiet")
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._buttons: list[QPushButton] = []
        chips = QHBoxLayout()
        chips.setSpacing(theme.S8)
        for example in examples:
            chip = QPushButton(example, self)
            theme.set_kind(chip, "chip")
            chip.setToolTip(self.tr("Write this prompt and make the picture"))
            chip.clicked.connect(self._on_clicked)
            chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self._buttons.append(chip)
            chips.addWidget(chip)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S16, theme.S16, theme.S16)
        column.setSpacing(theme.S8)
        column.addStretch(1)
        for widget in (mark, self._title, self._text):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.S12)
        holder = QGridLayout()
        holder.addLayout(chips, 0, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(holder)
        column.addStretch(1)

        self.show_examples()

    def show_examples(self) -> None:
        self._title.setText(self.tr("Write what you want to see"))
        self._text.setText(
            self.tr("Describe it on the left and press Enter.\nYou will watch it come out of the noise.")
        )
        for button in self._buttons:
            button.show()

    def show_waiting(self) -> None:
        """A picture was asked for, and none of its steps has come yet."""
        self._title.setText(self.tr("Your picture will develop here"))
        self._text.setText(
            self.tr("The line below says what is waited for.\nMeanwhile the next prompt can be written.")
        )
        for button in self._buttons:
            button.hide()

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(self.sender().text())
