"""A few words in a row, of which one is chosen."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from desktop.ui import theme


class Segments(QWidget):
    """The arrow keys walk along it. Signals: chosen(key), by the user only."""

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._keys: tuple[str, ...] = ()
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._on_clicked)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)

    @property
    def keys(self) -> tuple[str, ...]:
        return self._keys

    @property
    def current(self) -> str:
        return self._keys[self._group.checkedId()] if self._keys else ""

    def button(self, key: str) -> QToolButton:
        return self._group.button(self._keys.index(key))

    def set_choices(self, choices: tuple[tuple[str, str, str], ...], current: str) -> None:
        """choices: key, word and tooltip of each. current: the chosen key; the first where there is no such."""
        keys = tuple(key for key, _, _ in choices)
        if keys != self._keys:
            self._keys = keys
            for button in self._group.buttons():
                self._group.removeButton(button)
                button.setParent(None)
                button.deleteLater()
            for index, (_, word, tip) in enumerate(choices):
                self._add(index, word, tip)
        self._group.button(keys.index(current) if current in keys else 0).setChecked(True)

    def _add(self, index: int, word: str, tip: str) -> None:
        button = _Segment(self)
        theme.set_kind(button, "segment")
        button.setText(word)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setAccessibleName(f"{self.accessibleName()}: {word}")
        button.setAccessibleDescription(tip)
        self._group.addButton(button, index)
        self._row.addWidget(button)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is None or not self._keys:
            super().keyPressEvent(event)
            return
        button = self._group.button(min(max(self._group.checkedId() + step, 0), len(self._keys) - 1))
        button.setFocus()
        button.click()

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        self.chosen.emit(self._keys[index])


class _Segment(QToolButton):
    """Leaves the arrow keys to the row it stands in."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
        else:
            super().keyPressEvent(event)
