"""Which picture grew from which: branches know their trunk by its request, and the database by that request's key."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from desktop.errors import KnownError
from desktop.messages import GenerationRequest, Kin, PictureRecord
from desktop.store import recipe
from desktop.store.database import Database
from desktop.store.pictures import NO_KEYS, Pictures
from desktop.store.request_key import key_of, keys_of
from desktop.store.sheet import SUFFIX
from desktop.store.timelines import KEY

FAMILY_MAX = 200  # pictures of one tree that are told of
_CHUNK = 50  # rows read in one query of a walk
_AT_ONCE = 500  # rows keyed in one transaction, so that a picture that is saved meanwhile waits for some ms only


class Kinship:
    """Reads the trees. Every call may take some ms, and the first after an update of the program a second."""

    def __init__(self, database: Database, pictures: Pictures) -> None:
        self._database, self._pictures = database, pictures

    def prepare(self) -> int:
        """Key the pictures that were recorded before there were keys; how many."""
        count = 0
        while rows := self._database.query(f"SELECT * FROM pictures WHERE own IS NULL LIMIT {_AT_ONCE}"):
            keyed = [(*(NO_KEYS if self._is_sheet(row) else _keys(row)), row["id"]) for row in rows]
            with self._database.transaction() as db:
                db.executemany("UPDATE pictures SET own = ?, trunk = ? WHERE id = ?", keyed)
            count += len(rows)
        return count

    def family(self, record: PictureRecord) -> tuple[Kin, ...]:
        """The whole tree the picture is in, each picture right before its branches; one entry where it stands alone.

        A trunk that is deleted is there without a record, as far as the picture's own request tells of it. The sheet of
        a grid stands alone: it has the settings of a picture, and is none that anything grew from.
        """
        self.prepare()
        if self._is_apart(record):
            return (Kin(record=record, request=record.request, depth=0),)
        above = [record.request]
        while above[0].branch is not None:
            above.insert(0, above[0].branch.trunk)
        found: list[Kin] = []
        self._add(found, above[0], self._owner(above[0], record), 0, record, above)
        return tuple(found)

    def count(self) -> int:
        """How many pictures are branches."""
        rows = self._database.query("SELECT count(*) FROM pictures WHERE trunk IS NOT NULL AND deleted_at IS NULL")
        return rows[0][0]

    def trunk_of(self, record: PictureRecord) -> PictureRecord | None:
        """The picture that it grew from; None where it grew from none, or that one is deleted."""
        self.prepare()
        if record.request.branch is None or self._is_apart(record):
            return None
        return self._owner(record.request.branch.trunk, record)

    def groups(self, limit: int, after: int | None = None) -> tuple[tuple[int, PictureRecord], ...]:
        """(depth, picture), at most `limit`: those whose trunk is not there (0), the newest first, each with all that
        grew from it right behind it, the oldest first (1 and more).

        after: go on behind the picture of this id, wherever in a tree it stands; 10 to 30 ms for 100, however large the
        trees. Of pictures made alike the oldest has the branches.
        """
        found = ((depth, self._pictures.to_records([row])) for depth, row in self._walk(after))
        return tuple(itertools.islice(((depth, records[0]) for depth, records in found if records), limit))

    def timelines(self) -> tuple[set[str], dict[str, set[int]]]:
        """(the timelines of rated pictures; at which steps pictures grew from a timeline's, by its name)."""
        self.prepare()
        self._name_timelines("rating > 0")
        self._name_timelines("own IN (SELECT trunk FROM pictures WHERE trunk IS NOT NULL)")
        rated = self._database.query("SELECT timeline FROM pictures WHERE rating > 0 AND timeline > ''")
        points: dict[str, set[int]] = {}
        for row in self._database.query(
            "SELECT t.timeline, json_extract(b.request, '$.branch.step') FROM pictures AS b JOIN pictures AS t "
            "ON t.own = b.trunk WHERE b.trunk IS NOT NULL AND t.timeline > ''"
        ):
            points.setdefault(row[0], set()).add(row[1])
        return {row[0] for row in rated}, points

    def _name_timelines(self, which: str) -> None:
        """Fill in what pictures recorded by an older program have in their files only."""
        for row in self._database.query(f"SELECT * FROM pictures WHERE timeline IS NULL AND {which}"):
            name = ""
            for record in self._pictures.to_records([row]):
                try:
                    name = str(recipe.read_recipe(Path(record.path)).extra.get(KEY) or "")
                except KnownError:
                    name = ""
            with self._database.transaction() as db:
                db.execute("UPDATE pictures SET timeline = ? WHERE id = ?", (name, row["id"]))

    def _add(
        self,
        found: list[Kin],
        request: GenerationRequest,
        shown: PictureRecord | None,
        depth: int,
        record: PictureRecord,
        above: list[GenerationRequest],
    ) -> None:
        if len(found) >= FAMILY_MAX:
            return
        found.append(Kin(record=shown, request=request, depth=depth))
        children = self._pictures.to_records(self._rows_of(key_of(request)))
        requests = [child.request for child in children]
        if depth + 1 < len(above) and request == above[depth]:
            step = above[depth + 1]
            if step not in requests:  # it is gone, and still the way to the picture
                self._add(found, step, self._owner(step, record), depth + 1, record, above)
        for child in children:
            self._add(found, child.request, child, depth + 1, record, above)

    def _walk(self, after: int | None) -> Iterator[tuple[int, sqlite3.Row]]:
        """(depth, row) of every picture in the order of groups."""
        edge = after
        if after is not None:
            path = self._path_to(after)
            for depth in range(len(path), 0, -1):  # what grew from it, then what stands behind each it grew from
                past = path[depth]["id"] if depth < len(path) else 0
                yield from self._grown(path[depth - 1], depth, past)
            edge = path[0]["id"] if path else after
        while heads := self._heads(edge):
            for row in heads:
                yield 0, row
                yield from self._grown(row, 1, 0)
            edge = heads[-1]["id"]

    def _heads(self, before: int | None) -> list[sqlite3.Row]:
        older, edge = ("", ()) if before is None else ("AND p.id < ?", (before,))
        return self._database.query(
            "SELECT p.* FROM pictures AS p WHERE p.deleted_at IS NULL AND (p.trunk IS NULL OR NOT EXISTS "
            f"(SELECT 1 FROM pictures AS q WHERE q.own = p.trunk AND q.deleted_at IS NULL)) {older} "
            "ORDER BY p.id DESC LIMIT ?",
            (*edge, _CHUNK),
        )

    def _grown(self, row: sqlite3.Row, depth: int, past: int) -> Iterator[tuple[int, sqlite3.Row]]:
        """All that grew from the picture, but for its branches up to the one of the id `past`."""
        if not row["own"]:
            return
        first = True
        while children := self._rows_of(row["own"], past, _CHUNK):
            if first and ((eldest := self._eldest(row["own"])) is None or eldest["id"] != row["id"]):
                return
            first = False
            for child in children:
                yield depth, child
                yield from self._grown(child, depth + 1, 0)
            past = children[-1]["id"]

    def _path_to(self, id: int) -> list[sqlite3.Row]:
        """The picture's row, deleted or not, behind those of all it grew from; none where it is gone for good."""
        found = self._database.query("SELECT * FROM pictures WHERE id = ?", (id,))
        while found and found[0]["trunk"] and (trunk := self._eldest(found[0]["trunk"])) is not None:
            found.insert(0, trunk)
        return found

    def _eldest(self, key: str) -> sqlite3.Row | None:
        """Of the pictures made alike, the one that has the branches."""
        rows = self._database.query(
            "SELECT * FROM pictures WHERE own = ? AND deleted_at IS NULL ORDER BY id LIMIT 1", (key,)
        )
        return rows[0] if rows else None

    def _is_apart(self, record: PictureRecord) -> bool:
        rows = self._database.query("SELECT own FROM pictures WHERE id = ?", (record.id,))
        return bool(rows) and rows[0]["own"] == ""

    def _is_sheet(self, row: sqlite3.Row) -> bool:
        """Looks into the file only where its name is that of a sheet: files take a hundred times as long as rows."""
        if SUFFIX not in Path(row["path"]).name:
            return False
        for record in self._pictures.to_records([row]):
            try:
                return recipe.GRID in recipe.read_recipe(Path(record.path)).extra
            except KnownError:  # gone, or damaged: nobody can branch from it
                return True
        return False

    def _rows_of(self, key: str, past: int = 0, limit: int = FAMILY_MAX) -> list[sqlite3.Row]:
        return self._database.query(
            "SELECT * FROM pictures WHERE trunk = ? AND id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?",
            (key, past, limit),
        )

    def _owner(self, request: GenerationRequest, record: PictureRecord) -> PictureRecord | None:
        if request == record.request:
            return record
        row = self._eldest(key_of(request))
        return None if row is None else next(iter(self._pictures.to_records([row])), None)


def _keys(row: sqlite3.Row) -> tuple[str, str | None]:
    try:
        return keys_of(GenerationRequest.from_json(json.loads(row["request"])))
    except (KnownError, ValueError, RecursionError, OverflowError):
        return NO_KEYS  # somebody wrote into the table
