"""The side of the noise page: formula, numbers, curve, histogram, and what they mean."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.ui import noise_words, theme
from desktop.ui.inline_error import InlineError
from desktop.ui.noise_histogram import NoiseHistogram
from desktop.ui.noise_numbers import NoiseNumbers
from desktop.ui.schedule_curve import NAMES, ScheduleCurve
from desktop.ui.segments import Segments

if TYPE_CHECKING:
    from desktop.engine.forward import NoiseSchedule
    from desktop.messages import NoiseSeen
    from desktop.noising import Noised

_OF_PICTURE, _OF_NOISE = "x_t", "eps"


class NoisePanel(QFrame):
    """Attributes: curve, histogram, numbers, curves and values (what is chosen above each plot), error.

    Signals: moved(t), by a hand on the curve; link_wanted(address).
    """

    moved = Signal(int)
    link_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "right")
        self._schedule: NoiseSchedule | None = None
        self._noised: Noised | NoiseSeen | None = None
        self._latent = False
        title = QLabel(self.tr("The forward process"), self)
        theme.set_kind(title, "heading")
        self._whose = _text(self, "quiet")
        self.error = InlineError(self)
        self._formula = _text(self)
        self._formula_at = _text(self, "quiet")
        for label in (self._formula, self._formula_at):
            label.setFont(theme.font(theme.HEADING_PX))
            theme.use_tabular_figures(label)
        self.numbers = NoiseNumbers(self)
        self.curves = Segments(self.tr("Curve"), self)
        self.curves.chosen.connect(self._on_curve)
        self.curve = ScheduleCurve(self)
        self.curve.moved.connect(self.moved)
        self.values = Segments(self.tr("Histogram"), self)
        self.values.set_choices(
            (
                (_OF_PICTURE, "xₜ", self.tr("The values of the picture with its noise")),
                (_OF_NOISE, "ε", self.tr("The values of the noise alone")),
            ),
            _OF_PICTURE,
        )
        self.values.chosen.connect(self._on_values)
        self.histogram = NoiseHistogram(self)
        self._about = _text(self, "caption")
        self._lesson = _text(self)
        self._papers = QVBoxLayout()
        self._papers.setSpacing(0)
        self._buttons: list[QPushButton] = []
        self._lay_out(title)
        self._on_values(self.values.current)

    def _lay_out(self, title: QLabel) -> None:
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(theme.S16, theme.S16, theme.S16, theme.S16)
        column.setSpacing(0)

        def add(*things: QWidget | QHBoxLayout | QVBoxLayout, before: int = 0) -> None:
            column.addSpacing(before)
            for thing in things:
                column.addWidget(thing) if isinstance(thing, QWidget) else column.addLayout(thing)

        add(title)
        add(self._whose, self.error, before=theme.S4)
        add(self._formula, before=theme.S16)
        add(self._formula_at, before=theme.S4)
        add(self.numbers, before=theme.S16)
        add(self._head(self.tr("Schedule"), self.curves), before=theme.S24)
        add(self.curve, before=theme.S4)
        add(self._head(self.tr("Values"), self.values), before=theme.S16)
        add(self.histogram, before=theme.S4)
        add(self._about, before=theme.S4)
        meaning = QLabel(self.tr("What it means"), self)
        theme.set_kind(meaning, "section")
        add(meaning, before=theme.S24)
        add(self._lesson, before=theme.S8)
        add(self._papers, before=theme.S8)
        column.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 0, 0, 0)
        outer.addWidget(area)

    def _head(self, words: str, segments: Segments) -> QHBoxLayout:
        label = QLabel(words, self)
        theme.set_kind(label, "section")
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(label, 1)
        row.addWidget(segments)
        return row

    @property
    def paper_buttons(self) -> tuple[QPushButton, ...]:
        return tuple(self._buttons)

    @property
    def whose(self) -> str:
        """The words that name the model."""
        return self._whose.text()

    @property
    def formula(self) -> str:
        return self._formula.text()

    def show_reading(self, title: str) -> None:
        """The schedule of this model is being read."""
        self.error.clear()
        self._whose.setText(self.tr("Reading the schedule of {0}…").format(title))

    def show_error(self, title: str, error: KnownError) -> None:
        self._schedule = None
        self.curve.show_schedule(None)
        self.numbers.clear()
        self._formula_at.clear()
        self._whose.setText(title)
        self.error.show_error(error)

    def show_schedule(self, title: str, schedule: "NoiseSchedule") -> None:
        """title: whose it is."""
        self._schedule = schedule
        words = self.tr("Schedule of {0}, {1} timesteps")
        self._whose.setText(words.format(title, schedule.timesteps))
        names = ("sigma", "log_snr") if schedule.is_flow else ("beta", "alpha_bar", "log_snr")
        default = "sigma" if schedule.is_flow else "alpha_bar"
        tips = {
            "beta": self.tr("The variance of the noise that each single step adds"),
            "alpha_bar": self.tr("What is left of the picture's variance"),
            "sigma": self.tr("How far x_t lies on the line from picture to noise"),
            "log_snr": self.tr("Signal to noise: the natural logarithm of α² / σ²"),
        }
        kept = self.curves.current if self.curves.current in names else default
        self.curves.set_choices(tuple((name, NAMES[name], tips[name]) for name in names), kept)
        self.curve.show_name(kept)
        self.curve.show_schedule(schedule)
        self._formula.setText(noise_words.formula(schedule.is_flow))
        self._lesson.setText("".join(f"<p>{part}</p>" for part in noise_words.lesson(schedule.is_flow)))
        self._show_papers(schedule.is_flow)

    def set_t(self, t: int) -> None:
        schedule = self._schedule
        if schedule is None:
            return
        alpha, sigma = float(schedule.alpha[t]), float(schedule.sigma[t])
        self.curve.set_t(t)
        self.numbers.show_numbers(t, alpha, sigma, float(schedule.log_snr[t]))
        self._formula_at.setText(noise_words.formula_at(t, alpha, sigma))

    def show_latent(self, latent: bool) -> None:
        """Whether what is shown next are the values of latents, not of pixels."""
        self._latent = latent
        self._noised = None
        self._on_values(self.values.current)

    def show_noised(self, noised: "Noised | NoiseSeen") -> None:
        self._noised = noised
        self._on_values(self.values.current)

    @Slot(str)
    def _on_curve(self, name: str) -> None:
        self.curve.show_name(name)

    @Slot(str)
    def _on_values(self, key: str) -> None:
        of_noise = key == _OF_NOISE
        self.histogram.show_name("ε" if of_noise else "xₜ")
        self._about.setText(
            self.tr("Mean 0 and variance 1, whatever t is.")
            if of_noise
            else self.tr("The values of the latents, which the VAE turns into pixels.")
            if self._latent
            else self.tr("Black is −1, white is 1; the screen clips what lies beyond.")
        )
        if self._noised is not None:
            shares = self._noised.of_noise if of_noise else self._noised.of_picture
            self.histogram.show_shares(shares, self._noised.span)

    def _show_papers(self, is_flow: bool) -> None:
        papers = noise_words.papers(is_flow)
        if [button.property("address") for button in self._buttons] == [paper.address for paper in papers]:
            return
        for button in self._buttons:
            self._papers.removeWidget(button)
            button.setParent(None)
            button.deleteLater()
        self._buttons = []
        for paper in papers:
            button = QPushButton(f"{paper.authors}, arXiv {paper.arxiv}", self)
            theme.set_kind(button, "cite")
            button.setToolTip(f"{paper.title}\n{paper.address}")
            button.setAccessibleDescription(paper.title)
            button.setProperty("address", paper.address)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(self._on_paper)
            self._papers.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
            self._buttons.append(button)

    @Slot()
    def _on_paper(self) -> None:
        self.link_wanted.emit(self.sender().property("address"))


def _text(parent: QWidget, kind: str = "") -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    if kind:
        theme.set_kind(label, kind)
    return label
