"""The seed: typed as text, as it goes up to 2**64 - 1 and Qt's numbers do not."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from desktop.errors import KnownError
from desktop.limits import SEED_MAX, random_seed
from desktop.ui import icons, theme
from desktop.ui.marks import mark_wrong, set_mark


class SeedField(QWidget):
    """Unlocked, every run takes a new seed and the field shows the last one; locked, the seed stays.

    Signals: edited() when the text changed, lock_changed(locked: bool).
    """

    edited = Signal()
    lock_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit(self)
        self.field.setAccessibleName(self.tr("Seed"))
        self.field.setPlaceholderText(self.tr("New each time"))
        self.field.setMaxLength(20)
        theme.use_tabular_figures(self.field)
        self.field.textEdited.connect(self._on_edited)
        self._lock = self._button("lock-open", self.tr("Lock the seed"))
        self._lock.setCheckable(True)
        self._lock.toggled.connect(self._on_locked)
        self._dice = self._button("dices", self.tr("Roll a new seed and keep it"))
        self._dice.clicked.connect(self.roll)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S4)
        row.addWidget(self.field, 1)
        row.addWidget(self._lock)
        row.addWidget(self._dice)
        self.setFocusProxy(self.field)
        self._on_locked(False)

    def _button(self, icon: str, name: str) -> QToolButton:
        button = QToolButton(self)
        theme.set_kind(button, "plain")
        button.setIcon(icons.icon(icon))
        button.setFixedSize(theme.CONTROL, theme.CONTROL)
        button.setToolTip(name)
        button.setAccessibleName(name)
        return button

    @property
    def locked(self) -> bool:
        return self._lock.isChecked()

    def set_locked(self, locked: bool) -> None:
        self._lock.setChecked(locked)

    def set_seed(self, seed: int) -> None:
        self.field.setText(str(seed))
        self.field.setCursorPosition(0)  # a long one shows its beginning
        mark_wrong(self.field, False)

    @Slot()
    def roll(self) -> None:
        self.set_seed(random_seed())
        self.set_locked(True)

    def take(self) -> int:
        """The seed of the run that starts now. Raises KnownError where the text is no seed."""
        text = self.field.text().strip()
        if not self.locked or not text:
            self.set_seed(random_seed())
            return int(self.field.text())
        wrong = not (text.isascii() and text.isdigit()) or int(text) > SEED_MAX
        mark_wrong(self.field, wrong)
        if wrong:
            raise KnownError(
                self.tr("The seed {0} is not a whole number from 0 to {1}").format(text, SEED_MAX),
                self.tr("Type another, or open the lock for a new one each time."),
            )
        return int(text)

    @Slot(str)
    def _on_edited(self, text: str) -> None:
        mark_wrong(self.field, False)
        self.set_locked(bool(text.strip()))  # who types a seed wants that one
        self.edited.emit()

    @Slot(bool)
    def _on_locked(self, locked: bool) -> None:
        self._lock.setIcon(icons.icon("lock" if locked else "lock-open"))
        self._lock.setToolTip(
            self.tr("Locked: every run uses this seed. Click for a new one each time.")
            if locked
            else self.tr("Open: every run takes a new seed. Click to keep the one shown.")
        )
        set_mark(self.field, "passive", not locked)
        self.lock_changed.emit(locked)
