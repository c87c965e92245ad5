"""Above the picture of the noise page: through which eyes it is seen."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QWidget

from desktop.ui import theme
from desktop.ui.segments import Segments

PIXELS, LATENTS, GUESS = "pixels", "latents", "guess"


class NoiseHead(QFrame):
    """Attributes: views (which is chosen: PIXELS, LATENTS or GUESS), prompt (of the guess).

    Signals: changed() when something else is to be seen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "bar")
        self.setFixedHeight(theme.BAR)
        self.views = Segments(self.tr("View"), self)
        self.views.set_choices(
            (
                (PIXELS, self.tr("Pixels"), self.tr("The noise is added to the pixels")),
                (
                    LATENTS,
                    self.tr("Latents"),
                    self.tr("The noise is added to the model's own latents, and its VAE makes pixels of them"),
                ),
                (
                    GUESS,
                    self.tr("Guess of x₀"),
                    self.tr("What the model takes the picture to be, in one step from the noisy latents"),
                ),
            ),
            PIXELS,
        )
        self.views.chosen.connect(self._on_chosen)
        self.prompt = QLineEdit(self)
        self.prompt.setPlaceholderText(self.tr("Prompt, or none"))
        self.prompt.setAccessibleName(self.tr("Prompt of the guess"))
        self.prompt.setToolTip(self.tr("What the model is told of the picture it guesses"))
        self.prompt.setMaximumWidth(320)
        self.prompt.setMaxLength(2000)
        self.prompt.editingFinished.connect(self.changed)
        self.prompt.hide()
        self._status = QLabel(self)
        theme.set_kind(self._status, "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, 0, theme.S16, 1)
        row.setSpacing(theme.S12)
        row.addWidget(self.views)
        row.addWidget(self.prompt, 4)
        row.addStretch(1)
        row.addWidget(self._status)

    @property
    def status(self) -> str:
        return self._status.text()

    def show_status(self, text: str) -> None:
        self._status.setText(text)

    @Slot(str)
    def _on_chosen(self, view: str) -> None:
        self.prompt.setVisible(view == GUESS)
        self.changed.emit()
