"""What is being waited for, how long it will take, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from desktop.ui import icons, theme, words

if TYPE_CHECKING:
    from desktop.messages import Cancelled, Failed, PhaseChanged, Preview, Saved, Started

_TICKS_MAX = 80  # above this many steps the ticks would run together; a bar takes over


class ProgressStrip(QWidget):
    """One tick a step while a picture develops, a bar while a model loads, words always.

    Signals: stop_requested(), live_requested() where an older picture hides the running one, said(text) when the
    words change.
    """

    stop_requested = Signal()
    live_requested = Signal()
    said = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR)
        self._job: str | None = None
        self._ticks = _Ticks(self)
        self._label = QLabel(self)
        theme.set_kind(self._label, "quiet")
        theme.use_tabular_figures(self._label)
        self._label.setMinimumWidth(160)  # so that the ticks stay put while the words change
        self._label.setAccessibleName(self.tr("Progress"))
        self._stop = QToolButton(self)
        self._stop.setIcon(icons.icon("stop"))
        self._stop.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._stop.setToolTip(self.tr("Stop the running picture (Esc)"))
        self._stop.setAccessibleName(self.tr("Stop"))
        self._stop.clicked.connect(self.stop_requested)
        self._stop.hide()
        self._live = QPushButton(self.tr("Back to the running picture"), self)
        theme.set_kind(self._live, "link")
        self._live.clicked.connect(self.live_requested)
        self._live.hide()
        self._since = QElapsedTimer()
        self._words = ""
        self._clock = QTimer(self)  # counts the seconds of a wait nobody can foretell
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._on_second)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, 0, theme.S12, 0)
        row.setSpacing(theme.S16)
        row.addWidget(self._label)
        row.addWidget(self._ticks, 1)
        row.addWidget(self._live)
        row.addWidget(self._stop)
        self.idle("")

    @property
    def text(self) -> str:
        return self._label.text()

    def _say(self, text: str) -> None:
        self._label.setText(text)
        self.said.emit(text)

    def idle(self, text: str) -> None:
        """Nothing runs; `text` says what came of the last job."""
        self._job = None
        self._clock.stop()
        self._live.hide()
        self._ticks.show_nothing()
        self._say(text)

    def show_paused(self) -> None:
        self._clock.stop()
        self._say(self.tr("Paused"))

    def offer_stop(self, offered: bool) -> None:
        """Whether there is anything to stop."""
        self._stop.setVisible(offered)

    def offer_live(self, offered: bool) -> None:
        self._live.setVisible(offered)

    @Slot(object)
    def on_started(self, event: Started) -> None:
        self._job = event.job_id
        self._clock.stop()
        self._ticks.show_steps(0, event.request.steps)
        self._say(self.tr("Starting"))

    @Slot(object)
    def on_phase(self, event: PhaseChanged) -> None:
        from desktop.messages import Phase

        if event.phase == Phase.DENOISING and self._ticks.done:
            return
        self._words = words.phase(event)
        self._say(self._words)
        if event.phase == Phase.LOADING and event.total_bytes:
            self._clock.stop()
            self._ticks.show_share(event.done_bytes / event.total_bytes)
            if event.done_bytes >= event.total_bytes and self._job is None:
                self.on_ready()  # loaded ahead of any job; nothing more will be told of it
            return
        if event.phase in (Phase.IMPORTING, Phase.LOADING):
            self._ticks.show_nothing()
        # A wait of unknown length: say for how long it has lasted, so that nobody takes it for a hang.
        self._since.start()
        self._clock.start()

    @Slot()
    def on_ready(self) -> None:
        """The engine has warmed up."""
        if self._job is None:
            self.idle(self.tr("Ready"))

    @Slot(object)
    def on_preview(self, event: Preview) -> None:
        self._clock.stop()
        self._ticks.show_steps(event.step, event.total)
        text = words.stage(event.stage, self.tr("Step {0} of {1}").format(event.step, event.total))
        if event.seconds_left is not None:
            text = self.tr("{0}, {1} left").format(text, words.duration(event.seconds_left))
        self._say(text)

    @Slot(object)
    def on_saved(self, event: Saved) -> None:
        request = event.record.request
        self.idle(self.tr("Done in {0} · seed {1}").format(words.duration(event.record.seconds), request.seed))

    @Slot(object)
    def on_cancelled(self, event: Cancelled) -> None:
        if event.job_id == self._job:
            self.idle(self.tr("Stopped after step {0}").format(event.step) if event.step else self.tr("Stopped"))

    @Slot(object)
    def on_failed(self, event: Failed) -> None:
        if event.job_id == self._job:
            self.idle(self.tr("Failed"))

    @Slot()
    def _on_second(self) -> None:
        seconds = self._since.elapsed() / 1000
        if seconds >= 2:
            self._say(f"{self._words}, {words.duration(seconds)}")


class _Ticks(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.done = self.total = 0
        self._share: float | None = None
        self.setMinimumWidth(80)

    def sizeHint(self) -> QSize:
        return QSize(200, 24)

    def show_nothing(self) -> None:
        self.done = self.total = 0
        self._share = None
        self.update()

    def show_steps(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self._share = done / total if total > _TICKS_MAX else None
        self.update()

    def show_share(self, share: float) -> None:
        self.done = self.total = 0
        self._share = min(max(share, 0.0), 1.0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        if self._share is not None:
            painter.setBrush(theme.color("line"))
            painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(0, middle - 2, self.width() * self._share, 4), 2, 2)
            return
        if not self.total:
            return
        pitch = self.width() / self.total
        width = max(1.0, pitch - 3)
        for step in range(1, self.total + 1):
            running = step == self.done + 1
            height = 8 if running else 4
            painter.setBrush(theme.color("accent" if running else "quiet" if step <= self.done else "line"))
            box = QRectF((step - 1) * pitch, middle - height / 2, width, height)
            painter.drawRoundedRect(box, min(2.0, width / 2), min(2.0, width / 2))
