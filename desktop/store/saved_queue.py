"""What still waited when a program ended.

A window and commands may work on the same pictures at once, so each line says whose it is; only what a process that is
gone has left is anybody's. Each owner holds a file of its name for as long as it lives: numbers of processes come
again, and the time one began at moves with the system's clock.
"""

import contextlib
import json
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from desktop.errors import KnownError
from desktop.files import disk_error
from desktop.held_file import HeldFile
from desktop.messages import GenerationRequest
from desktop.store.database import Database


class SavedQueue:
    """The waiting requests, first to run first. folder: where those who keep some hold their files; made when needed.

    Each object is an owner of its own, until close.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._name = ""  # until there is something to own
        self._file: HeldFile | None = None

    def keep(self, requests: Iterable[GenerationRequest]) -> None:
        """Replace what is this owner's. Raises KnownError where the disk refuses."""
        wanted = tuple(requests)
        if not wanted and not self._name:
            return
        with self._database.transaction() as db:
            owner = self._owner()
            texts = [json.dumps({"owner": owner, "request": request.to_json()}) for request in wanted]
            mine = [row["position"] for row in db.execute(_ALL) if _owner_of(row["request"]) == owner]
            db.executemany("DELETE FROM queue WHERE position = ?", [(position,) for position in mine])
            (last,) = db.execute("SELECT coalesce(max(position), -1) FROM queue").fetchone()
            lines = list(enumerate(texts, last + 1))
            db.executemany("INSERT INTO queue (position, request) VALUES (?, ?)", lines)

    def load(self) -> tuple[GenerationRequest, ...]:
        """What is this owner's, and what processes that are gone have left; an unreadable line is passed over."""
        found = []
        alive: dict[str, bool] = {self._name: False}
        for row in self._database.query(_ALL):
            owner = _owner_of(row["request"])
            if owner not in alive:
                alive[owner] = self._is_alive(owner)
            if alive[owner]:
                continue
            try:
                found.append(GenerationRequest.from_json(json.loads(row["request"])["request"]))
            except (KnownError, LookupError, TypeError, ValueError, RecursionError, OverflowError):
                continue
        return tuple(found)

    def adopt(self) -> tuple[GenerationRequest, ...]:
        """As load; from now on all of it is this owner's. Raises KnownError where the disk refuses."""
        with self._database.transaction() as db:
            alive: dict[str, bool] = {}
            for row in db.execute(_ALL).fetchall():
                known = _owner_of(row["request"])
                if not known:
                    db.execute("DELETE FROM queue WHERE position = ?", (row["position"],))
                    continue
                if known not in alive:
                    alive[known] = known == self._name or self._is_alive(known)
                if alive[known]:
                    continue
                text = json.dumps(json.loads(row["request"]) | {"owner": self._owner()})
                db.execute("UPDATE queue SET request = ? WHERE position = ?", (text, row["position"]))
            for path in self._folder.glob("*.lock"):
                if path.stem != self._name:
                    self._is_alive(path.stem)  # takes away the file of one that is gone
        return self.load()

    def close(self) -> None:
        """What is still kept is anybody's from now on."""
        self._name = ""
        if self._file is not None:
            self._file.release()
            self._file = None

    def _owner(self) -> str:
        """Inside a transaction, so that nobody takes the file away before it is held. Raises KnownError."""
        if not self._name:
            name = secrets.token_hex(16)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                file = HeldFile(self._folder / f"{name}.lock")
                file.take()  # nobody else knows the name
            except OSError as error:
                raise disk_error(self._folder, error) from error
            self._name, self._file = name, file
        return self._name

    def _is_alive(self, owner: str) -> bool:
        path = self._folder / f"{owner}.lock"
        if not _NAME.fullmatch(owner) or not path.exists():
            return False
        file = HeldFile(path)
        with contextlib.suppress(OSError):
            if not file.take():
                return True
            file.release()
        return False


_NAME = re.compile("[0-9a-f]{32}")
_ALL = "SELECT position, request FROM queue ORDER BY position"


def _owner_of(text: str) -> str:
    """Empty where the line is damaged."""
    try:
        owner = json.loads(text)["owner"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return ""
    return owner if isinstance(owner, str) else ""
