"""What still waited when a program ended.

A window and commands may work on the same pictures at once, so each line says whose it is; only what a process that is
gone has left is anybody's.
"""

import json
import os
from collections.abc import Iterable

from desktop.errors import KnownError
from desktop.messages import GenerationRequest
from desktop.store.database import Database


class SavedQueue:
    """The waiting requests, first to run first. owner: of what is kept here; this process where it is None."""

    def __init__(self, database: Database, owner: str | None = None) -> None:
        self._database = database
        self._name = owner

    def keep(self, requests: Iterable[GenerationRequest]) -> None:
        """Replace what is this owner's. Raises KnownError where the disk refuses."""
        owner = self._owner()
        texts = [json.dumps({"owner": owner, "request": request.to_json()}) for request in requests]
        with self._database.transaction() as db:
            mine = [row["position"] for row in db.execute(_ALL) if _owner_of(row["request"]) == owner]
            db.executemany("DELETE FROM queue WHERE position = ?", [(position,) for position in mine])
            (last,) = db.execute("SELECT coalesce(max(position), -1) FROM queue").fetchone()
            lines = list(enumerate(texts, last + 1))
            db.executemany("INSERT INTO queue (position, request) VALUES (?, ?)", lines)

    def load(self) -> tuple[GenerationRequest, ...]:
        """What is this owner's, and what processes that are gone have left; an unreadable line is passed over."""
        found = []
        alive: dict[str, bool] = {self._owner(): False}
        for row in self._database.query(_ALL):
            owner = _owner_of(row["request"])
            if owner not in alive:
                alive[owner] = _is_alive(owner)
            if alive[owner]:
                continue
            try:
                found.append(GenerationRequest.from_json(json.loads(row["request"])["request"]))
            except (KnownError, LookupError, TypeError, ValueError, RecursionError, OverflowError):
                continue
        return tuple(found)

    def adopt(self) -> tuple[GenerationRequest, ...]:
        """As load; from now on all of it is this owner's. Raises KnownError where the disk refuses."""
        owner = self._owner()
        with self._database.transaction() as db:
            for row in db.execute(_ALL).fetchall():
                known = _owner_of(row["request"])
                if known == owner or _is_alive(known):
                    continue
                if not known:
                    db.execute("DELETE FROM queue WHERE position = ?", (row["position"],))
                    continue
                text = json.dumps(json.loads(row["request"]) | {"owner": owner})
                db.execute("UPDATE queue SET request = ? WHERE position = ?", (text, row["position"]))
        return self.load()

    def _owner(self) -> str:
        if self._name is None:
            import psutil

            # Numbers of processes come again; with the time it began at, one is told from all others.
            self._name = f"{os.getpid()} {psutil.Process().create_time()}"
        return self._name


_ALL = "SELECT position, request FROM queue ORDER BY position"


def _owner_of(text: str) -> str:
    """Empty where the line is damaged."""
    try:
        owner = json.loads(text)["owner"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return ""
    return owner if isinstance(owner, str) else ""


def _is_alive(owner: str) -> bool:
    import psutil

    try:
        number, began = owner.split(" ")
        return psutil.Process(int(number)).create_time() == float(began)
    except (ValueError, OverflowError, psutil.Error):
        return False
