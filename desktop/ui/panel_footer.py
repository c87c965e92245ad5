"""What stands under the prompt panel and never scrolls: the button that makes the picture, and the way out."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme
from desktop.ui.inline_error import InlineError


class PanelFooter(QWidget):
    """Attributes: error, a line for what no field is to blame for; generate_button, grid_button, stop_button.

    Signals: generate_wanted(), grid_wanted(), stop_wanted().
    """

    generate_wanted = Signal()
    grid_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.error = InlineError(self)
        self.generate_button = QPushButton(self.tr("Generate"), self)
        theme.set_kind(self.generate_button, "accent")
        self.generate_button.setFixedHeight(theme.BUTTON)
        self.generate_button.clicked.connect(self.generate_wanted)
        self.grid_button = QToolButton(self)
        self.grid_button.setIcon(icons.icon("grid-3x3", 20))
        self.grid_button.setFixedSize(theme.BUTTON, theme.BUTTON)
        theme.set_kind(self.grid_button, "plain")
        self.grid_button.setAccessibleName(self.tr("Vary two settings"))
        self.grid_button.setToolTip(self.tr("Vary two settings: one picture for each pair of values (Ctrl+G)"))
        self.grid_button.clicked.connect(self.grid_wanted)
        self.stop_button = QPushButton(self.tr("Stop"), self)
        icons.put(self.stop_button, "stop")
        theme.set_kind(self.stop_button, "tall")
        self.stop_button.setFixedHeight(theme.BUTTON)
        self.stop_button.setToolTip(self.tr("Stop the running picture (Esc)"))
        self.stop_button.clicked.connect(self.stop_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S8)
        buttons.addWidget(self.generate_button, 1)
        buttons.addWidget(self.grid_button)
        buttons.addWidget(self.stop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S8, theme.S16, theme.S16)
        column.setSpacing(theme.S8)
        column.addWidget(self.error)
        column.addLayout(buttons)
        self.set_running(False)

    def set_running(self, running: bool) -> None:
        """running: a job runs or waits; then there is a way out."""
        self.stop_button.setVisible(running)
        self.generate_button.setToolTip(
            self.tr("Add to the queue (Enter)") if running else self.tr("Make the picture (Enter)")
        )
