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
        title = QLabel(self.tr("Write what you want to see"), self)
        theme.set_kind(title, "heading")
        text = QLabel(
            self.tr("Describe it on the left and press Enter.\nYou will watch it come out of the noise."), self
        )
        theme.set_kind(text, "quiet")
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
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
        for widget in (mark, title, text):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.S12)
        holder = QGridLayout()
        holder.addLayout(chips, 0, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(holder)
        column.addStretch(1)

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(self.sender().text())
