"""The timeline of the picture that is shown: read when it appears, shown under it, branched from."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from desktop.errors import KnownError
from desktop.messages import Branch, PictureRecord, TimelineStep, random_seed
from desktop.ui import words
from desktop.ui.background import Background
from desktop.ui.create_page import CreatePage
from desktop.ui.timeline_bar import TimelineBar

ReadTimeline = Callable[[PictureRecord], tuple[TimelineStep, ...]]  # may take 100s of ms; raises KnownError
ExportTimeline = Callable[[PictureRecord, tuple[TimelineStep, ...], Path, bool], None]  # the last: the noisy states
Verify = Callable[[str], object]  # a picture's path; begins to make it again; may take 100s of ms; raises KnownError


class TimelineWiring(QObject):
    """Attributes: bar. Hides while a picture develops, and where a picture kept no steps."""

    def __init__(
        self, page: CreatePage, read: ReadTimeline, export: ExportTimeline, verify: Verify, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._page, self._read, self._export, self._verify = page, read, export, verify
        self._record: PictureRecord | None = None
        self.bar = TimelineBar(page)
        page.add_timeline(self.bar)
        self._reader = Background("timeline-reader", self)
        self._reader.done.connect(self._on_read)
        self._reader.failed.connect(self._on_no_timeline)
        self._writer = Background("timeline-writer", self)
        self._writer.failed.connect(self._on_not_exported)
        self._verifier = Background("verifier", self)
        self._verifier.failed.connect(self._on_not_verified)
        page.preview.verify_wanted.connect(self._on_verify)
        page.preview.record_shown.connect(self._on_record)
        page.preview.developing.connect(self._on_developing)
        self.bar.frame_wanted.connect(page.preview.show_frame)
        self.bar.branch_wanted.connect(self._on_branch)
        self.bar.variations_wanted.connect(self._on_variations)
        self.bar.export_wanted.connect(self._on_export)

    def wait(self) -> None:
        """Wait for what is read or written in the background; for shutdown."""
        self._reader.wait()
        self._writer.wait()
        self._verifier.wait()

    @Slot(object)
    def _on_record(self, record: PictureRecord) -> None:
        self._record = None  # until its steps are there; those of the last picture are none of this one's
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
            self._page.show_timeline(False)
            return
        self._record = record
        self.bar.show_steps(steps, self._done(record))
        self._page.show_timeline(True)

    def _done(self, record: PictureRecord) -> str:
        return self.tr("Done in {0} · seed {1}").format(words.duration(record.seconds), record.request.seed)

    @Slot(object)
    def _on_no_timeline(self, error: Exception) -> None:
        self._page.show_timeline(False)

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
        start = str(Path(record.path).with_suffix(".webp").name)
        kinds = self.tr("Film (*.webp *.gif);;Strip (*.png *.jpg)")
        chosen, _ = QFileDialog.getSaveFileName(self._page, self.tr("Export the steps"), start, kinds)
        if chosen:
            self._writer.start(lambda: self._export(record, steps, Path(chosen), noisy))

    @Slot(object)
    def _on_not_exported(self, error: Exception) -> None:
        known = error if isinstance(error, KnownError) else KnownError(self.tr("The steps could not be written"))
        self._page.show_error(known)

    @Slot(object)
    def _on_verify(self, record: PictureRecord) -> None:
        self._verifier.start(lambda: self._verify(record.path))

    @Slot(object)
    def _on_not_verified(self, error: Exception) -> None:
        known = error if isinstance(error, KnownError) else KnownError(self.tr("The picture could not be read"))
        self._page.show_error(known)
