"""What is set once in a while: the scheduler, and a size of one's own."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.errors import KnownError
from desktop.ui import theme, words
from desktop.ui.chooser import Chooser
from desktop.ui.inline_error import InlineError
from desktop.ui.size_fields import SizeFields


class AdvancedFields(QWidget):
    """Signals: size_typed((width, height)) when the fields hold a size the model can draw.

    labels: width of the column of labels, so that it lines up with the one above.
    """

    size_typed = Signal(object)

    def __init__(self, labels: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scheduler = Chooser(self.tr("Scheduler"), self)
        self.scheduler.currentIndexChanged.connect(self._on_scheduler_changed)
        self.size_fields = SizeFields(self)
        self.size_fields.edited.connect(self._on_size_edited)
        self.error = InlineError(self)
        scheduler_label = QLabel(self.tr("Scheduler"), self)
        scheduler_label.setBuddy(self.scheduler)
        scheduler_label.setToolTip(self.tr("Scheduler: the rule by which each step takes noise away."))
        pixels_label = QLabel(self.tr("Pixels"), self)
        pixels_label.setToolTip(self.tr("Pixels: any size, typed; far from the usual ones, things repeat."))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S8)
        grid.setVerticalSpacing(theme.S8)
        grid.setColumnMinimumWidth(0, labels)
        grid.setColumnStretch(1, 1)
        grid.addWidget(scheduler_label, 0, 0)
        grid.addWidget(self.scheduler, 0, 1)
        grid.addWidget(pixels_label, 1, 0)
        grid.addWidget(self.size_fields, 1, 1)
        grid.addWidget(self.error, 2, 0, 1, 2)

    def set_schedulers(self, codes: tuple[str, ...]) -> None:
        self.scheduler.blockSignals(True)
        self.scheduler.clear()
        known = words.schedulers()
        for code in codes:
            name, tip = known.get(code, (code, ""))
            self.scheduler.addItem(name, code)
            self.scheduler.setItemData(self.scheduler.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.scheduler.blockSignals(False)
        self._on_scheduler_changed()

    def choose_scheduler(self, code: object) -> None:
        """What is no scheduler of this model is passed over."""
        index = self.scheduler.findData(code) if isinstance(code, str) else -1
        if index >= 0:
            self.scheduler.setCurrentIndex(index)

    @Slot()
    def _on_scheduler_changed(self) -> None:
        tip = self.scheduler.currentData(Qt.ItemDataRole.ToolTipRole) or ""
        self.scheduler.setToolTip(f"{self.scheduler.currentText()}: {tip}" if tip else "")

    @Slot()
    def _on_size_edited(self) -> None:
        try:
            size = self.size_fields.value()
        except KnownError as error:
            self.error.show_error(error)
        else:
            self.error.clear()
            self.size_typed.emit(size)
