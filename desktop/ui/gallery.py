"""What every view of the pictures shares: the same pictures, the same actions, the same undo."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal, Slot

from desktop.errors import KnownError
from desktop.messages import PictureRecord
from desktop.ui.background import Background
from desktop.ui.gallery_files import PictureFiles
from desktop.ui.thumbnails import Source, ThumbnailLoader

if TYPE_CHECKING:
    from desktop.messages import Kin, ModelInfo
    from desktop.store.pictures import Deletion  # it imports Pillow, which the first window can do without

UNDO_MAX = 50  # deletions that can be taken back
AT_ONCE_MAX = 24  # files that are moved while the window waits; on this many it does not miss a frame


class Pictures(Protocol):
    """desktop.store.pictures.Pictures, or a fake. Every call may raise KnownError."""

    def list(
        self, text: str = "", limit: int = 200, offset: int = 0, before: int | None = None
    ) -> tuple[PictureRecord, ...]: ...
    def count(self, text: str = "") -> int: ...
    def newer(self, id: int, text: str = "") -> PictureRecord | None: ...
    def older(self, id: int, text: str = "") -> PictureRecord | None: ...
    def rate(self, id: int, rating: int) -> PictureRecord: ...
    def delete(self, ids: Iterable[int]) -> "Deletion": ...
    def undo(self, deletion: "Deletion") -> tuple[PictureRecord, ...]: ...
    def deleted(self) -> frozenset[int]: ...


class Kinship(Protocol):
    """desktop.store.kinship.Kinship, or a fake. Every call may raise KnownError; prepare and family wait."""

    def prepare(self) -> int: ...
    def family(self, record: PictureRecord) -> "tuple[Kin, ...]": ...
    def trunk_of(self, record: PictureRecord) -> PictureRecord | None: ...
    def groups(self, limit: int, after: int | None = None) -> tuple[tuple[int, PictureRecord], ...]: ...


class Gallery(QObject):
    """Stands between the store and the grid, the strip and the viewer. Connect the window to this one object.

    kinship: knows which picture grew from which; None where nobody asks.

    Signals for the window: opened(PictureRecord, text it was found by), use_settings(GenerationRequest),
    make_variations(GenerationRequest), use_as_start(path), deleted(Deletion), still_deleted() when an undo did not give
    all of them back and can be asked for again, problem(KnownError),
    told(text) for what went well and cannot be seen, such as a copy.
    Signals for the views: added(PictureRecord), changed(PictureRecord), removed(tuple of ids),
    restored(tuple of PictureRecord), reloaded(), models_named() when the models' titles are known, or others now.
    """

    opened = Signal(object, str)
    use_settings = Signal(object)
    make_variations = Signal(object)
    use_as_start = Signal(str)
    deleted = Signal(object)
    still_deleted = Signal()
    problem = Signal(object)
    told = Signal(str)

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(object)
    restored = Signal(object)
    reloaded = Signal()
    models_named = Signal()

    def __init__(
        self, pictures: Pictures, thumbnails: Source, parent: QObject | None = None, kinship: Kinship | None = None
    ) -> None:
        super().__init__(parent)
        self.pictures = pictures
        self.kinship = kinship
        self.thumbnails = ThumbnailLoader(thumbnails, self)
        self.files = PictureFiles(self)
        self.files.problem.connect(self.problem)
        self.files.told.connect(self.told)
        self._deletions: list[Deletion] = []
        self._movers: list[Background] = []  # of many files at a time
        self._titles: dict[str, str] = {}

    @Slot(object)
    def on_saved(self, record: PictureRecord) -> None:
        """A picture was finished; it is on disk already."""
        self.added.emit(record)

    def name_models(self, models: "Iterable[ModelInfo]") -> None:
        """What the library has now, so that a picture's model can be told by its title."""
        titles = {model.name: model.title for model in models}
        if titles != self._titles:
            self._titles = titles
            self.models_named.emit()

    def title_of(self, model: str) -> str:
        """A model's title; its name where the library has it no more."""
        return self._titles.get(model) or model

    @Slot()
    def reload(self) -> None:
        """Read everything again, after a rebuild of the database, say."""
        self.reloaded.emit()

    def open(self, record: PictureRecord, text: str = "") -> None:
        """Ask for the full view. text: the search it was found by, so that the arrows walk what was found."""
        self.opened.emit(record, text)

    def neighbour(self, record: PictureRecord, text: str = "", *, older: bool) -> PictureRecord | None:
        """The picture made before or after this one, among those that text finds."""
        try:
            return (self.pictures.older if older else self.pictures.newer)(record.id, text)
        except KnownError as error:
            self.problem.emit(error)
            return None

    def rate(self, records: Iterable[PictureRecord], rating: int) -> None:
        """rating: 0 to 5; the one that all of them have already takes it away, as a second click does."""
        records = tuple(records)
        if all(record.rating == rating for record in records):
            rating = 0
        try:
            for record in records:
                self.changed.emit(self.pictures.rate(record.id, rating))
        except KnownError as error:
            self.problem.emit(error)

    def delete(self, records: Iterable[PictureRecord]) -> None:
        """Take pictures away; undo_delete gives them back. Many go on a thread of their own, and out of view then."""
        ids = tuple(record.id for record in records)
        if ids:
            self._move(len(ids), lambda: self.pictures.delete(ids), partial(self._on_deleted, ids), lambda: None)

    def _on_deleted(self, ids: tuple[int, ...], deletion: "Deletion") -> None:
        self.removed.emit(ids)
        if deletion.records:  # none where they were asked for twice
            self._deletions = [*self._deletions[-UNDO_MAX + 1 :], deletion]
            self.deleted.emit(deletion)

    @Slot()
    def undo_delete(self) -> bool:
        """Give the last deleted pictures back; False where there is nothing to undo."""
        if not self._deletions:
            return False
        deletion = self._deletions.pop()
        return self._move(
            len(deletion.records),
            lambda: self.pictures.undo(deletion),
            self._on_given_back,
            partial(self._on_kept, deletion),
        )

    def _on_kept(self, deletion: "Deletion") -> None:
        """Not all of them could be given back; the others can be asked for again."""
        if self.pictures.deleted().intersection(record.id for record in deletion.records):
            self._deletions.append(deletion)
            self.still_deleted.emit()

    def _on_given_back(self, records: "tuple[PictureRecord, ...]") -> None:
        for record in records:
            self.thumbnails.forget(record.path)
        self.restored.emit(records)

    def _move(
        self, count: int, work: Callable[[], object], then: Callable[[Any], None], otherwise: Callable[[], None]
    ) -> bool:
        """Call then with what the work returns, and otherwise where it fails; False where it failed at once."""

        def failed(error: Exception) -> None:
            if not isinstance(error, KnownError):
                error = KnownError(self.tr("The pictures could not be moved ({0})").format(error))
            self.reloaded.emit()  # some were moved; or who asked for the same just now was told that they are gone
            otherwise()
            self.problem.emit(error)

        if count <= AT_ONCE_MAX:
            try:
                result = work()
            except KnownError as error:
                failed(error)
                return False
            then(result)
            return True
        mover = Background("picture-mover", self)
        mover.done.connect(then)
        mover.failed.connect(failed)
        self._movers.append(mover)
        mover.start(work)
        return True

    def close(self) -> None:
        """End the threads that make thumbnails and copies; what is being copied or moved is finished first."""
        for mover in self._movers:
            mover.wait()
        self.thumbnails.close()
        self.files.wait()
