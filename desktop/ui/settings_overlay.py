"""What the user may choose for the whole program: the look, how models are run, and the room that steps take."""

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from desktop.errors import KnownError
from desktop.ui import theme, words
from desktop.ui.background import Background
from desktop.ui.chooser import Chooser
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.overlay import Overlay
from desktop.ui.ports import TimelineRoom
from desktop.ui.segments import Segments
from desktop.ui.tips import plain_tip

_WIDTH = 440
_LABELS = 96
_LIMITS = (0, 500 * 10**6, 10**9, 2 * 10**9, 5 * 10**9, 10 * 10**9, 50 * 10**9)


class SettingsOverlay(Overlay):
    """room: where the steps of all pictures lie; None where there are none yet. folder: all data.

    Signals: theme_chosen(mode), modes_chosen(memory, compiling), data_wanted(), log_wanted(), problem(KnownError).
    """

    theme_chosen = Signal(str)
    modes_chosen = Signal(str, str)
    data_wanted = Signal()
    log_wanted = Signal()
    problem = Signal(object)

    def __init__(self, room: TimelineRoom | None, folder: str, parent: QWidget) -> None:
        super().__init__(QCoreApplication.translate("Overlay", "Settings"), parent)
        self._room = room
        self._limit: int | None = None  # as it was when the card was opened
        self._bytes = 0
        self._reader = Background("timeline-room", self)
        self._reader.done.connect(self._on_usage)
        self._reader.failed.connect(self._on_failed)
        self._writer = Background("timeline-limit", self)
        self._writer.failed.connect(self._on_failed)
        self.theme = Segments(self.tr("Look"), self.card)
        self.theme.chosen.connect(self.theme_chosen)
        self.memory = Chooser(self.tr("How a model is kept in memory"), self.card)
        self.compiling = Chooser(self.tr("Compile models"), self.card)
        for chooser in (self.memory, self.compiling):
            chooser.activated.connect(self._on_mode)
        self._fill_modes()
        self._modes_words = QLabel(self.card)
        self._modes_words.setWordWrap(True)
        theme.set_kind(self._modes_words, "quiet")
        self.limit = Chooser(self.tr("Room for the steps of pictures"), self.card)
        self.limit.setMinimumWidth(136)
        self.limit.activated.connect(self._on_chosen)
        self._used = QProgressBar(self.card)
        self._used.setTextVisible(False)
        self._used.setAccessibleName(self.tr("Room used"))
        self._words = QLabel(self.card)
        theme.use_tabular_figures(self._words)
        self._what = QLabel(self.card)
        self._what.setWordWrap(True)
        theme.set_kind(self._what, "quiet")
        self._folder = ElidedLabel(self.card)
        self._folder.setText(folder)
        self._folder.setToolTip(plain_tip(folder))
        theme.set_kind(self._folder, "quiet")
        self.data = QPushButton(self.tr("Open the folder"), self.card)
        self.data.clicked.connect(self.data_wanted)
        self.log = QPushButton(self.tr("Open the log"), self.card)
        self.log.clicked.connect(self.log_wanted)
        self.closed.connect(self._on_closed)
        self._lay_out()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setColumnMinimumWidth(0, _LABELS)
        grid.setHorizontalSpacing(theme.S12)
        grid.setVerticalSpacing(theme.S8)
        grid.setColumnStretch(1, 1)
        left = Qt.AlignmentFlag.AlignLeft
        grid.addWidget(QLabel(self.tr("Look"), self.card), 0, 0)
        grid.addWidget(self.theme, 0, 1, left)
        grid.addWidget(self._line(), 1, 0, 1, 2)
        for place, (text, chooser) in enumerate(
            ((self.tr("Memory"), self.memory), (self.tr("Compiling"), self.compiling)), 2
        ):
            label = QLabel(text, self.card)
            label.setBuddy(chooser)
            grid.addWidget(label, place, 0)
            grid.addWidget(chooser, place, 1)
        grid.addWidget(self._modes_words, 4, 1)
        grid.addWidget(self._line(), 5, 0, 1, 2)
        label = QLabel(self.tr("Room for steps"), self.card)
        label.setBuddy(self.limit)
        grid.addWidget(label, 6, 0)
        row = QHBoxLayout()
        row.setSpacing(theme.S12)
        row.addWidget(self.limit)
        row.addWidget(self._words, 1)
        grid.addLayout(row, 6, 1)
        grid.addWidget(self._used, 7, 1)
        grid.addWidget(self._what, 8, 1)
        grid.addWidget(self._line(), 9, 0, 1, 2)
        grid.addWidget(QLabel(self.tr("Data"), self.card), 10, 0)
        grid.addWidget(self._folder, 10, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S8)
        buttons.addWidget(self.data)
        buttons.addWidget(self.log)
        buttons.addStretch(1)
        grid.addLayout(buttons, 11, 1)
        self._modes_words.setFixedWidth(_WIDTH - _LABELS - theme.S12)
        self._what.setFixedWidth(_WIDTH - _LABELS - theme.S12)
        self.body.addLayout(grid)

    def _line(self) -> QWidget:
        line = QFrame(self.card)
        theme.set_kind(line, "line")
        return line

    def show_theme(self, mode: str) -> None:
        choices = (
            ("system", self.tr("As the system"), ""),
            ("dark", self.tr("Dark"), ""),
            ("light", self.tr("Light"), ""),
        )
        self.theme.set_choices(choices, mode)

    def show_modes(self, memory: str, compiling: str) -> None:
        """memory, compiling: as Settings has them."""
        self.memory.setCurrentIndex(max(0, self.memory.findData(memory)))
        self.compiling.setCurrentIndex(max(0, self.compiling.findData(compiling)))
        self._say_modes()

    def _fill_modes(self) -> None:
        for mode, text in (
            ("auto", self.tr("Automatic, by what is free")),
            ("device", self.tr("All of it where it computes")),
            ("offload", self.tr("One network at a time")),
            ("8bit", self.tr("Weights in eight bits")),
            ("sequential", self.tr("One layer at a time, slow")),
        ):
            self.memory.addItem(text, mode)
        for mode, text in (
            ("auto", self.tr("Automatic, on graphics cards")),
            ("on", self.tr("Always")),
            ("off", self.tr("Never")),
        ):
            self.compiling.addItem(text, mode)

    @Slot()
    def _on_mode(self) -> None:
        self._say_modes()
        self.modes_chosen.emit(self.memory.currentData(), self.compiling.currentData())

    def _say_modes(self) -> None:
        memory = self.tr("A change of memory holds from the next picture on.")
        compiling = {
            "auto": self.tr("On graphics cards a compiler works beside the drawing after a model's first picture."),
            "on": self.tr("A compiler works beside the drawing after a model's first picture."),
        }.get(self.compiling.currentData(), "")
        if compiling:
            compiling += " " + self.tr(
                "Later pictures of that size come quicker and differ by rounding. It needs a C++ compiler."
            )
        text = f"{compiling} {memory}".strip()
        self._modes_words.setText(text)

    def open_card(self) -> None:
        self._limit = None
        self._words.setText("")
        self._used.setValue(0)
        self.limit.setEnabled(False)
        self._show_what()
        super().open_card()
        if self._room is not None:
            self._reader.start(self._room.usage)

    def wait(self) -> None:
        """For what is read and written in the background; for shutdown."""
        self._reader.wait()
        self._writer.wait()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """The Tab key stays on the card."""
        at = self.theme.button(self.theme.current) if self.theme.keys else None
        stops = [stop for stop in self._stops(at) if stop and stop.isEnabled()]
        place = stops.index(self.focusWidget()) if self.focusWidget() in stops else -1
        stops[(place + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def _stops(self, look: QWidget | None) -> tuple[QWidget | None, ...]:
        return look, self.memory, self.compiling, self.limit, self.data, self.log, self._close

    @Slot(object)
    def _on_usage(self, usage: object) -> None:
        self._limit, self._bytes = usage.limit_bytes, usage.bytes
        self.limit.clear()
        for choice in sorted({*_LIMITS, usage.limit_bytes}):
            self.limit.addItem(self.tr("Keep none") if choice == 0 else _rounded(choice), choice)
        self.limit.setCurrentIndex(self.limit.findData(usage.limit_bytes))
        self.limit.setEnabled(True)
        self._words.setText(self.tr("{0} used, {1}").format(words.size(usage.bytes), words.pictures(usage.count)))
        self._on_chosen()

    @Slot()
    def _on_chosen(self) -> None:
        chosen = self.limit.currentData()
        self._used.setRange(0, 1000)
        self._used.setValue(min(1000, round(1000 * self._bytes / chosen)) if chosen else 0)
        self._show_what()

    def _show_what(self) -> None:
        chosen = self.limit.currentData() if self._limit is not None else None
        if chosen is not None and chosen < self._bytes:
            gone = words.size(self._bytes - chosen)
            text = self.tr("About {0} of the oldest steps go when you close this card. The pictures stay.").format(gone)
        else:
            text = self.tr(
                "Each picture keeps the steps it came by. Beyond this the oldest lose every second step, and go in "
                "the end; those of pictures with stars come last."
            )
        self._what.setText(text)

    @Slot()
    def _on_closed(self) -> None:
        self._reader.forget()
        chosen = self.limit.currentData()
        if self._room is None or self._limit is None or chosen == self._limit:
            return
        room = self._room
        self._writer.start(lambda: room.use_limit(chosen))

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self.problem.emit(error)


def _rounded(count: int) -> str:
    """Such as "500 MB" and "2 GB"."""
    return words.size(count).replace(".0 GB", " GB")
