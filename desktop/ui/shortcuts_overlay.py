"""All keys, on one card."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from desktop.ui import theme
from desktop.ui.overlay import Overlay


class ShortcutsOverlay(Overlay):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(QCoreApplication.translate("Overlay", "Keys"), parent)
        columns = QHBoxLayout()
        columns.setSpacing(theme.S32 + theme.S8)
        columns.addLayout(
            self._table(
                self.tr("Making pictures"),
                (
                    ("Enter", self.tr("Generate, from the prompt")),
                    ("Ctrl+Enter", self.tr("Generate, from anywhere")),
                    ("Ctrl+G", self.tr("Vary two settings in a grid")),
                    ("Shift+Enter", self.tr("New line in the prompt")),
                    ("Up / Down", self.tr("Walk earlier prompts")),
                    ("Esc", self.tr("Stop the running picture")),
                    ("Ctrl+L", self.tr("Go to the prompt")),
                    ("Alt+drop", self.tr("Restore a picture's settings")),
                ),
                self.tr("Queue"),
                (
                    ("Ctrl+Up / Down", self.tr("Earlier or later in the queue")),
                    ("Del", self.tr("Remove or stop")),
                ),
            ),
        )
        columns.addLayout(
            self._table(
                self.tr("Pictures"),
                (
                    ("Arrows", self.tr("Walk the gallery")),
                    ("1 – 5", self.tr("Rate, 0 takes it back")),
                    ("Del", self.tr("Move to the trash")),
                    ("Ctrl+Z", self.tr("Undo the last delete")),
                    ("F", self.tr("Full screen")),
                ),
                self.tr("Window"),
                (
                    ("Ctrl+1 2 3 4", self.tr("Create, Gallery, Models, Noise")),
                    ("Ctrl+B", self.tr("Show or hide history and queue")),
                    ("Ctrl+,", self.tr("Settings")),
                    ("?", self.tr("This card")),
                    ("Ctrl+Q", self.tr("Quit")),
                ),
                self.tr("Timeline, when it has the focus"),
                (
                    ("Left / Right", self.tr("Walk the steps")),
                    ("Shift+Left / Right", self.tr("Move the step to compare with")),
                    ("End", self.tr("Back to the running picture")),
                ),
            ),
        )
        self.body.addLayout(columns)

    def _table(self, *parts: str | tuple[tuple[str, str], ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S16)
        grid.setVerticalSpacing(theme.S8)
        for part in parts:
            row = grid.rowCount()
            if isinstance(part, str):
                title = QLabel(part)
                theme.set_kind(title, "quiet")
                title.setContentsMargins(0, theme.S8 if row > 1 else 0, 0, 0)
                grid.addWidget(title, row, 0, 1, 2)
                continue
            for offset, (keys, what) in enumerate(part):
                key = QLabel(keys)
                theme.set_kind(key, "key")
                grid.addWidget(key, row + offset, 0, Qt.AlignmentFlag.AlignRight)
                grid.addWidget(QLabel(what), row + offset, 1)
        grid.setRowStretch(grid.rowCount(), 1)
        return grid
