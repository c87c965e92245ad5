"""The first thing a new user reads."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icon_label import IconLabel

_TEXT_WIDTH = 400


class Welcome(QWidget):
    """Lies over the empty preview until it is closed or a picture starts; typing goes on meanwhile.

    Signals: closed(), models_wanted().
    """

    closed = Signal()
    models_wanted = Signal()

    def __init__(self, pictures_folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        card = QFrame(self)
        theme.set_kind(card, "card")
        title = QLabel(self.tr("Welcome to Safelight"), card)
        theme.set_kind(title, "title")
        points = QGridLayout()
        points.setHorizontalSpacing(theme.S12)
        points.setVerticalSpacing(theme.S12)
        points.setColumnStretch(1, 1)
        texts = (
            (
                "image",
                self.tr(
                    "The built-in model draws small, icon-like pictures of everyday things: "
                    "an apple, a fox, a guitar. Name one and press Enter."
                ),
            ),
            (
                "boxes",
                self.tr("Larger models draw scenes, people and styles. The Models page brings them in."),
            ),
            ("folder", self.tr("Every finished picture is kept in {0}.").format(pictures_folder)),
            (
                "shield-check",
                self.tr("All of it happens on this computer. No prompt and no picture leaves it."),
            ),
        )
        for row, (name, text) in enumerate(texts):
            mark = IconLabel(name, 20, "quiet", card)
            label = QLabel(text, card)
            label.setWordWrap(True)
            label.setFixedWidth(_TEXT_WIDTH)
            points.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
            points.addWidget(label, row, 1)
        start = QPushButton(self.tr("Start"), card)
        start.clicked.connect(self.closed)
        start.setMinimumWidth(96)
        models = QPushButton(self.tr("See the models"), card)
        theme.set_kind(models, "quiet")
        models.clicked.connect(self.models_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S8)
        buttons.addWidget(start)
        buttons.addWidget(models)
        buttons.addStretch(1)
        column = QVBoxLayout(card)
        column.setContentsMargins(theme.S32, theme.S24, theme.S32, theme.S24)
        column.setSpacing(theme.S16)
        column.addWidget(title)
        column.addLayout(points)
        column.addLayout(buttons)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(theme.S8, theme.S8, theme.S8, theme.S8)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignCenter)
