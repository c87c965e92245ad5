"""What waited when the program closed or crashed, and what to do with it now."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from desktop.ui import theme
from desktop.ui.icon_label import IconLabel


class LeftOver(QFrame):
    """Stands above the pages until it is decided. Attributes: run, forget, the buttons.

    Signals: decided(bool), True to run what waited.
    """

    decided = Signal(bool)

    def __init__(self, count: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "banner")
        if count == 1:
            text = self.tr("One picture was still waiting when Safelight closed.")
        else:
            text = self.tr("{0} pictures were still waiting when Safelight closed.").format(count)
        label = QLabel(text, self)
        label.setWordWrap(True)
        self.run = QPushButton(self.tr("Make them now") if count > 1 else self.tr("Make it now"), self)
        self.run.clicked.connect(self._on_run)
        self.forget = QPushButton(self.tr("Forget"), self)
        theme.set_kind(self.forget, "quiet")
        self.forget.clicked.connect(self._on_forget)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, theme.S8, theme.S16, theme.S8)
        row.setSpacing(theme.S8)
        row.addWidget(IconLabel("images", 20, "quiet", self))
        row.addWidget(label, 1)
        row.addWidget(self.forget)
        row.addWidget(self.run)
        self.setAccessibleName(text)

    @Slot()
    def _on_run(self) -> None:
        self._end(run=True)

    @Slot()
    def _on_forget(self) -> None:
        self._end(run=False)

    def _end(self, *, run: bool) -> None:
        self.hide()
        self.decided.emit(run)
        self.deleteLater()
