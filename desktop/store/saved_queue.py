"""What still waited when the program ended."""

import json
from collections.abc import Iterable

from desktop.errors import KnownError
from desktop.messages import GenerationRequest
from desktop.store.database import Database


class SavedQueue:
    """The waiting requests, first to run first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, requests: Iterable[GenerationRequest]) -> None:
        """Replace what is kept. Raises KnownError where the disk refuses."""
        texts = [(number, json.dumps(request.to_json())) for number, request in enumerate(requests)]
        with self._database.transaction() as db:
            db.execute("DELETE FROM queue")
            db.executemany("INSERT INTO queue (position, request) VALUES (?, ?)", texts)

    def load(self) -> tuple[GenerationRequest, ...]:
        """What was kept; a line that can no longer be read is passed over."""
        requests = []
        for row in self._database.query("SELECT request FROM queue ORDER BY position"):
            try:
                requests.append(GenerationRequest.from_json(json.loads(row["request"])))
            except (KnownError, ValueError, RecursionError, OverflowError):
                continue
        return tuple(requests)
