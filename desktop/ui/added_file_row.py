"""One LoRA or embedding in the prompt panel: its name, its weight, the words that call it up."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.messages import AddedFile
from desktop.ui import icons, theme
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.inline_error import InlineError
from desktop.ui.number_slider import NumberSlider
from desktop.ui.tips import plain_tip


class AddedFileRow(QFrame):
    """Attributes: path, kind. Signals: removed(), weight_changed()."""

    removed = Signal()
    weight_changed = Signal()

    def __init__(self, file: AddedFile, weight: float, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_kind(self, "raised")
        self.path, self.kind = file.path, file.kind
        name = ElidedLabel(self)
        name.setText(file.title)
        name.setToolTip(plain_tip(file.path))
        remove = QToolButton(self)
        remove.setIcon(icons.icon("x", 16))
        remove.setFixedSize(theme.S24, theme.S24)
        remove.setToolTip(self.tr("Take it off"))
        remove.setAccessibleName(self.tr("Take {0} off").format(file.title))
        remove.clicked.connect(self.removed)
        first = QHBoxLayout()
        first.setSpacing(theme.S4)
        first.addWidget(name, 1)
        first.addWidget(remove)
        self._words = QLabel(self)
        theme.set_kind(self._words, "caption")
        self._words.setWordWrap(True)
        self._error = InlineError(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S8, theme.S4, theme.S4, theme.S4)
        column.setSpacing(theme.S4)
        column.addLayout(first)
        self._weight: NumberSlider | None = None
        if file.kind == "lora":
            self._weight = NumberSlider(
                self.tr("Weight of {0}").format(file.title),
                low=-2,
                high=2,
                default=1,
                step=0.05,
                decimals=2,
                typed_high=10,
                parent=self,
            )
            self._weight.set_value(weight)
            self._weight.setToolTip(self.tr("Weight: 1 as it was trained, 0 not at all, below 0 the opposite."))
            self._weight.changed.connect(self.weight_changed)
            column.addWidget(self._weight)
            self.setFocusProxy(self._weight)
        else:
            self.setFocusProxy(remove)
        column.addWidget(self._words)
        column.addWidget(self._error)
        self.show_found(file)

    @property
    def weight(self) -> float:
        return 1.0 if self._weight is None else self._weight.value

    def commit(self) -> None:
        if self._weight is not None:
            self._weight.commit()

    def show_found(self, found: AddedFile | KnownError) -> None:
        """What the file says of itself, or why it cannot be used."""
        self._error.clear()
        words = () if isinstance(found, KnownError) else found.words
        self._words.setText(self.tr("Say in the prompt: {0}").format(", ".join(words)) if words else "")
        self._words.setVisible(bool(words))
        wrong = found if isinstance(found, KnownError) else found.wrong
        if wrong is not None:
            self._error.show_error(wrong)
