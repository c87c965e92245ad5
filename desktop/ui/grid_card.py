"""Setting up a grid: two settings, their values, and where its pictures begin."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from desktop.errors import KnownError
from desktop.grids import Grid, from_step, make_grid, steps_to_take
from desktop.messages import GenerationRequest, ModelInfo
from desktop.ui import grid_words, theme, words
from desktop.ui.grid_axis_row import NOTHING, GridAxisRow
from desktop.ui.number_slider import NumberSlider
from desktop.ui.overlay import Overlay

_WIDTH = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A finished picture that can be branched from. steps: of its whole chain. step: the one in hand."""

    request: GenerationRequest
    steps: int
    step: int


class GridCard(Overlay):
    """Signals: started(Grid)."""

    started = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(self.tr("Vary two settings"), parent)
        self.card.setFixedWidth(_WIDTH)
        self._base: GenerationRequest | None = None
        self._trunk: Trunk | None = None
        self._pace: Callable[[GenerationRequest], float | None] = lambda request: None
        self._grid: Grid | None = None
        self._closing = False
        about = QLabel(self.tr("One picture for each pair of values, and a sheet of them all."), self.card)
        theme.set_kind(about, "quiet")
        fields = QGridLayout()
        fields.setHorizontalSpacing(theme.S8)
        fields.setVerticalSpacing(theme.S4)
        fields.setColumnMinimumWidth(0, 64)
        fields.setColumnMinimumWidth(1, 150)
        fields.setColumnStretch(2, 1)
        self.x = GridAxisRow(self.tr("Across"), fields, optional=False, parent=self)
        self.y = GridAxisRow(self.tr("Down"), fields, optional=True, parent=self)
        for axis in (self.x, self.y):
            axis.changed.connect(self._on_changed)
            axis.values.returnPressed.connect(self._on_start)
        self.body.addWidget(about)
        self.body.addSpacing(theme.S4)
        self.body.addLayout(fields)
        self.body.addWidget(self._make_branch())
        self.body.addSpacing(theme.S8)
        self.body.addLayout(self._make_foot())

    def _make_branch(self) -> QWidget:
        self.branch = QToolButton(self.card)
        self.branch.setText(self.tr("Begin at a step of the picture"))
        self.branch.setCheckable(True)
        self.branch.setFixedHeight(theme.CONTROL)
        theme.set_kind(self.branch, "plain")
        self.branch.setStyleSheet("padding: 0 12px;")
        self.branch.setToolTip(
            self.tr(
                "All pictures grow from this step of the one that is shown; the steps before it are computed once.\n"
                "Its own prompt and settings hold; seed, guidance, scheduler and the words of the prompt may vary."
            )
        )
        self.branch.toggled.connect(self._on_branch)
        self.step = NumberSlider(self.tr("Step"), low=1, high=60, default=1, typed_high=2000, parent=self.card)
        self.step.changed.connect(self._on_changed)
        self._branch_row = QWidget(self.card)
        row = QHBoxLayout(self._branch_row)
        row.setContentsMargins(0, theme.S4, 0, 0)
        row.setSpacing(theme.S16)
        row.addWidget(self.branch)
        row.addWidget(self.step, 1)
        return self._branch_row

    def _make_foot(self) -> QHBoxLayout:
        self._summary = QLabel(self.card)
        theme.use_tabular_figures(self._summary)
        self._summary.setAccessibleName(self.tr("How many pictures"))
        self.start = QPushButton(self.tr("Start"), self.card)
        theme.set_kind(self.start, "primary")
        self.start.setMinimumWidth(96)
        self.start.clicked.connect(self._on_start)
        row = QHBoxLayout()
        row.setSpacing(theme.S16)
        row.addWidget(self._summary, 1)
        row.addWidget(self.start)
        return row

    @property
    def summary(self) -> str:
        return self._summary.text()

    def set_up(
        self,
        base: GenerationRequest,
        models: tuple[ModelInfo, ...],
        trunk: Trunk | None,
        pace: Callable[[GenerationRequest], float | None],
    ) -> None:
        """base: what all pictures share. pace: seconds a step of such a picture takes, None where it is not known."""
        self._base, self._trunk, self._pace = base, trunk, pace
        self._branch_row.setVisible(trunk is not None)
        self.branch.blockSignals(True)
        self.branch.setChecked(False)
        self.branch.blockSignals(False)
        self.step.setEnabled(False)
        if trunk is not None:
            self.step.set_high(trunk.steps - 1)
            self.step.set_value(trunk.step)
            self.step.set_default(trunk.step)
        again = self._grid is not None  # what was typed last time, where it still makes a grid
        for axis, code in ((self.x, "guidance"), (self.y, "seed")):
            text = axis.values.text()
            axis.begin(axis.code if again else code, base, models)
            if again and axis.code not in (NOTHING, "words", "seed"):
                axis.values.setText(text)
        self._on_changed()

    def open_card(self) -> None:
        super().open_card()
        self.x.values.setFocus()
        self.x.values.selectAll()

    @Slot()
    def close_card(self) -> None:
        self._closing = True  # Qt looks for another place for the focus as the card goes, and there is none in it
        super().close_card()
        self._closing = False

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Round and round inside the card: what lies under it is not to be worked unseen."""
        if self._closing:
            return False
        stops = [
            widget
            for widget in (
                self.x.setting,
                self.x.values,
                self.x.more,
                self.y.setting,
                self.y.values,
                self.y.more,
                self.branch,
                *self.step.findChildren(QWidget),
                self.start,
                self._close,
            )
            if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        ]
        now = self.window().focusWidget()
        place = stops.index(now) if now in stops else -1
        stops[(place + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def _common(self) -> GenerationRequest:
        """Raises KnownError."""
        if self._trunk is not None and self.branch.isChecked():
            return from_step(self._trunk.request, int(self.step.value))
        return self._base

    def _read(self) -> Grid | None:
        """What the fields say, with a line under the one that is wrong."""
        axes, wrong = [], False
        for row in (self.x, self.y):
            error = None
            try:
                axes.append(row.axis())
                if axes[-1] is not None:
                    make_grid(self._common(), axes[-1])
            except KnownError as known:
                error, wrong = known, True
            row.show_line(None if row.untouched else error)
        if wrong:
            return None
        try:
            return make_grid(self._common(), *axes)
        except KnownError as known:
            self.y.show_line(known)
            return None

    @Slot(bool)
    def _on_branch(self, checked: bool) -> None:
        self.step.setEnabled(checked)
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        if self._base is None:
            return
        self._grid = self._read()
        self.start.setEnabled(self._grid is not None)
        self._summary.setText("" if self._grid is None else self._size(self._grid))

    def _size(self, grid: Grid) -> str:
        text = grid_words.size(grid.columns, grid.rows, len(grid.order))
        paces = [self._pace(request) for request in grid.order]
        if None in paces:
            return text
        seconds = sum(pace * steps_to_take(request) for pace, request in zip(paces, grid.order, strict=True))
        return self.tr("{0}, about {1}").format(text, words.duration(max(1.0, seconds)))

    @Slot()
    def _on_start(self) -> None:
        if self._grid is not None:
            self.close_card()
            self.started.emit(self._grid)
