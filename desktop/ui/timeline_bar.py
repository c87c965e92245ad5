"""The steps of the picture that is shown: scrub through them, play them, compare two, go on from one of them."""

from PySide6.QtCore import QSize, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QToolButton, QWidget

from desktop.messages import Frame, TimelineStep
from desktop.ui import icons, theme
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.timeline_scrubber import TimelineScrubber
from desktop.ui.timeline_steps import LiveSteps, change, level, place_of
from desktop.ui.wipe_view import Side

_PLAY_MS = 120
_VARIATIONS = 4
_LABEL, _LABEL_NARROW = 216, 96  # the words' width: as wide as there is room for, but no wider than the first


class TimelineBar(QWidget):
    """Shows the steps of a finished picture, or those of one that develops, as far as they are taken.

    Signals: frame_wanted(Frame, or None for what stands at the end: the finished picture, or the newest preview),
    pair_wanted(left Side, right Side) and pair_closed() while two steps are compared,
    trunk_wanted() to be given the steps of what the picture grew from, see compare_with,
    branch_wanted(steps kept), variations_wanted(steps kept, count), export_wanted(), live_wanted(), stop_requested().
    """

    frame_wanted = Signal(object)
    pair_wanted = Signal(object, object)
    pair_closed = Signal()
    trunk_wanted = Signal()
    branch_wanted = Signal(int)
    variations_wanted = Signal(int, int)
    export_wanted = Signal()
    live_wanted = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR)
        self._steps: tuple[TimelineStep, ...] = ()
        self._last = 0  # the index of the chain's last step
        self._other: tuple[TimelineStep, ...] = ()  # of the trunk, while the picture is compared with it
        self._live = False
        self._end = ""  # the words for what stands at the end
        self._label = ElidedLabel(self)
        theme.set_kind(self._label, "quiet")
        theme.use_tabular_figures(self._label)
        self._label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._label.setFixedWidth(_LABEL)  # so that the ticks stay put while the words change
        self._label.setAccessibleName(self.tr("Step"))
        self._play = _button(self, "play", self.tr("Play the steps"))
        self._play.clicked.connect(self._on_play)
        self.scrubber = TimelineScrubber(self)
        self.scrubber.moved.connect(self._on_moved)
        self.scrubber.second_moved.connect(self._on_second_moved)
        self._noise = QToolButton(self)
        self._noise.setText(self.tr("Noise"))
        self._noise.setCheckable(True)
        theme.set_kind(self._noise, "plain")
        words = self._noise.fontMetrics().horizontalAdvance(self._noise.text())
        self._noise.setFixedSize(words + 2 * theme.S12, theme.CONTROL)
        self._noise.setToolTip(
            self.tr("Show the noisy state x_t that each step starts from,\ninstead of the clean picture x₀ it predicts")
        )
        self._noise.toggled.connect(self._on_noise)
        self._compare = _button(self, "columns-2", self.tr("Compare two steps"))
        self._compare.setCheckable(True)
        theme.set_kind(self._compare, "plain")
        self._compare.setToolTip(
            self.tr("Compare two steps with a wipe.\nDrag the second mark, or move it with Shift and the arrow keys.")
        )
        self._compare.toggled.connect(self._on_compare)
        self.branch_button = QPushButton(self.tr("Branch"), self)
        theme.set_kind(self.branch_button, "quiet")
        self.branch_button.setToolTip(
            self.tr(
                "Go on from this step with another prompt, guidance, seed or scheduler.\n"
                "The steps before it are shared."
            )
        )
        self.branch_button.clicked.connect(self._on_branch)
        self._more = _button(self, "ellipsis", self.tr("More about the steps"))
        self.menu = QMenu(self)
        self._variations = QAction(self.tr("Four variations from this step"), self)
        self._variations.triggered.connect(self._on_variations)
        self._with_trunk = QAction(self.tr("Compare with what it grew from"), self)
        self._with_trunk.triggered.connect(self.trunk_wanted)
        self._with_trunk.setVisible(False)
        self._export = QAction(self.tr("Export the steps…"), self)
        self._export.triggered.connect(self.export_wanted)
        self.menu.addActions([self._variations, self._with_trunk, self._export])
        self._more.setMenu(self.menu)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._to_live = QPushButton(self.tr("Live"), self)
        theme.set_kind(self._to_live, "link")
        self._to_live.setToolTip(self.tr("Back to the running picture (End)"))
        self._to_live.setAccessibleName(self.tr("Back to the running picture"))
        self._to_live.clicked.connect(self.live_wanted)
        self._to_live.hide()
        self._stop = _button(self, "stop", self.tr("Stop the running picture (Esc)"))
        self._stop.clicked.connect(self.stop_requested)
        self._stop.hide()
        self._clock = QTimer(self)
        self._clock.setInterval(_PLAY_MS)
        self._clock.timeout.connect(self._on_tick)
        row = QHBoxLayout(self)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)  # minimumSizeHint says it
        row.setContentsMargins(theme.S16, 0, theme.S12, 0)
        row.setSpacing(theme.S8)
        row.addWidget(self._label)
        row.addWidget(self._play)
        row.addWidget(self.scrubber, 1)
        for widget in (self._to_live, self._noise, self._compare, self.branch_button, self._more, self._stop):
            row.addWidget(widget)

    def minimumSizeHint(self) -> QSize:
        """With the words as narrow as they get, so that they never keep the window from getting narrower."""
        least = super().minimumSizeHint()
        return QSize(least.width() - self._label.width() + _LABEL_NARROW, least.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_words()

    def _fit_words(self) -> None:
        rest = super().minimumSizeHint().width() - self._label.width()
        self._label.setFixedWidth(max(_LABEL_NARROW, min(_LABEL, self.width() - rest)))

    @property
    def text(self) -> str:
        return self._label.text()

    @property
    def noisy(self) -> bool:
        """Whether the noisy states are shown."""
        return self._noise.isChecked()

    @property
    def live(self) -> bool:
        """Whether the steps are those of a picture that develops."""
        return self._live

    @property
    def at_end(self) -> bool:
        return self.scrubber.place >= len(self._steps)

    @property
    def index(self) -> int | None:
        """Of the step that is looked at; None at the end."""
        return None if self.at_end else self._steps[self.scrubber.place].index

    @property
    def steps(self) -> tuple[TimelineStep, ...]:
        return self._steps

    def show_steps(self, steps: tuple[TimelineStep, ...], done: str, at: int | None = None) -> None:
        """Those of a finished picture. done: the words for it. at: begin at the step of this index, not at the picture.

        A comparison goes on where the steps were live until now.
        """
        self._stop_playing()
        second = self.scrubber.second
        pair_index = None if second is None or second >= len(self._steps) else self._steps[second].index
        goes_on = bool(steps) and self._live and second is not None
        self._steps, self._end, self._live = steps, done, False
        self._last = steps[-1].index if steps else 0
        self.scrubber.set_count(len(steps))
        if at is not None and steps:
            self.scrubber.set_place(place_of(steps, at))
        if goes_on:
            self.scrubber.set_second(len(steps) if pair_index is None else place_of(steps, pair_index))
        else:
            self.forget_comparison()
        grows = bool(steps) and all(step.stage == "main" for step in steps)  # a chain of several stages grows no branch
        self.branch_button.setEnabled(grows)
        self._variations.setEnabled(grows)
        self._fit()
        self._show_words()
        if at is not None or goes_on:
            self._tell()

    def show_live(self, live: LiveSteps, text: str, *, at_end: bool) -> None:
        """The steps so far of a picture that develops. at_end: go to the newest; else stay where the person looks."""
        steps, scrubber = live.steps, self.scrubber
        if not self._live:
            self._stop_playing()
            self.forget_comparison()
            self._live = True
            self._steps = steps
            self.scrubber.set_count(len(steps), live.ahead)
            self._fit()
        index = None if at_end else self.index
        second = None
        if scrubber.second is not None and scrubber.second < len(self._steps):
            second = self._steps[scrubber.second].index
        self._steps, self._last, self._end = steps, live.total, text
        scrubber.grow(len(steps), live.ahead, len(steps) if index is None else place_of(steps, index))
        if scrubber.second is not None:
            scrubber.set_second(len(steps) if second is None else place_of(steps, second))
            self._tell()
        if self.at_end:
            self._show_words()

    def say(self, text: str) -> None:
        """What is said at the end of the steps of a picture that develops."""
        if self._live:
            self._end = text
            if self.at_end:
                self._show_words()

    def offer_trunk(self, offered: bool) -> None:
        """Whether the picture is a branch."""
        self._with_trunk.setVisible(offered)

    def compare_with(self, steps: tuple[TimelineStep, ...]) -> None:
        """Compare each step with that of the same number among these, the end with the last."""
        if not steps or not self._steps or self._live:
            return
        self._stop_playing()
        self._other = steps
        self.scrubber.set_second(None)
        self._compare.blockSignals(True)
        self._compare.setChecked(True)
        self._compare.blockSignals(False)
        self._tell()

    def offer_export(self, offered: bool) -> None:
        self._export.setEnabled(offered)

    def offer_live(self, offered: bool) -> None:
        """Whether something else than the running picture's newest step is looked at."""
        self._to_live.setVisible(offered)
        self._fit_words()

    def offer_stop(self, offered: bool) -> None:
        self._stop.setVisible(offered)
        self._fit_words()

    # What the user does

    @Slot(int)
    def _on_moved(self, place: int) -> None:
        self._stop_playing()
        self._show_words()
        self._tell()

    @Slot(int)
    def _on_second_moved(self, place: int) -> None:
        self._tell()

    @Slot(bool)
    def _on_noise(self, checked: bool) -> None:
        self._tell()

    @Slot(bool)
    def _on_compare(self, checked: bool) -> None:
        self._stop_playing()
        if not checked:
            self.scrubber.set_second(None)
            self._other = ()
            self.pair_closed.emit()
            self.frame_wanted.emit(self._frame(self.scrubber.place))
            return
        if self.at_end:  # the end with itself would be no comparison
            self.scrubber.set_place(len(self._steps) // 2)
        self.scrubber.set_second(len(self._steps))
        self._show_words()
        self._tell()

    @Slot()
    def stop_comparing(self) -> None:
        """And show the step that the first mark stands at."""
        self._compare.setChecked(False)

    def forget_comparison(self) -> None:
        """Stop comparing; something else is about to be shown."""
        if self._compare.isChecked():
            self._compare.blockSignals(True)
            self._compare.setChecked(False)
            self._compare.blockSignals(False)
            self.scrubber.set_second(None)
            self._other = ()
            self.pair_closed.emit()

    @Slot()
    def _on_play(self) -> None:
        if self._clock.isActive():
            self._stop_playing()
            return
        if self.at_end:
            self.scrubber.set_place(0)
        self._play.setIcon(icons.icon("pause"))
        self._clock.start()
        self._show_words()
        self._tell()

    @Slot()
    def _on_tick(self) -> None:
        place = self.scrubber.place + 1
        self.scrubber.set_place(place)
        if place >= len(self._steps):
            self._stop_playing()
        self._show_words()
        self._tell()

    @Slot()
    def _on_branch(self) -> None:
        self.branch_wanted.emit(self._kept())

    @Slot()
    def _on_variations(self) -> None:
        self.variations_wanted.emit(self._kept(), _VARIATIONS)

    def _kept(self) -> int:
        """How many steps of the whole chain lie before the place; at the finished picture, before the middle."""
        place = self.scrubber.place
        if not self._steps:
            return 1
        step = self._steps[len(self._steps) // 2 if place >= len(self._steps) else place]
        return max(1, step.index - 1)

    def _stop_playing(self) -> None:
        self._clock.stop()
        self._play.setIcon(icons.icon("play"))

    def _fit(self) -> None:
        """A picture that develops grows no branch yet, and is not played."""
        for widget in (self._play, self.branch_button, self._more):
            widget.setVisible(not self._live)
        self._fit_words()

    def _tell(self) -> None:
        if self._other:
            self.pair_wanted.emit(self._side(self.scrubber.place), self._other_side())
        elif self.scrubber.second is None:
            self.frame_wanted.emit(self._frame(self.scrubber.place))
        else:
            self.pair_wanted.emit(self._side(self.scrubber.place), self._side(self.scrubber.second))

    def _frame(self, place: int) -> Frame | None:
        if place >= len(self._steps):
            return None
        step = self._steps[place]
        return step.x_t if self._noise.isChecked() else step.x_0

    def _side(self, place: int) -> Side:
        if place >= len(self._steps):
            return Side(frame=None, text=self.tr("Now") if self._live else self.tr("Finished"))
        step = self._steps[place]
        text = self.tr("Step {0}").format(step.index)
        return Side(frame=self._frame(place), text=" · ".join(part for part in (text, level(step)) if part))

    def _other_side(self) -> Side:
        index = self.index
        step = self._other[-1 if index is None else place_of(self._other, index)]
        text = self.tr("What it grew from, step {0}").format(step.index)
        return Side(frame=step.x_t if self._noise.isChecked() else step.x_0, text=text)

    def _show_words(self) -> None:
        place = self.scrubber.place
        if place >= len(self._steps):
            self._label.setText(self._end)
            self._label.setToolTip(self._end)
            return
        step = self._steps[place]
        text = self.tr("Step {0} of {1}").format(step.index, self._last)
        share = change(self._steps, place)
        if share is not None:
            text += self.tr(" · changed {0} %").format(f"{100 * share:.1f}")
        self._label.setText(text)
        self._label.setToolTip(", ".join(part for part in (text, level(step), f"t {step.timestep:.0f}") if part))


def _button(parent: QWidget, icon: str, tip: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(icons.icon(icon))
    button.setFixedSize(theme.CONTROL, theme.CONTROL)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
