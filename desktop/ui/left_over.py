"""What waited when the program closed or crashed, and what to do with it now."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.ui import theme


class LeftOver(QFrame):
    """Stands above the queue until it is decided. Signals: decided(bool), True to run what waited."""

    decided = Signal(bool)

    def __init__(self, count: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if count == 1:
            text = self.tr("One picture was still waiting when Safelight closed.")
        else:
            text = self.tr("{0} pictures were still waiting when Safelight closed.").format(count)
        label = QLabel(text, self)
        label.setWordWrap(True)
        run = QPushButton(self.tr("Make them now") if count > 1 else self.tr("Make it now"), self)
        forget = QPushButton(self.tr("Forget"), self)
        theme.set_kind(forget, "link")
        run.clicked.connect(self._on_run)
        forget.clicked.connect(self._on_forget)
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(run)
        row.addWidget(forget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S12, theme.S12, theme.S12)
        column.setSpacing(theme.S8)
        column.addWidget(label)
        column.addLayout(row)

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
