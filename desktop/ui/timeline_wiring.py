"""The timeline of the picture that is shown: filled while it develops, read when it is finished, branched from."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QImage
from shiboken6 import isValid

from desktop.errors import KnownError
from desktop.limits import random_seed
from desktop.messages import Branch, Cancelled, Failed, Frame, PictureRecord, Preview, Saved, Started, TimelineStep
from desktop.ui import words
from desktop.ui.background import Background
from desktop.ui.create_page import CreatePage
from desktop.ui.picture_fit import frame_image
from desktop.ui.timeline_bar import TimelineBar
from desktop.ui.timeline_steps import LiveSteps
from desktop.ui.wipe_view import Side, WipeView

if TYPE_CHECKING:
    from desktop.ui.grid_card import Trunk

ReadTimeline = Callable[[PictureRecord], tuple[TimelineStep, ...]]  # may take 100s of ms; raises KnownError
ExportTimeline = Callable[[PictureRecord, tuple[TimelineStep, ...], Path, bool], None]  # the last: the noisy states
ReadTrunk = ReadTimeline  # of the picture that this one grew from
Verify = Callable[[str], object]  # a picture's path; begins to make it again; may take 100s of ms; raises KnownError


class TimelineWiring(QObject):
    """Attributes: bar. Hides until the first step of a picture that develops, and where a picture kept no steps.

    Signals: exporting(Path), then exported(Path) or not_exported(), which the page says the reason of.
    """

    exporting = Signal(object)
    exported = Signal(object)
    not_exported = Signal()

    def __init__(
        self,
        page: CreatePage,
        read: ReadTimeline,
        export: ExportTimeline,
        verify: Verify,
        parent: QObject,
        read_trunk: ReadTrunk | None = None,
    ) -> None:
        super().__init__(parent)
        self._read_trunk = read_trunk
        self._page, self._read, self._export, self._verify = page, read, export, verify
        self._record: PictureRecord | None = None
        self._live: LiveSteps | None = None  # of the job that runs
        self._shown: LiveSteps | None = None  # of the job whose steps the bar shows; none where they are a record's
        self._held: PictureRecord | None = None  # the finished picture whose step is looked at while it is read
        self._wipe: WipeView | None = None
        self.bar = TimelineBar(page)
        page.add_timeline(self.bar)
        self._reader = Background("timeline-reader", self)
        self._reader.done.connect(self._on_read)
        self._reader.failed.connect(self._on_no_timeline)
        self._trunk_reader = Background("trunk-reader", self)
        self._trunk_reader.done.connect(self._on_trunk)
        self._trunk_reader.failed.connect(self._on_no_trunk)
        self._writer = Background("timeline-writer", self)
        self._writer.done.connect(self._on_exported)
        self._writer.failed.connect(self._on_not_exported)
        self._verifier = Background("verifier", self)
        self._verifier.failed.connect(self._on_not_verified)
        page.preview.verify_wanted.connect(self._on_verify)
        page.preview.record_shown.connect(self._on_record)
        page.preview.developing.connect(self._on_developing)
        page.job_started.connect(self._on_started)
        page.job_stepped.connect(self._on_stepped)
        page.job_ended.connect(self._on_ended)
        page.live_shown.connect(self._on_live_shown)
        page.progress.said.connect(self._on_said)
        self.bar.frame_wanted.connect(self._on_frame)
        self.bar.pair_wanted.connect(self._on_pair)
        self.bar.pair_closed.connect(self._on_pair_closed)
        self.bar.trunk_wanted.connect(self._on_trunk_wanted)
        self.bar.branch_wanted.connect(self._on_branch)
        self.bar.variations_wanted.connect(self._on_variations)
        self.bar.export_wanted.connect(self._on_export)

    def wait(self) -> None:
        """Wait for what is read or written in the background; for shutdown."""
        self._reader.wait()
        self._trunk_reader.wait()
        self._writer.wait()
        self._verifier.wait()

    # While a picture develops

    def trunk_of(self, record: PictureRecord) -> "Trunk | None":
        """What can be branched from of the picture that is shown, by the steps under it; None where it kept none."""
        from desktop.ui.grid_card import Trunk

        steps = self.bar.steps
        if len(steps) < 2 or any(step.stage != "main" for step in steps):
            return None
        here = steps[len(steps) // 2].index if self.bar.index is None else self.bar.index
        return Trunk(request=record.request, steps=steps[-1].index, step=max(1, here - 1))

    @Slot(object)
    def _on_started(self, event: Started) -> None:
        if self._live is None or self._live.job_id != event.job_id:  # one that was paused goes on
            self._live = LiveSteps(event.job_id, event.request)

    @Slot(object)
    def _on_stepped(self, event: Preview) -> None:
        if self._live is None or self._live.job_id != event.job_id:
            return
        self._live.take(event)
        if self._page.held and self._shown is not self._live:
            return  # something else is looked at
        self._shown = self._live
        self.bar.show_live(self._live, self._page.progress.text, at_end=not self._page.held)
        self._page.show_timeline(True)
        if not self._page.held and self.bar.noisy:
            self._page.preview.show_frame(self._newest())

    @Slot(object)
    def _on_ended(self, event: Saved | Cancelled | Failed) -> None:
        if self._live is None or self._live.job_id != event.job_id:
            return
        self._live = None
        if self._shown is None or self._shown.job_id != event.job_id:
            return
        if not isinstance(event, Saved):
            self.bar.say(self._page.progress.text)
        elif self._page.held:  # the picture comes, and what is looked at stays
            self._held = event.record
            self._page.preview.show_record(event.record, hold=True)

    @Slot()
    def _on_live_shown(self) -> None:
        self.bar.forget_comparison()
        self._held = None
        self._shown = self._live
        if self._live is None or self._live.newest is None:
            self._page.show_timeline(False)
            return
        self._page.preview.on_preview(self._live.newest)
        self.bar.show_live(self._live, self._page.progress.text, at_end=True)
        self._page.show_timeline(True)

    @Slot(str)
    def _on_said(self, text: str) -> None:
        if self._live is not None and self._shown is self._live:
            self.bar.say(text)

    def _newest(self) -> Frame | None:
        """What stands at the end of the steps of a picture that develops, or was stopped."""
        newest = None if self._shown is None else self._shown.newest
        if newest is None:
            return None
        noisy = newest.taken.x_t if newest.taken is not None and self.bar.noisy else None
        return noisy or newest.frame

    # When it is finished

    @Slot(object)
    def _on_record(self, record: PictureRecord) -> None:
        self._record = None  # until its steps are there; those of the last picture are none of this one's
        self._trunk_reader.forget()
        self.bar.offer_trunk(self._read_trunk is not None and record.request.branch is not None)
        if record is not self._held:
            self._held = self._shown = None
            self.bar.show_steps((), self._done(record))
        self._reader.start(lambda: (record, self._read(record)))

    @Slot()
    def _on_developing(self) -> None:
        self._reader.forget()
        self._record = None
        self._page.show_timeline(False)

    @Slot(object)
    def _on_read(self, result: tuple[PictureRecord, tuple[TimelineStep, ...]]) -> None:
        record, steps = result
        if not steps:
            self._on_no_timeline(None)
            return
        at = self.bar.index if self._held is not None else None
        self._held = self._shown = None
        self._record = record
        self.bar.show_steps(steps, self._done(record), at)
        self._page.show_timeline(True)

    def _done(self, record: PictureRecord) -> str:
        return self.tr("Done in {0} · seed {1}").format(words.duration(record.seconds), record.request.seed)

    @Slot(object)
    def _on_no_timeline(self, error: Exception | None) -> None:
        if self._held is not None:  # there is no step to look at any more
            self._held = self._shown = None
            self.bar.forget_comparison()
            self._page.hold(self._page.running is not None)
            self._page.preview.show_frame(None)
        self._page.show_timeline(False)

    # Looking at a step, or at two

    @Slot(object)
    def _on_frame(self, frame: Frame | None) -> None:
        page, develops = self._page, self._live is not None and self._shown is self._live
        if self.bar.at_end and develops:
            page.go_live()
            if self.bar.noisy:
                page.preview.show_frame(self._newest())
            return
        # Another picture may be running: at the end of this one's steps it is still this one that is looked at.
        page.hold(not self.bar.at_end or page.running is not None)
        page.preview.show_frame(self._newest() if self.bar.at_end and self.bar.live else frame)

    @Slot(object, object)
    def _on_pair(self, left: Side, right: Side) -> None:
        preview = self._page.preview
        self._page.hold(True)
        if not self._wiping():
            self._wipe = WipeView(preview)
            self._wipe.closed.connect(self.bar.stop_comparing)
            preview.set_cover(self._wipe)
        images = self._image(left), self._image(right)
        self._wipe.show_pair(images, (left.text, right.text), preview.full)

    def _wiping(self) -> bool:
        """Whether the comparison lies over the picture, and nothing else has taken its place there."""
        return self._wipe is not None and isValid(self._wipe) and self._wipe.parent() is not None

    def _image(self, side: Side) -> QImage:
        frame = self._newest() if side.frame is None and self.bar.live else side.frame
        return self._page.preview.finished if frame is None else frame_image(frame)

    @Slot()
    def _on_pair_closed(self) -> None:
        if self._wiping():
            if self._wipe.hasFocus():
                self.bar.scrubber.setFocus()
            self._page.preview.set_cover(None)
        self._wipe = None

    @Slot()
    def _on_trunk_wanted(self) -> None:
        record, read = self._record, self._read_trunk
        if record is not None and read is not None:
            self._trunk_reader.start(lambda: read(record))

    @Slot(object)
    def _on_trunk(self, steps: tuple[TimelineStep, ...]) -> None:
        self.bar.compare_with(steps)

    @Slot(object)
    def _on_no_trunk(self, error: Exception) -> None:
        self._page.show_error(_known(error, self.tr("The picture it grew from could not be read")))

    # Going on from a step

    @Slot(int)
    def _on_branch(self, step: int) -> None:
        if self._record is not None:
            self._page.branch_from(Branch(trunk=self._record.request, step=step))

    @Slot(int, int)
    def _on_variations(self, step: int, count: int) -> None:
        if self._record is None:
            return
        trunk = self._record.request
        try:
            branch = Branch(trunk=trunk, step=step)
            requests = tuple(trunk.replace(branch=branch, seed=random_seed()) for _ in range(count))
        except KnownError as error:
            self._page.show_error(error)
        else:
            self._page.submit(requests)

    @Slot()
    def _on_export(self) -> None:
        if self._record is None:
            return
        record, steps, noisy = self._record, self.bar.steps, self.bar.noisy
        from desktop.store.timeline_export import STRIPS, film_endings
        from desktop.ui.save_dialog import ask_where

        start = str(Path(record.path).with_suffix(".webp").name)
        films, strips = (" ".join(f"*{ending}" for ending in kind) for kind in (film_endings(), STRIPS))
        kinds = {self.tr("Film ({0})").format(films): ".gif", self.tr("Strip ({0})").format(strips): ".png"}
        path = ask_where(self._page, self.tr("Export the steps"), start, kinds)
        if path is None:
            return
        self.bar.offer_export(False)  # one at a time, so that each says how it ended
        self.exporting.emit(path)

        def write() -> Path:
            self._export(record, steps, path, noisy)
            return path

        self._writer.start(write)

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self.bar.offer_export(True)
        self.exported.emit(path)

    @Slot(object)
    def _on_not_exported(self, error: Exception) -> None:
        self.bar.offer_export(True)
        self.not_exported.emit()
        self._page.show_error(_known(error, self.tr("The steps could not be written")))

    @Slot(object)
    def _on_verify(self, record: PictureRecord) -> None:
        self._verifier.start(lambda: self._verify(record.path))

    @Slot(object)
    def _on_not_verified(self, error: Exception) -> None:
        self._page.show_error(_known(error, self.tr("The picture could not be read")))


def _known(error: Exception, what: str) -> KnownError:
    return error if isinstance(error, KnownError) else KnownError(f"{what} ({type(error).__name__}: {error})")
