"""The page where pictures are made: the parts side by side, and the wiring between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.limits import random_seed
from desktop.ui import theme, words
from desktop.ui.bridge import Bridge
from desktop.ui.ports import Engine, History, HistoryEntry, Models, StartPictures
from desktop.ui.preview_view import PreviewView
from desktop.ui.progress_strip import ProgressStrip
from desktop.ui.prompt_panel import PromptPanel
from desktop.ui.queue_panel import QueuePanel

if TYPE_CHECKING:
    from desktop.messages import (
        Advised,
        AttentionSeen,
        Branch,
        Cancelled,
        Failed,
        GenerationRequest,
        PhaseChanged,
        PictureRecord,
        Preview,
        QueueChanged,
        Saved,
        Started,
        Verified,
    )
    from desktop.ui.message_bar import MessageBar
    from desktop.ui.timeline_bar import TimelineBar

_SIDE = 240
_PANEL_MIN, _PANEL_MAX = 300, 360
_VARIATIONS = 4
_STRIP = 100  # height kept for the strip of newest pictures, so that nothing jumps when it comes


class CreatePage(QWidget):
    """Prompt panel, preview with progress and newest pictures, history and queue.

    Signals: model_wanted(name), welcome_closed(), models_wanted(), log_wanted(),
    full_screen() on a double click on the picture, job_started(Started), job_stepped(Preview), job_ended(Saved,
    Cancelled or Failed), live_shown() when the running picture is looked at again,
    picked() when a finished one is about to be.
    """

    model_wanted = Signal(str)
    welcome_closed = Signal()
    models_wanted = Signal()
    log_wanted = Signal()
    full_screen = Signal()
    job_started = Signal(object)
    job_stepped = Signal(object)
    job_ended = Signal(object)
    live_shown = Signal()
    picked = Signal()

    def __init__(
        self,
        *,
        engine: Engine,
        models: Models,
        history: History,
        starts: StartPictures,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._models = models
        self._running: str | None = None  # job id
        self._started: Started | None = None  # of that job
        self._refocus: QWidget | None = None  # has the focus in place of the timeline
        self._pinned = False  # something older is looked at, whose place no preview takes
        # Asked for when it is used: the library is made after the first paint.
        self.panel = PromptPanel(history, starts, lambda path, model: models.look_at(path, model), self)
        self.preview = PreviewView(parent=self)
        self.progress = ProgressStrip(self)
        self._messages: MessageBar | None = None
        self.queue = QueuePanel(engine, self)
        self.picture_strip: QWidget | None = None  # these two come with add_pictures
        self.history_panel: QWidget | None = None
        self._timeline: TimelineBar | None = None
        self._welcome: QWidget | None = None
        self._build()
        self._connect_parts()
        self.preview.show_examples()

    def _build(self) -> None:
        self._foot = QFrame(self)
        theme.set_kind(self._foot, "foot")
        foot = QVBoxLayout(self._foot)
        foot.setContentsMargins(0, 1, 0, 0)
        foot.setSpacing(0)
        foot.addWidget(self.progress)
        foot.addSpacing(_STRIP)
        centre = QVBoxLayout()
        centre.setSpacing(0)
        centre.addWidget(self.preview, 1)
        centre.addWidget(self._foot)
        self.side = QFrame(self)
        theme.set_kind(self.side, "right")
        self.side.setFixedWidth(_SIDE)
        line = QFrame(self.side)
        theme.set_kind(line, "line")
        side = QVBoxLayout(self.side)
        side.setContentsMargins(1, 0, 0, 0)
        side.setSpacing(0)
        side.addStretch(3)
        side.addWidget(line)
        side.addWidget(self.queue, 2)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.panel)
        row.addLayout(centre, 1)
        row.addWidget(self.side)

    def _connect_parts(self) -> None:
        self.panel.submitted.connect(self.submit)
        self.panel.stop_requested.connect(self.stop)
        self.progress.stop_requested.connect(self.stop)
        self.progress.live_requested.connect(self.go_live)
        self.preview.example_chosen.connect(self._on_example)
        self.preview.use_settings.connect(self.use_request)
        self.preview.use_as_start.connect(self.use_as_start)
        self.preview.full_screen.connect(self.full_screen)

    def add_pictures(self, picture_strip: QWidget, history_panel: QWidget) -> None:
        """Put the newest pictures and the history into the places that are kept for them."""
        self.picture_strip, self.history_panel = picture_strip, history_panel
        foot, side = self._foot.layout(), self.side.layout()
        foot.takeAt(foot.count() - 1)
        foot.addWidget(picture_strip)
        side.takeAt(0)
        side.insertWidget(0, history_panel, 3)
        history_panel.chosen.connect(self._on_history_chosen)

    def add_timeline(self, bar: TimelineBar) -> None:
        """Put the steps of the shown picture into the place of the progress, where they are shown in turn."""
        self._timeline = bar
        bar.stop_requested.connect(self.stop)
        bar.live_wanted.connect(self.go_live)
        bar.hide()
        foot = self._foot.layout()
        foot.insertWidget(foot.indexOf(self.progress) + 1, bar)

    def show_timeline(self, shown: bool) -> None:
        """Whether the picture's steps are under it instead of the progress."""
        shown = shown and self._timeline is not None
        if self._timeline is not None:
            had_focus = self._timeline.isAncestorOf(self.window().focusWidget() or self)
            if had_focus and not shown:  # until it is there again, a moment later as a rule
                self.preview.setFocus()
                self._refocus = self.window().focusWidget()
            self._timeline.setVisible(shown)
            if shown and self._refocus is not None:
                if self._refocus.hasFocus():  # nobody has gone elsewhere meanwhile
                    self._timeline.scrubber.setFocus()
                self._refocus = None
        self.progress.setVisible(not shown)

    def connect_bridge(self, bridge: Bridge) -> None:
        bridge.phase.connect(self._on_phase)
        bridge.queue_changed.connect(self._on_queue_changed)
        bridge.started.connect(self._on_started)
        bridge.preview.connect(self._on_preview)
        bridge.saved.connect(self._on_saved)
        bridge.cancelled.connect(self._on_cancelled)
        bridge.failed.connect(self._on_failed)
        bridge.advised.connect(self._on_advised)
        bridge.verified.connect(self._on_verified)
        bridge.attention_seen.connect(self._on_attention_seen)
        bridge.ready.connect(self.progress.on_ready)

    # What the window and other pages ask for

    @property
    def messages(self) -> MessageBar:
        """Made for the first message: most runs have none, and the start is the quicker for it."""
        if self._messages is None:
            from desktop.ui.message_bar import MessageBar

            self._messages = MessageBar(self.preview)
            self._messages.log_requested.connect(self.log_wanted)
            self.preview.set_banner(self._messages)
        return self._messages

    @property
    def held(self) -> bool:
        """Whether something older than the running picture's newest step is looked at."""
        return self._pinned

    def hold(self, held: bool) -> None:
        """Whether what is shown stays, whatever the running job tells."""
        self._pinned = held
        offered = held and self._running is not None
        self.progress.offer_live(offered)
        if self._timeline is not None:
            self._timeline.offer_live(offered)

    @property
    def running(self) -> str | None:
        """The id of the running job."""
        return self._running

    @Slot()
    def stop(self) -> None:
        """Stop the running job; before anything runs, the first that waits."""
        if self._running is not None:
            self._engine.cancel(self._running)
        elif self.queue.model.jobs:
            self._engine.cancel(self.queue.model.jobs[0].job_id)

    @Slot(object)
    def use_request(self, request: GenerationRequest, *, model_is_here: bool = True) -> None:
        """Put a picture's settings into the panel.

        model_is_here: whether the library has its model. Where it has not, the one in use stays: a picture may come
        from anybody, and what it names is not opened without being asked for.
        """
        if model_is_here:
            self._take_model(request.model)
        else:
            self.messages.show_error(
                KnownError(
                    self.tr("The model of this picture, {0}, is not among yours").format(request.model[:200]),
                    self.tr("The other settings are here. Add the model on the Models page, or go on with this one."),
                )
            )
        # This first: it puts the trunk's settings there.
        self.panel.set_branch(request.branch if model_is_here else None)
        self.panel.set_request(request)

    def branch_from(self, branch: Branch) -> None:
        """Let the panel's next pictures grow from a step of another one."""
        self._take_model(branch.trunk.model)
        self.panel.set_branch(branch)

    @Slot(object)
    def make_variations(self, request: GenerationRequest) -> None:
        """The same settings with other seeds, at once."""
        self.panel.set_branch(request.branch)
        self.panel.set_request(request, keep_seed=False)
        self.submit(tuple(request.replace(seed=random_seed()) for _ in range(_VARIATIONS)))

    @Slot(str)
    def use_as_start(self, path: str) -> None:
        self.panel.start_picture.load(path)

    @Slot(object)
    def show_record(self, record: PictureRecord) -> None:
        """Look at a finished picture; while a job runs, until its previews are asked for again."""
        self.picked.emit()
        self.hold(self._running is not None)
        self.close_welcome()
        self.preview.show_record(record)

    def show_welcome(self, pictures_folder: str) -> None:
        from desktop.ui.welcome import Welcome

        self._welcome = Welcome(pictures_folder, self.preview)
        self._welcome.closed.connect(self.close_welcome)
        self._welcome.models_wanted.connect(self.models_wanted)
        self.preview.set_cover(self._welcome)

    @Slot()
    def close_welcome(self) -> None:
        if self._welcome is not None:
            self._welcome = None
            self.preview.set_cover(None)
            self.welcome_closed.emit()
            self.panel.prompt.setFocus()

    def show_error(self, error: KnownError) -> None:
        self.messages.show_error(error)

    def set_alone(self, alone: bool) -> None:
        """Show nothing but the picture."""
        self.panel.setVisible(not alone)
        self._foot.setVisible(not alone)

    def fit_panel(self, window_width: int) -> None:
        self.panel.setFixedWidth(max(_PANEL_MIN, min(_PANEL_MAX, round(window_width * 0.235))))

    def wait(self) -> None:
        """Wait for what is read in the background; for shutdown."""
        self.preview.wait()
        self.panel.wait()

    def _take_model(self, name: str) -> None:
        if self.panel.model is not None and self.panel.model.name == name:
            return
        try:
            self._models.resolve(name)
        except KnownError as error:
            self.messages.show_error(error)
        else:
            self.model_wanted.emit(name)

    @Slot(object)
    def submit(self, requests: tuple[GenerationRequest, ...]) -> None:
        """Line these up."""
        self.close_welcome()
        if self._messages is not None:
            self._messages.clear()
        self.go_live()
        self.preview.show_waiting()
        try:
            for request in requests:
                self._engine.submit(request)
        except KnownError as error:
            self.messages.show_error(error)

    # What the parts say

    @Slot(str)
    def _on_example(self, prompt: str) -> None:
        self.panel.prompt.set_text(prompt)
        self.panel.prompt.setFocus()
        self.panel.submit()

    @Slot(object)
    def _on_history_chosen(self, entry: HistoryEntry) -> None:
        self.panel.prompt.set_text(entry.prompt)
        self.panel.negative.set_text(entry.negative_prompt)
        if entry.negative_prompt:
            self.panel.negative_fold.set_open(True)
        self.panel.prompt.setFocus()

    @Slot()
    def go_live(self) -> None:
        """Look at the running picture from now on."""
        self.hold(False)
        if self._running is not None and self._started is not None:
            self.preview.on_started(self._started)
            self.live_shown.emit()

    # What the engine says

    @Slot(object)
    def _on_phase(self, event: PhaseChanged) -> None:
        self.progress.on_phase(event)

    @Slot(object)
    def _on_queue_changed(self, event: QueueChanged) -> None:
        self.queue.on_queue_changed(event)
        if event.paused and self._running is not None and not any(job.running for job in event.jobs):
            self._running = None  # it waits again, with its place kept
            self.hold(self._pinned)
            self.progress.show_paused()
        self._offer_stop(bool(event.jobs))

    @Slot(object)
    def _on_started(self, event: Started) -> None:
        self._running, self._started = event.job_id, event
        self._offer_stop(True)
        self.progress.on_started(event)
        if not self._pinned:
            self.show_timeline(False)
            self.preview.on_started(event)
        self.hold(self._pinned)
        self.job_started.emit(event)

    @Slot(object)
    def _on_preview(self, event: Preview) -> None:
        self.progress.on_preview(event)
        self.queue.on_preview(event)
        if not self._pinned:
            self.preview.on_preview(event)
        self.job_stepped.emit(event)

    @Slot(object)
    def _on_saved(self, event: Saved) -> None:
        self._end(event.job_id)
        self.progress.on_saved(event)
        if not self._pinned:
            self.preview.show_record(event.record)
        self.job_ended.emit(event)

    @Slot(object)
    def _on_cancelled(self, event: Cancelled) -> None:
        self._end(event.job_id)
        self.progress.on_cancelled(event)
        self.job_ended.emit(event)
        self._leave_waiting()

    @Slot(object)
    def _on_failed(self, event: Failed) -> None:
        self._end(event.job_id)
        self.progress.on_failed(event)
        self.job_ended.emit(event)
        self.messages.show_failed(event)
        self._leave_waiting()

    @Slot(object)
    def _on_verified(self, event: Verified) -> None:
        self._end(event.job_id)
        self.progress.idle(words.verified(event))
        self.messages.show_note(words.verified(event), words.changes(event))
        self.preview.show_again(event.path)
        self._leave_waiting()

    @Slot(object)
    def _on_attention_seen(self, event: AttentionSeen) -> None:
        self._end(event.job_id)
        self.progress.idle("")
        self.preview.show_again(event.path)
        self._leave_waiting()

    @Slot(object)
    def _on_advised(self, event: Advised) -> None:
        self.messages.show_error(KnownError(event.message, event.hint))

    def _end(self, job_id: str | None) -> None:
        if job_id is not None and job_id == self._running:
            self._running = self._started = None
            self.hold(self._pinned)
            self._offer_stop(any(job.job_id != job_id for job in self.queue.model.jobs))

    def _leave_waiting(self) -> None:
        """The examples come back where nothing was ever shown and nothing is on its way."""
        if self.preview.image.isNull() and not self.panel.stop_button.isVisibleTo(self.panel):
            self.preview.show_examples()

    def _offer_stop(self, offered: bool) -> None:
        self.panel.set_running(offered)
        self.progress.offer_stop(offered)
        if self._timeline is not None:
            self._timeline.offer_stop(offered)
