"""Any size, typed."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from desktop.errors import KnownError
from desktop.limits import SIDE_MAX, SIDE_MIN
from desktop.ui import theme
from desktop.ui.marks import mark_wrong


class SizeFields(QWidget):
    """Width × height. Signals: edited() when the user has changed one of them."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._multiple = 1
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S8)
        self.width_field = self._field(self.tr("Width in pixels"))
        self.height_field = self._field(self.tr("Height in pixels"))
        row.addWidget(self.width_field, 1)
        row.addWidget(QLabel("×", self))
        row.addWidget(self.height_field, 1)

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setAccessibleName(name)
        field.setToolTip(name)
        field.setAlignment(Qt.AlignmentFlag.AlignCenter)
        field.setMaxLength(5)
        field.textEdited.connect(self._on_edited)
        return field

    def set_multiple(self, multiple: int) -> None:
        """What both sides must be multiples of."""
        self._multiple = max(1, multiple)

    def set_value(self, width: int, height: int) -> None:
        self.width_field.setText(str(width))
        self.height_field.setText(str(height))
        mark_wrong(self.width_field, False)
        mark_wrong(self.height_field, False)

    def value(self) -> tuple[int, int]:
        """Raises KnownError where a side is no size that the model can draw."""
        width = self._read(self.width_field, self.tr("width"))
        height = self._read(self.height_field, self.tr("height"))
        return width, height

    def _read(self, field: QLineEdit, name: str) -> int:
        text = field.text().strip()
        mark_wrong(field, True)
        if not (text.isascii() and text.isdigit()) or not SIDE_MIN <= int(text) <= SIDE_MAX:
            raise KnownError(
                self.tr("The {0} is {1}").format(name, text or self.tr("empty")),
                self.tr("Use a whole number from {0} to {1}.").format(SIDE_MIN, SIDE_MAX),
            )
        side = int(text)
        if side % self._multiple:
            below = max(self._multiple, side // self._multiple * self._multiple)
            raise KnownError(
                self.tr("The {0} {1} is no multiple of {2}, which this model needs").format(name, side, self._multiple),
                self.tr("Use {0} or {1}.").format(below, below + self._multiple),
            )
        mark_wrong(field, False)
        return side

    @Slot()
    def _on_edited(self) -> None:
        self.edited.emit()
