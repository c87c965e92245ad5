"""The steps of the picture that is shown: scrub through them, play them, go on from one of them."""

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from desktop.messages import Frame, TimelineStep
from desktop.ui import icons, theme
from desktop.ui.timeline_scrubber import TimelineScrubber

_PLAY_MS = 120
_VARIATIONS = 4


class TimelineBar(QWidget):
    """Signals: frame_wanted(Frame, or None for the finished picture), branch_wanted(steps kept),
    variations_wanted(steps kept, count), export_wanted().
    """

    frame_wanted = Signal(object)
    branch_wanted = Signal(int)
    variations_wanted = Signal(int, int)
    export_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR)
        self._steps: tuple[TimelineStep, ...] = ()
        self._done = ""
        self._label = QLabel(self)
        theme.set_kind(self._label, "quiet")
        theme.use_tabular_figures(self._label)
        self._label.setMinimumWidth(184)  # so that the ticks stay put while the words change
        self._label.setAccessibleName(self.tr("Step"))
        self._play = _button(self, "play", self.tr("Play the steps"))
        self._play.clicked.connect(self._on_play)
        self.scrubber = TimelineScrubber(self)
        self.scrubber.moved.connect(self._on_moved)
        self._noise = QToolButton(self)
        self._noise.setText(self.tr("Noise"))
        self._noise.setCheckable(True)
        theme.set_kind(self._noise, "plain")
        self._noise.setFixedHeight(theme.CONTROL)
        self._noise.setToolTip(
            self.tr("Show the noisy state x_t that each step starts from,\ninstead of the clean picture x₀ it predicts")
        )
        self._noise.toggled.connect(self._on_noise)
        self.branch_button = QPushButton(self.tr("Branch"), self)
        theme.set_kind(self.branch_button, "quiet")
        self.branch_button.setToolTip(
            self.tr("Go on from this step with another prompt, guidance or seed.\nThe steps before it are shared.")
        )
        self.branch_button.clicked.connect(self._on_branch)
        self._more = _button(self, "ellipsis", self.tr("More about the steps"))
        self._menu = QMenu(self)
        self._variations = QAction(self.tr("Four variations from this step"), self)
        self._variations.triggered.connect(self._on_variations)
        export = QAction(self.tr("Export the steps…"), self)
        export.triggered.connect(self.export_wanted)
        self._menu.addActions([self._variations, export])
        self._more.setMenu(self._menu)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._clock = QTimer(self)
        self._clock.setInterval(_PLAY_MS)
        self._clock.timeout.connect(self._on_tick)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, 0, theme.S12, 0)
        row.setSpacing(theme.S8)
        row.addWidget(self._label)
        row.addWidget(self._play)
        row.addWidget(self.scrubber, 1)
        row.addWidget(self._noise)
        row.addWidget(self.branch_button)
        row.addWidget(self._more)

    @property
    def text(self) -> str:
        return self._label.text()

    @property
    def noisy(self) -> bool:
        """Whether the noisy states are shown."""
        return self._noise.isChecked()

    @property
    def steps(self) -> tuple[TimelineStep, ...]:
        return self._steps

    def show_steps(self, steps: tuple[TimelineStep, ...], done: str) -> None:
        """Begin at the finished picture. done: the words for it."""
        self._stop_playing()
        self._steps, self._done = steps, done
        self.scrubber.set_count(len(steps))
        grows = all(step.stage == "main" for step in steps)  # a chain of several stages cannot be branched from
        self.branch_button.setEnabled(grows)
        self._variations.setEnabled(grows)
        self._show_words()

    # What the user does

    @Slot(int)
    def _on_moved(self, place: int) -> None:
        self._stop_playing()
        self._show(place)

    @Slot(bool)
    def _on_noise(self, checked: bool) -> None:
        self._show(self.scrubber.place)

    @Slot()
    def _on_play(self) -> None:
        if self._clock.isActive():
            self._stop_playing()
            return
        if self.scrubber.place >= len(self._steps):
            self.scrubber.set_place(0)
        self._play.setIcon(icons.icon("pause"))
        self._clock.start()
        self._show(self.scrubber.place)

    @Slot()
    def _on_tick(self) -> None:
        place = self.scrubber.place + 1
        self.scrubber.set_place(place)
        if place >= len(self._steps):
            self._stop_playing()
        self._show(place)

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

    def _show(self, place: int) -> None:
        self._show_words()
        self.frame_wanted.emit(self._frame(place))

    def _frame(self, place: int) -> Frame | None:
        if place >= len(self._steps):
            return None
        step = self._steps[place]
        return step.x_t if self._noise.isChecked() else step.x_0

    def _show_words(self) -> None:
        place = self.scrubber.place
        if place >= len(self._steps):
            self._label.setText(self._done)
            self._label.setToolTip("")
            return
        step = self._steps[place]
        text = self.tr("Step {0} of {1}").format(step.index, self._steps[-1].index)
        if step.change is not None:
            text += self.tr(" · changed {0} %").format(f"{100 * step.change:.1f}")
        self._label.setText(text)
        level = "" if step.log_snr is None else self.tr("log SNR {0}, ").format(f"{step.log_snr:.2f}")
        sigma = "" if step.sigma is None else self.tr("σ {0}, ").format(f"{step.sigma:.3f}")
        self._label.setToolTip(f"{level}{sigma}t {step.timestep:.0f}")


def _button(parent: QWidget, icon: str, tip: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(icons.icon(icon))
    button.setFixedSize(theme.CONTROL, theme.CONTROL)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
