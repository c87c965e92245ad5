"""Says that the next picture grows from a step of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from desktop.ui import icons, theme
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.tips import plain_tip

if TYPE_CHECKING:
    from desktop.messages import Branch

VARIATIONS = 4


class BranchChip(QFrame):
    """Hidden while there is no branch. Signals: removed(), variations_wanted(count)."""

    removed = Signal()
    variations_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "raised")
        self._label = ElidedLabel(self)
        self._vary = QToolButton(self)
        self._vary.setText(self.tr("{0}×").format(VARIATIONS))
        self._vary.setFixedSize(32, 24)
        self._vary.setToolTip(
            self.tr("Make {0} different pictures from this step on:\nwhat stands here, each with other noise").format(
                VARIATIONS
            )
        )
        self._vary.setAccessibleName(self.tr("{0} variations from this step").format(VARIATIONS))
        self._vary.clicked.connect(self._on_vary)
        self._remove = QToolButton(self)
        self._remove.setIcon(icons.icon("x", 16))
        self._remove.setFixedSize(24, 24)
        self._remove.setToolTip(self.tr("Begin from noise again"))
        self._remove.setAccessibleName(self.tr("Remove the branch"))
        self._remove.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S8, theme.S4, theme.S4, theme.S4)
        row.setSpacing(theme.S4)
        row.addWidget(self._label, 1)
        row.addWidget(self._vary)
        row.addWidget(self._remove)
        self.hide()

    @Slot()
    def _on_vary(self) -> None:
        self.variations_wanted.emit(VARIATIONS)

    def show_branch(self, branch: Branch | None) -> None:
        self.setVisible(branch is not None)
        if branch is not None:
            text = self.tr("After step {0} of “{1}”").format(branch.step, branch.trunk.prompt)
            self._label.setText(text)
            self.setToolTip(plain_tip(text))
            self._label.setToolTip(plain_tip(text))
