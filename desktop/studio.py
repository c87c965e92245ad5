"""Everything but the window: store, library and engine, built once and closed in order. No Qt, no torch."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.engine import Engine
from desktop.errors import KnownError
from desktop.library.library import open_library
from desktop.messages import (
    AttentionSeen,
    Branch,
    Event,
    GenerationRequest,
    PictureRecord,
    Started,
    TimelineStep,
    Verified,
)
from desktop.settings import Folders, compiled_folder
from desktop.store import timelines
from desktop.store.database import Database
from desktop.store.deletions import Deletions
from desktop.store.history import History
from desktop.store.kinship import Kinship
from desktop.store.pictures import Pictures, system_trash
from desktop.store.saved_queue import SavedQueue
from desktop.store.starts import StartPictures
from desktop.unfinished_grids import UnfinishedGrids

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.families import Inputs
    from desktop.library.downloads import Downloads
    from desktop.noising import Noising


class Studio:
    """Attributes: folders, database, pictures, deletions, kinship, history, starts, queue, timelines, grids,
    library, downloads, noising, engine.

    emit: as in Engine. save: replaces saving into the gallery, for a command that wants its pictures elsewhere.
    open_start: replaces the store's start pictures, for a picture that brings its own. memory_mode, compile_mode: as in
    Engine; a command, which ends after its pictures, compiles nothing.
    Raises KnownError where the data folder or the database cannot be used.
    """

    def __init__(
        self,
        folders: Folders,
        emit: Callable[[Event], None],
        *,
        save: Callable[..., PictureRecord] | None = None,
        open_start: "Callable[[str], Image] | None" = None,
        memory_mode: str = "auto",
        compile_mode: str = "off",
    ) -> None:
        folders.make()
        self.folders = folders
        self.database = Database(folders.database)
        self.pictures = Pictures(self.database, folders, self._trash)
        self.deletions = Deletions(self.pictures)
        self.history = History(self.database)
        self.starts = StartPictures(folders.start_pictures)
        self.queue = SavedQueue(self.database, folders.queue_owners)
        self.grids = UnfinishedGrids(self.database, self.pictures)
        self.kinship = Kinship(self.database, self.pictures)
        self.timelines = timelines.Timelines(folders.timelines, self.kinship.timelines)
        self.library = open_library(folders)
        self._emit_on = emit
        self._started = ""
        self.engine = Engine(
            models=self.library,
            save=save or self._save,
            open_start=open_start or self.starts.open,
            emit=self._emit,
            previews=folders.previews,
            unfinished=folders.unfinished,
            memory_mode=memory_mode,
            compiled=compiled_folder(),
            compile_mode=compile_mode,
        )

    @functools.cached_property
    def downloads(self) -> "Downloads":
        """Made when somebody first looks for models to get."""
        from desktop.library.downloads import Downloads

        return Downloads(self.folders.models, check=self.library.check)

    @functools.cached_property
    def noising(self) -> "Noising":
        """Made when somebody first looks at the noise; brings numpy."""
        from desktop.noising import Noising

        return Noising(self.library)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop the engine, let the trash take what it can in a few seconds, then close the database.

        False where the engine did not stop in time.
        """
        if "downloads" in self.__dict__:
            self.downloads.close()
        ended = self.engine.close(timeout_s)
        self.timelines.close()
        self.queue.close()
        if self.deletions.close() and ended:
            self.database.close_all()
        else:
            self.database.close()  # the other thread may be using its own connection this moment
        return ended

    def verify(self, path: str) -> str:
        """Make a picture again from its file and compare the two; the outcome comes as Verified. Returns the job's id.

        Reads the file. Raises KnownError where it is none of ours.
        """
        from desktop.replay import Replay

        replay = Replay(Path(path))

        def compared(job_id: str, record: PictureRecord) -> Verified:
            found = replay.compare()
            return Verified(
                job_id=job_id,
                path=path,
                largest_difference=found.largest_difference,
                psnr_db=found.psnr_db,
                differs=tuple((what, then, now) for what, (then, now) in found.differs.items()),
            )

        return self.engine.submit(replay.request, save=replay.keep, open_start=replay.open_start, ended=compared)

    def attend(self, path: str) -> str:
        """Make a picture again from its file and see which part each word drew; it comes as AttentionSeen.

        Returns the job's id. Reads the file. Raises KnownError where it is none of ours or its model has no such map.
        """
        from desktop.engine.attention import CrossAttention, check_attends
        from desktop.replay import Replay

        replay = Replay(Path(path))
        check_attends(self.library.resolve(replay.request.model))
        watch = CrossAttention()

        def seen(job_id: str, record: PictureRecord) -> AttentionSeen:
            return AttentionSeen(
                job_id=job_id,
                path=path,
                words=watch.heats(),
                unread=watch.unread,
                identical=replay.compare().identical,
            )

        return self.engine.submit(
            replay.request, save=replay.keep, open_start=replay.open_start, ended=seen, watch=watch
        )

    def timeline_of(self, record: PictureRecord) -> tuple[TimelineStep, ...]:
        """The steps a picture came by; none where it kept none. May take 100s of ms. Raises KnownError."""
        from desktop.store.recipe import read_recipe

        name = read_recipe(Path(record.path)).extra.get(timelines.KEY)
        return () if name is None else self.timelines.read(str(name))

    def trunk_timeline_of(self, record: PictureRecord) -> tuple[TimelineStep, ...]:
        """The steps of the picture that this one grew from. May take 100s of ms. Raises KnownError."""
        trunk = self.kinship.trunk_of(record)
        steps = () if trunk is None else self.timeline_of(trunk)
        if not steps:
            raise KnownError(
                "The picture it grew from is not here any more, or keeps no steps", "There is nothing to compare with."
            )
        return steps

    def export_timeline(
        self, record: PictureRecord, steps: tuple[TimelineStep, ...], path: Path, noisy: bool = False
    ) -> None:
        """Write the steps to a GIF, WebP or strip. Raises KnownError."""
        from desktop.store.picture_file import open_picture
        from desktop.store.timeline_export import export

        export(path, steps, open_picture(Path(record.path)), "x_t" if noisy else "x_0")

    def recall(self, path: str) -> GenerationRequest:
        """The settings of one of our pictures, wherever it comes from; its start picture and mask are kept here.

        Where the file's own copies have to do, which were cut to the picture's size, the request names those instead.
        Reads and writes files. Raises KnownError where it is none of ours.
        """
        from desktop.store.recipe import read_recipe

        recipe = read_recipe(Path(path))
        changes: dict[str, str | None] = {}
        for name, fingerprint in (("start_picture", recipe.request.start_picture), ("mask", recipe.request.mask)):
            if fingerprint is None:
                continue
            try:
                self.starts.open(fingerprint)
            except KnownError:
                attached = recipe.picture_of(fingerprint)
                if attached is None:
                    raise
                changes[name] = self.starts.keep(attached)
        return _with(recipe.request, changes)

    def recover(self) -> int:
        """Record the pictures and prompts that are on disk again, after the database was made anew; how many came.

        May take a while; safe on any thread. Raises KnownError.
        """
        added = self.pictures.rebuild().added
        for record in added:
            self.history.add(record.request)
        self.database.recovered()
        return len(added)

    def _trash(self, path: str) -> None:
        """Into the system's trash; the picture's timeline, which shows it as well, is deleted.

        Where another picture names the timeline it stays: a copy, or a file made elsewhere, may name any.
        """
        from desktop.store.recipe import read_recipe

        name = None
        with contextlib.suppress(KnownError):
            name = read_recipe(Path(path)).extra.get(timelines.KEY)
        system_trash(path)
        if name is not None and not self.pictures.is_named(str(name)):
            with contextlib.suppress(KnownError):
                self.timelines.remove(str(name))

    def _emit(self, event: Event) -> None:
        new = isinstance(event, Started) and event.job_id != self._started  # one that was paused starts again
        if new and event.saved:
            self._started = event.job_id
            with contextlib.suppress(KnownError):  # a full disk costs the history; this is the engine's thread
                self.history.add(event.request)  # before anything can go wrong with the run
        self._emit_on(event)

    def _save(
        self,
        request: GenerationRequest,
        image: "Image",
        *,
        seconds: float,
        made: dict[str, Any],
        inputs: "Inputs",
        timeline: tuple[TimelineStep, ...],
    ) -> PictureRecord:
        if name := self.timelines.keep(timeline):
            made = made | {timelines.KEY: name}
        return self.pictures.save(request, image, seconds=seconds, made=made, attached=attached_pngs(inputs))


def _with(request: GenerationRequest, changes: dict[str, str | None]) -> GenerationRequest:
    """The request and all that it grew from with other pictures to start from."""
    if request.branch is None:
        return request.replace(**changes)
    branch = Branch(trunk=_with(request.branch.trunk, changes), step=request.branch.step)
    return request.replace(**changes, branch=branch)


def attached_pngs(inputs: "Inputs") -> dict[str, bytes]:
    """The pictures a run started from, as they travel inside the finished one."""
    from desktop.store.picture_file import png_bytes

    pictures = {"start": inputs.start, "mask": inputs.mask}
    return {name: png_bytes(picture.convert("RGB")) for name, picture in pictures.items() if picture is not None}


def save_into(folder: Path) -> Callable[..., PictureRecord]:
    """A way of saving that writes pictures with their recipes into a folder, and into no gallery."""

    def save(
        request: GenerationRequest,
        image: "Image",
        *,
        seconds: float,
        made: dict[str, Any],
        inputs: "Inputs",
        timeline: tuple[TimelineStep, ...],
    ) -> PictureRecord:
        import time

        from desktop.store.names import claimed, picture_name
        from desktop.store.recipe import write_png

        now = time.time()
        name = picture_name(request, now).rpartition("/")[2]
        with claimed(folder, name) as path:
            write_png(path, image, request, made, attached_pngs(inputs))
        return PictureRecord(id=0, path=str(path), request=request, created_at=now, seconds=seconds)

    return save
