"""The forward process on any picture: how a model's schedule turns it into noise."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QFocusEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import KnownError
from desktop.limits import random_seed
from desktop.messages import Frame, ModelInfo, NoiseQuestion, NoiseSeen
from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.dropped import is_model, local_file
from desktop.ui.inline_error import InlineError
from desktop.ui.noise_canvas import NoiseCanvas
from desktop.ui.noise_empty import NoiseEmpty
from desktop.ui.noise_head import GUESS, PIXELS, NoiseHead
from desktop.ui.noise_panel import NoisePanel
from desktop.ui.number_slider import NumberSlider
from desktop.ui.ports import Noising

if TYPE_CHECKING:
    from desktop.engine.forward import NoiseSchedule
    from desktop.noising import Noised

_NARROW, _WIDE = 1100, 1600  # widths of the page
_BEGIN = 0.3  # of the way: noise and picture are both to be seen


class NoisePage(QWidget):
    """Attributes: canvas, empty (what is shown before there is a picture), head, panel, slider, new_noise, error.

    newest: the path of the newest picture, "" where there is none. look: asks the engine, which answers to on_seen.
    Signals: link_wanted(address).
    """

    link_wanted = Signal(str)

    def __init__(
        self,
        noising: Noising,
        newest: Callable[[], str],
        look: Callable[[NoiseQuestion], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._noising, self._newest, self._look = noising, newest, look
        self._model: ModelInfo | None = None
        self._schedule: NoiseSchedule | None = None
        self._picture: Frame | None = None
        self._seed = 0
        self._computing = self._again = False  # one at a time; only the newest of what is asked meanwhile
        self._asked: NoiseQuestion | None = None  # of the engine, and not answered yet
        self._schedules = Background("noise-schedule", self)
        self._schedules.done.connect(self._on_schedule)
        self._schedules.failed.connect(self._on_no_schedule)
        self._pictures = Background("noise-picture", self)
        self._pictures.done.connect(self._on_picture)
        self._pictures.failed.connect(self._on_no_picture)
        self._noises = Background("noise", self)
        self._noises.done.connect(self._on_noised)
        self._noises.failed.connect(self._on_not_noised)
        self.setAcceptDrops(True)
        self.canvas = NoiseCanvas(self)
        self.empty = NoiseEmpty(self)
        self.empty.choose_wanted.connect(self.choose)
        self.empty.newest_wanted.connect(self.use_newest)
        self.error = InlineError(self)
        self.error.setContentsMargins(theme.S16, 0, theme.S16, theme.S8)
        self.head = NoiseHead(self)
        self.head.changed.connect(self._on_view)
        self.head.hide()
        self.panel = NoisePanel(self)
        self.panel.moved.connect(self._on_curve)
        self.panel.link_wanted.connect(self.link_wanted)
        self.slider = NumberSlider(self.tr("Timestep t"), low=0, high=999, default=0, knob="accent", parent=self)
        self.slider.setToolTip(self.tr("Timestep: how far the noise has come, from the picture to pure noise"))
        self.slider.setEnabled(False)
        self.slider.changed.connect(self._on_slider)
        self.new_noise = QPushButton(self.tr("New noise"), self)
        icons.put(self.new_noise, "dices")
        self.new_noise.clicked.connect(self._on_new_noise)
        self.new_noise.setEnabled(False)
        self._bring = QToolButton(self)
        self._lay_out()
        self._show_seed()
        self._first: QWidget = self.empty.choose  # gets the focus

    def _lay_out(self) -> None:
        self._bring.setIcon(icons.icon("image-plus"))
        self._bring.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._bring.setToolTip(self.tr("Another picture"))
        self._bring.setAccessibleName(self.tr("Another picture"))
        menu = QMenu(self)
        menu.addAction(self.tr("Choose a picture…")).triggered.connect(self.choose)
        self._use_newest = menu.addAction(self.tr("Use the newest picture"))
        self._use_newest.triggered.connect(self.use_newest)
        self._bring.setMenu(menu)
        self._bring.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        name = QLabel("t", self)
        theme.set_kind(name, "section")
        name.setBuddy(self.slider)
        foot = QFrame(self)
        theme.set_kind(foot, "foot")
        foot.setFixedHeight(theme.BAR + theme.S12)
        row = QHBoxLayout(foot)
        row.setContentsMargins(theme.S16, 1, theme.S12, 0)
        row.setSpacing(theme.S8)
        row.addWidget(name)
        row.addWidget(self.slider, 1)
        row.addSpacing(theme.S8)
        row.addWidget(self.new_noise)
        row.addWidget(self._bring)
        self._room = QStackedWidget(self)
        self._room.addWidget(self.empty)
        self._room.addWidget(self.canvas)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.head)
        left.addWidget(self._room, 1)
        left.addWidget(self.error)
        left.addWidget(foot)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(left, 1)
        whole.addWidget(self.panel)
        self._bring.hide()

    @property
    def t(self) -> int:
        return int(self.slider.value)

    @property
    def seed(self) -> int:
        """Of the noise."""
        return self._seed

    def set_model(self, model: ModelInfo) -> None:
        """Whose schedule is used from now on."""
        if model == self._model:
            return
        self._model = model
        self.panel.show_reading(model.title)
        self._schedules.start(lambda: self._noising.schedule_of(model.name))

    @Slot(str)
    def load(self, path: str) -> None:
        """Take a picture in, off the GUI thread; what is shown now stays until it is there."""
        self.error.clear()
        self.empty.error.clear()
        self.empty.show_reading(Path(path).name)
        self._pictures.start(lambda: self._noising.open(path))

    @Slot()
    def choose(self) -> None:
        from PySide6.QtWidgets import QFileDialog

        path, _ = QFileDialog.getOpenFileName(
            self.window(),
            self.tr("Choose a picture"),
            "",
            self.tr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff)",
        )
        if path:
            self.load(path)

    @Slot()
    def use_newest(self) -> None:
        """Take the picture that was made last, where there is one."""
        path = self._newest()
        if path:
            self.load(path)

    def wait(self) -> None:
        """Wait for what runs in the background; for shutdown."""
        self._schedules.wait()
        self._pictures.wait()
        self._noises.wait()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        there = bool(self._newest())
        self.empty.newest.setVisible(there)
        self._use_newest.setVisible(there)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """A focus proxy would do it too, but one that lies inside keeps the Tab key among its neighbours."""
        super().focusInEvent(event)
        self._first.setFocus(event.reason())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.width()
        self.panel.setFixedWidth(300 if width < _NARROW else 372 if width < _WIDE else 440)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = local_file(event.mimeData())
        if path and not is_model(path):  # the window takes that one in
            self._set_over(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._set_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_over(False)
        event.acceptProposedAction()
        self.load(local_file(event.mimeData()))

    def _set_over(self, over: bool) -> None:
        self.empty.set_over(over)
        self.canvas.set_over(over)

    # One timestep

    @Slot(object)
    def _on_slider(self, t: int) -> None:
        self.panel.set_t(t)
        self._compute()

    @Slot(int)
    def _on_curve(self, t: int) -> None:
        self.slider.set_value(t)

    @Slot()
    def _on_new_noise(self) -> None:
        self._seed = random_seed()
        self._show_seed()
        self._compute()

    def _show_seed(self) -> None:
        self.new_noise.setToolTip(
            self.tr("Draw other noise ε for the same picture.\nThis is the noise of seed {0}.").format(self._seed)
        )

    @Slot()
    def _on_view(self) -> None:
        self.error.clear()
        self.head.show_status("")
        self.panel.show_latent(self.head.views.current != PIXELS)
        self._compute()

    def _compute(self) -> None:
        if self._picture is None or self._schedule is None:
            return
        if self.head.views.current != PIXELS:
            self._ask()
            return
        if self._computing:
            self._again = True
            return
        self._computing, self._again = True, False
        picture, schedule, t, seed = self._picture, self._schedule, self.t, self._seed
        self._noises.start(lambda: self._noising.noised(picture, schedule, t, seed))

    @Slot(object)
    def _on_noised(self, noised: "Noised") -> None:
        self._computing = False
        if self.head.views.current == PIXELS:
            self._show(noised.frame, noised.t)
            self.panel.show_noised(noised)
        if self._again:
            self._compute()

    @Slot(object)
    def _on_not_noised(self, error: Exception) -> None:
        self._computing = False
        self._show_error(error, self.tr("The noise could not be computed ({0})"))
        if self._again:
            self._compute()

    def _show(self, frame: Frame, t: int) -> None:
        view = self.head.views.current
        words = (
            self.tr("The model's guess of the picture, from timestep {0}")
            if view == GUESS
            else self.tr("The picture with the noise of timestep {0}")
        )
        self.canvas.show_frame(frame, words.format(t), crisp=view == PIXELS)

    # What the model sees, one question at a time; the engine may have a picture to make first

    def _question(self) -> NoiseQuestion:
        guess = self.head.views.current == GUESS
        return NoiseQuestion(
            model=self._model.name,
            picture=self._picture,
            t=self.t,
            seed=self._seed,
            guess=guess,
            prompt=self.head.prompt.text().strip() if guess else "",
        )

    def _ask(self) -> None:
        if self._asked is None:
            self._asked = self._question()
            self._look(self._asked)
            if self.canvas.crisp:  # nothing of the model's is shown yet
                self.head.show_status(self.tr("Asking the model…"))

    @Slot(object)
    def on_seen(self, seen: NoiseSeen) -> None:
        """An answer of the engine's."""
        if seen.question != self._asked:
            return
        self._asked = None
        self.head.show_status("")
        if self.head.views.current == PIXELS:
            return
        wanted = self._question()
        if seen.frame is None:
            self._show_error(KnownError(seen.message, seen.hint), "{0}")
        elif seen.question.guess == wanted.guess and seen.question.picture is wanted.picture:
            self.error.clear()
            self._show(seen.frame, seen.question.t)
            self.panel.show_noised(seen)
        if seen.question != wanted:
            self._compute()

    # Schedule and picture

    @Slot(object)
    def _on_schedule(self, schedule: "NoiseSchedule") -> None:
        share = _BEGIN if self._schedule is None else self.t / (self._schedule.timesteps - 1)
        self._schedule = schedule
        self.slider.setEnabled(True)
        self.slider.blockSignals(True)
        self.slider.set_high(schedule.timesteps - 1)
        self.slider.set_value(round(share * (schedule.timesteps - 1)))
        self.slider.set_default(round(_BEGIN * (schedule.timesteps - 1)))
        self.slider.blockSignals(False)
        self.panel.show_schedule(self._model.title, schedule)
        self._on_slider(self.t)

    @Slot(object)
    def _on_no_schedule(self, error: Exception) -> None:
        known = error if isinstance(error, KnownError) else KnownError(self.tr("Its schedule could not be read"))
        self._schedule = None  # another model's is not shown under this one's name
        self.slider.setEnabled(False)
        self.panel.show_error(self._model.title, known)

    @Slot(object)
    def _on_picture(self, picture: Frame) -> None:
        self._picture = picture
        self.empty.show_reading("")
        self._room.setCurrentWidget(self.canvas)
        self._bring.show()
        self.head.show()
        self.new_noise.setEnabled(True)
        self._first = self.slider
        self.slider.setFocus()
        self.canvas.show_frame(picture, self.tr("The picture without noise"))
        self._compute()

    @Slot(object)
    def _on_no_picture(self, error: Exception) -> None:
        self._show_error(error, self.tr("The picture could not be read ({0})"))

    def _show_error(self, error: Exception, words: str) -> None:
        known = error if isinstance(error, KnownError) else KnownError(words.format(error))
        if self._picture is None:
            self.empty.show_error(known)
        else:
            self.error.show_error(known)
