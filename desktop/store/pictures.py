"""The finished pictures: files with their recipes on disk, and one row each in the database."""

import contextlib
import errno
import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import disk_error
from desktop.messages import GenerationRequest, PictureRecord
from desktop.settings import Folders
from desktop.store import names, recipe, words
from desktop.store.database import Database
from desktop.store.request_key import key_of, keys_of
from desktop.store.thumbs import Thumbnails
from desktop.store.timelines import KEY as TIMELINE

if TYPE_CHECKING:  # Pillow is imported when the first picture is opened; the window is there before
    from PIL import Image

NO_KEYS = "", None  # of a picture that is nobody's trunk or branch, such as the sheet of a grid
_DELETED = "deleted_at IS NOT NULL"
LEFT_OVER_SECONDS = 86_400  # an older half-written file is nobody's work any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What one delete took away, the newest first, so that undo can give it back."""

    records: tuple[PictureRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """added: pictures found on disk that were not recorded, the oldest first. removed: rows without a file."""

    added: tuple[PictureRecord, ...]
    removed: int


class Pictures:
    """Saves on the engine's thread and lists on the window's at the same time.

    trash: moves a file into the system's trash; send2trash unless told otherwise.
    """

    def __init__(self, database: Database, folders: Folders, trash: Callable[[str], None] | None = None) -> None:
        self._database = database
        self._folders = folders
        self._trash = trash or system_trash
        self._named: Counter[str] = Counter()  # while deletions are flushed: how many pictures name a timeline

    def save(
        self,
        request: GenerationRequest,
        image: "Image.Image",
        seconds: float,
        made: Mapping[str, object],
        attached: Mapping[str, bytes] | None = None,
        suffix: str = "",
    ) -> PictureRecord:
        """Write the PNG with its recipe, then record it; when this returns, both are on disk.

        seconds: wall time of the run. made: versions, device, dtype, model hash. attached: as in write_png.
        suffix: at the end of the file's name.
        Raises KnownError where the disk refuses; a picture that is written but not recorded is named there.
        """
        created_at = time.time()
        extra = {**made, "created_at": created_at, "seconds": seconds}
        with names.claimed(self._folders.pictures, names.picture_name(request, created_at) + suffix) as path:
            recipe.write_png(path, image, request, extra, attached)
            try:
                return self._record(path, request, created_at, seconds, made)
            except KnownError as error:
                raise KnownError(
                    error.message, f"The picture itself is safe in {path}. {error.hint}".strip()
                ) from error

    def list(
        self, text: str = "", limit: int = 200, offset: int = 0, before: int | None = None
    ) -> tuple[PictureRecord, ...]:
        """The newest first; text keeps those whose prompt has all its words or words that begin so.

        before: only those older than the picture of this id; pages then fit together while pictures come and go.
        """
        source, values = _source(text)
        age = "t.rowid" if "AS t" in source else "p.id"  # the index gives its rows sorted; p.id would sort them
        older, edge = ("", ()) if before is None else (f"AND {age} < ?", (before,))
        rows = self._database.query(
            f"SELECT p.* FROM {source} p.deleted_at IS NULL {older} ORDER BY {age} DESC LIMIT ? OFFSET ?",
            (*values, *edge, limit, offset),
        )
        return self.to_records(rows)

    def newer(self, id: int, text: str = "") -> PictureRecord | None:
        """The next picture made after this one, None for the newest. text: as in list."""
        source, values = _source(text)
        age = "t.rowid" if "AS t" in source else "p.id"
        rows = self._database.query(
            f"SELECT p.* FROM {source} p.deleted_at IS NULL AND {age} > ? ORDER BY {age} LIMIT 1", (*values, id)
        )
        return next(iter(self.to_records(rows)), None)

    def older(self, id: int, text: str = "") -> PictureRecord | None:
        """The picture made before this one, None for the oldest. text: as in list."""
        return next(iter(self.list(text, limit=1, before=id)), None)

    def count(self, text: str = "") -> int:
        source, values = _source(text)
        return self._database.query(f"SELECT count(*) FROM {source} p.deleted_at IS NULL", values)[0][0]

    def get(self, id: int) -> PictureRecord | None:
        """None where there is none, or it is deleted."""
        rows = self._database.query("SELECT * FROM pictures WHERE id = ? AND deleted_at IS NULL", (id,))
        return next(iter(self.to_records(rows)), None)

    def by_path(self, path: Path | str) -> PictureRecord | None:
        """None where the file is not one of the recorded pictures."""
        rows = self._database.query(
            "SELECT * FROM pictures WHERE path = ? AND deleted_at IS NULL", (self._to_key(Path(path)),)
        )
        return next(iter(self.to_records(rows)), None)

    def made_from(self, request: GenerationRequest) -> PictureRecord | None:
        """The newest picture of exactly these settings; no sheet."""
        rows = self._database.query(
            "SELECT * FROM pictures WHERE own = ? AND deleted_at IS NULL ORDER BY id DESC", (key_of(request),)
        )
        return next((record for record in self.to_records(rows) if record.request == request), None)

    def rate(self, id: int, rating: int) -> PictureRecord:
        """rating: 0 (none) to 5. Raises KnownError where the picture is gone."""
        if rating not in range(6):
            raise ValueError(f"no rating: {rating}")
        with self._database.transaction() as db:
            db.execute("UPDATE pictures SET rating = ? WHERE id = ?", (rating, id))
        record = self.get(id)
        if record is None:
            raise KnownError("The picture is not there any more")
        return record

    def delete(self, ids: Iterable[int]) -> Deletion:
        """Take pictures out of the list and their files out of the folder; undo gives both back.

        All or none. Raises KnownError where a file cannot be moved.
        """
        wanted = set(ids)
        # First the mark, then the file: after a crash in between flush_deleted finds the file where it was. Whoever is
        # asked for the same pictures at the same time finds them marked.
        with self._database.transaction():
            records = tuple(sorted((r for id in wanted if (r := self.get(id))), key=lambda r: r.id, reverse=True))
            self._mark(records, time.time())
        moved: list[PictureRecord] = []
        try:
            for record in records:
                _move(Path(record.path), self._deleted_path(record))
                moved.append(record)
        except KnownError:
            for record in moved:
                with contextlib.suppress(KnownError):
                    _move(self._deleted_path(record), Path(record.path))
            self._mark(records, None)
            raise
        return Deletion(records=records)

    def undo(self, deletion: Deletion) -> tuple[PictureRecord, ...]:
        """Give files and rows back as they were, and return those that could be given back.

        Raises KnownError where none is left: the deletion has gone to the system's trash.
        """
        back = []
        for record in deletion.records:
            rows = self._database.query("SELECT * FROM pictures WHERE id = ? AND deleted_at IS NOT NULL", (record.id,))
            if rows:
                self._give_back_file(record)
                self._mark((record,), None)
                back.append(record)
        if deletion.records and not back:
            raise KnownError("The deleted pictures are in the system's trash already", "Restore them from there.")
        return tuple(back)

    def deleted(self) -> frozenset[int]:
        """The ids of what was deleted and is not in the system's trash yet."""
        return frozenset(row["id"] for row in self._database.query(f"SELECT id FROM pictures WHERE {_DELETED}"))

    def flush_deleted(self, ids: Container[int] | None = None, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Move what was deleted into the system's trash under its own name, and forget it.

        ids: only these. enough: asked before each picture; once it says so the others wait for the next time. One
        thread at a time; at exit, and at start for what the last time left. Raises KnownError after all were tried
        where the trash refused some; those stay in the folder of deleted pictures and are tried again next time.
        """
        kept = 0
        reason: Exception | None = None
        rows = self._database.query(f"SELECT * FROM pictures WHERE {_DELETED}")
        rows = [row for row in rows if ids is None or row["id"] in ids]
        if not rows:
            return
        # First of all: whatever happens on the way, what was deleted is not to be seen here any more.
        Thumbnails(self._folders.thumbnails).forget_all(record.path for record in self.to_records(rows))
        named = self._database.query("SELECT timeline, count(*) FROM pictures WHERE timeline > '' GROUP BY timeline")
        self._named = Counter({row[0]: row[1] for row in named})
        try:
            for row in rows:
                if enough():
                    break
                for record in self.to_records([row]):
                    self._named[row["timeline"]] -= 1
                    try:
                        self._trash_one(record)
                    except Exception as error:  # each platform's trash fails in its own way
                        self._named[row["timeline"]] += 1
                        kept, reason = kept + 1, error
                        continue
                    with self._database.transaction() as db:
                        _forget(db, record.id)
        finally:
            self._named.clear()
        if reason is not None:
            raise KnownError(
                f"The system's trash did not take {kept} deleted {'picture' if kept == 1 else 'pictures'}",
                f"They stay in {self._folders.deleted}.",
            ) from reason

    def is_named(self, timeline: str) -> bool:
        """For the trash, while deletions are flushed: whether pictures that are still here name this timeline."""
        return self._named[timeline] > 0

    def rebuild(self) -> Rebuilt:
        """Record pictures of ours that lie in the folder unrecorded, and drop rows whose file is gone.

        Half-written files that a crash left more than a day ago are removed. Deleted pictures that no row knows of,
        because the database was lost, are given back.

        Raises KnownError where the folder is gone, or empty against all records: then nothing is dropped.
        """
        folder = self._folders.pictures
        if not folder.is_dir():
            raise KnownError(f"The folder {folder} is not there", "Connect its disk, or make it again.")
        self._give_back_unknown()
        try:
            files = sorted(p for p in folder.rglob("*.png") if not p.name.startswith(".") and p.is_file())
        except OSError as error:
            raise KnownError(f"The folder {folder} cannot be read ({error.strerror})") from error
        rows = self._database.query("SELECT id, path, deleted_at FROM pictures")
        if not files and any(row["deleted_at"] is None for row in rows):
            raise KnownError(f"The folder {folder} is empty", "Connect the disk with the pictures.")
        known = {row["path"] for row in rows}
        added = []
        for path in files:
            if self._to_key(path) not in known:
                with contextlib.suppress(KnownError):  # somebody else's picture, or a damaged one
                    added.append(self._record_found(path))
        _sweep(folder)
        there = {self._to_key(path) for path in files}
        gone = [row["id"] for row in rows if row["deleted_at"] is None and row["path"] not in there]
        # A picture saved while the folder was read is recorded and on disk, but not in `there`.
        gone = [id for id in gone if (record := self.get(id)) and not Path(record.path).exists()]
        with self._database.transaction() as db:
            for id in gone:
                _forget(db, id)
        return Rebuilt(added=tuple(sorted(added, key=lambda r: r.id)), removed=len(gone))

    def _give_back_unknown(self) -> None:
        known = {str(row["id"]) for row in self._database.query("SELECT id FROM pictures")}
        for path in self._folders.deleted.glob("*/*.png"):
            if path.parent.name not in known:
                with (
                    contextlib.suppress(OSError, KnownError),
                    names.claimed(self._folders.pictures, path.stem) as target,
                ):
                    _move(path, target)
                    path.parent.rmdir()

    def _record_found(self, path: Path) -> PictureRecord:
        found = recipe.read_recipe(path)
        created_at, seconds = found.extra.get("created_at"), found.extra.get("seconds")
        if not _is_time(created_at):
            created_at = path.stat().st_mtime
        if not _is_time(seconds):
            seconds = 0.0
        return self._record(path, found.request, created_at, seconds, found.extra)

    def _record(
        self, path: Path, request: GenerationRequest, created_at: float, seconds: float, made: Mapping[str, object]
    ) -> PictureRecord:
        id = round(created_at * 1_000_000)
        keys = NO_KEYS if recipe.GRID in made else keys_of(request)
        timeline = str(made.get(TIMELINE) or "")
        with self._database.transaction() as db:
            key = self._to_key(path)
            # A row left by a file that somebody else removed; this picture has its name now.
            stale = "SELECT id FROM pictures WHERE path = ? AND deleted_at IS NULL"
            for row in db.execute(stale, (key,)).fetchall():
                _forget(db, row["id"])
            while db.execute("SELECT 1 FROM pictures WHERE id = ?", (id,)).fetchone():
                id += 1
            db.execute(
                "INSERT INTO pictures (id, path, request, seconds, own, trunk, timeline) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, key, json.dumps(request.to_json()), seconds, *keys, timeline),
            )
            db.execute("INSERT INTO pictures_text (rowid, words) VALUES (?, ?)", (id, words.segment(request.prompt)))
        return PictureRecord(id=id, path=str(path), request=request, created_at=id / 1_000_000, seconds=float(seconds))

    def _mark(self, records: tuple[PictureRecord, ...], deleted_at: float | None) -> None:
        with self._database.transaction() as db:
            db.executemany("UPDATE pictures SET deleted_at = ? WHERE id = ?", [(deleted_at, r.id) for r in records])

    def _deleted_path(self, record: PictureRecord) -> Path:
        return self._folders.deleted / str(record.id) / Path(record.path).name

    def _give_back_file(self, record: PictureRecord) -> None:
        kept, path = self._deleted_path(record), Path(record.path)
        if not kept.exists():  # its file was gone before it was deleted, or the move never happened
            return
        if path.exists():
            raise KnownError(f"Another file lies at {path}", "Move it away, then undo again.")
        _move(kept, path)
        with contextlib.suppress(OSError):
            kept.parent.rmdir()

    def _trash_one(self, record: PictureRecord) -> None:
        """From its own place where that is free, so that the system's "restore" puts it back there."""
        kept, path = self._deleted_path(record), Path(record.path)
        if not kept.exists():  # a crash came before the move, or there never was a file
            if path.exists():
                self._trash(str(path))
            return
        if path.exists():
            self._trash(str(kept))
        else:
            _move(kept, path)
            try:
                self._trash(str(path))
            except BaseException:
                _move(path, kept)
                raise
        with contextlib.suppress(OSError):
            kept.parent.rmdir()

    def _to_key(self, path: Path) -> str:
        """Relative to the folder of pictures, so that the data folder can be moved; else absolute."""
        try:
            return path.absolute().relative_to(self._folders.pictures.absolute()).as_posix()
        except ValueError:
            return str(path)

    def to_records(self, rows: Iterable[sqlite3.Row]) -> tuple[PictureRecord, ...]:
        """rows: of the table, whole; one that somebody damaged is left out."""
        return tuple(record for row in rows if (record := self._to_record(row)) is not None)

    def _to_record(self, row: sqlite3.Row) -> PictureRecord | None:
        try:
            request = GenerationRequest.from_json(json.loads(row["request"]))
        except (KnownError, ValueError, RecursionError, OverflowError):
            return None  # somebody wrote into the table; the file itself stays
        return PictureRecord(
            id=row["id"],
            path=str(self._folders.pictures / row["path"]),
            request=request,
            created_at=row["id"] / 1_000_000,
            seconds=row["seconds"],
            rating=row["rating"],
        )


def _source(text: str) -> tuple[str, tuple[str, ...]]:
    """What stands between FROM and the last condition, and its values. The table is called p."""
    if not text.strip():
        return "pictures AS p WHERE", ()
    wanted = words.query(text)
    if wanted is None:  # only punctuation: not in the index
        return (
            "pictures AS p WHERE json_extract(p.request, '$.prompt') LIKE ? ESCAPE '\\' AND",
            (words.like(text),),
        )
    return "pictures_text AS t CROSS JOIN pictures AS p ON p.id = t.rowid WHERE pictures_text MATCH ? AND", (wanted,)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**33


def _forget(db: sqlite3.Connection, id: int) -> None:
    db.execute("DELETE FROM pictures WHERE id = ?", (id,))
    db.execute("DELETE FROM pictures_text WHERE rowid = ?", (id,))


def _sweep(folder: Path) -> None:
    """Remove what write_atomically and names.claimed leave in a crash, once no other program can be at it."""
    for path in (*folder.rglob(".*.part"), *folder.rglob(".*.claim")):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - LEFT_OVER_SECONDS:
                path.unlink()


def _move(source: Path, target: Path) -> None:
    """A file that is gone already is no error; across disks it is copied."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # shutil.move would copy here, and leave both where Windows locks one
                raise
            shutil.copy2(source, target)
            source.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error(source.parent, error) from error


def system_trash(path: str) -> None:
    """Raises what each platform's trash fails with."""
    from send2trash import send2trash

    send2trash(path)
