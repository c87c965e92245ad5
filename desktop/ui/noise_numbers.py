"""The numbers of one timestep."""

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.ui import theme


class NoiseNumbers(QWidget):
    """t, alpha, sigma and log SNR, side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S8)
        grid.setVerticalSpacing(theme.S4)
        self._values: list[QLabel] = []
        for column, (name, tip) in enumerate(
            (
                ("t", self.tr("Timestep: how far the noise has come")),
                ("α", self.tr("Alpha: what the picture is multiplied with")),
                ("σ", self.tr("Sigma: what the noise is multiplied with")),
                ("log SNR", self.tr("Signal to noise: the natural logarithm of α² / σ², 0 where both weigh the same")),
            )
        ):
            caption = QLabel(name, self)
            theme.set_kind(caption, "caption")
            value = QLabel("–", self)
            theme.set_kind(value, "heading")
            value.setFont(theme.font(theme.HEADING_PX, theme.SEMIBOLD))
            theme.use_tabular_figures(value)
            value.setAccessibleName(name)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for label in (caption, value):
                label.setToolTip(tip)
            grid.addWidget(caption, 0, column)
            grid.addWidget(value, 1, column)
            grid.setColumnStretch(column, 1)
            grid.setColumnMinimumWidth(column, 56)
            self._values.append(value)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(label.text() for label in self._values)

    def clear(self) -> None:
        for label in self._values:
            label.setText("–")

    def show_numbers(self, t: int, alpha: float, sigma: float, log_snr: float) -> None:
        texts = (str(t), decimal(alpha, 3), decimal(sigma, 3), decimal(log_snr, 2))
        for label, text in zip(self._values, texts, strict=True):
            label.setText(text)


def decimal(value: float, places: int) -> str:
    """With a true minus sign, and a sign for what is infinite."""
    text = "∞" if math.isinf(value) else f"{abs(value):.{places}f}"
    return f"\u2212{text}" if value < 0 and any(c in text for c in "123456789∞") else text
