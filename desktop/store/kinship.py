"""Which picture grew from which: branches know their trunk by its request, and the database by that request's key."""

import json
import sqlite3
from pathlib import Path

from desktop.errors import KnownError
from desktop.messages import GenerationRequest, Kin, PictureRecord
from desktop.store import recipe
from desktop.store.database import Database
from desktop.store.pictures import Pictures
from desktop.store.request_key import key_of, keys_of
from desktop.store.timelines import KEY

FAMILY_MAX = 200  # pictures of one tree that are told of
_AT_ONCE = 500  # rows keyed in one transaction, so that a picture that is saved meanwhile waits for some ms only


class Kinship:
    """Reads the trees. Every call may take some ms, and the first after an update of the program a second."""

    def __init__(self, database: Database, pictures: Pictures) -> None:
        self._database, self._pictures = database, pictures

    def prepare(self) -> int:
        """Key the pictures that were recorded before there were keys; how many."""
        count = 0
        while rows := self._database.query(f"SELECT id, request FROM pictures WHERE own IS NULL LIMIT {_AT_ONCE}"):
            keyed = [(*_keys(row), row["id"]) for row in rows]
            with self._database.transaction() as db:
                db.executemany("UPDATE pictures SET own = ?, trunk = ? WHERE id = ?", keyed)
            count += len(rows)
        return count

    def family(self, record: PictureRecord) -> tuple[Kin, ...]:
        """The whole tree the picture is in, each picture right before its branches; one entry where it stands alone.

        A trunk that is deleted is there without a record, as far as the picture's own request tells of it.
        """
        self.prepare()
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
        return None if record.request.branch is None else self._owner(record.request.branch.trunk, record)

    def groups(self, limit: int, before: int | None = None) -> tuple[tuple[int, PictureRecord], ...]:
        """(depth, picture): `limit` pictures whose trunk is not there (0), the newest first, each with all that grew
        from it right behind it, the oldest first (1 and more).

        before: older than the one of this id, which is of depth 0. Of pictures made alike the oldest has the branches.
        """
        older, edge = ("", ()) if before is None else ("AND p.id < ?", (before,))
        rows = self._database.query(
            "SELECT p.* FROM pictures AS p WHERE p.deleted_at IS NULL AND (p.trunk IS NULL OR NOT EXISTS "
            f"(SELECT 1 FROM pictures AS q WHERE q.own = p.trunk AND q.deleted_at IS NULL)) {older} "
            "ORDER BY p.id DESC LIMIT ?",
            (*edge, limit),
        )
        found: list[tuple[int, PictureRecord]] = []
        for row in rows:
            self._add_group(found, row, 0)
        return tuple(found)

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

    def _add_group(self, found: list[tuple[int, PictureRecord]], row: sqlite3.Row, depth: int) -> None:
        found += [(depth, record) for record in self._pictures.to_records([row])]
        if not row["own"]:
            return
        children = self._rows_of(row["own"])
        if not children:
            return
        first = self._database.query("SELECT min(id) FROM pictures WHERE own = ? AND deleted_at IS NULL", (row["own"],))
        if first[0][0] == row["id"]:
            for child in children:
                self._add_group(found, child, depth + 1)

    def _rows_of(self, key: str) -> list[sqlite3.Row]:
        return self._database.query(
            "SELECT * FROM pictures WHERE trunk = ? AND deleted_at IS NULL ORDER BY id LIMIT ?", (key, FAMILY_MAX)
        )

    def _owner(self, request: GenerationRequest, record: PictureRecord) -> PictureRecord | None:
        if request == record.request:
            return record
        rows = self._database.query(
            "SELECT * FROM pictures WHERE own = ? AND deleted_at IS NULL ORDER BY id LIMIT 1", (key_of(request),)
        )
        return next(iter(self._pictures.to_records(rows)), None)


def _keys(row: sqlite3.Row) -> tuple[str, str | None]:
    try:
        return keys_of(GenerationRequest.from_json(json.loads(row["request"])))
    except (KnownError, ValueError, RecursionError, OverflowError):
        return "", None  # somebody wrote into the table
