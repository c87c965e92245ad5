"""Grids whose sheet is not made yet. They are kept, so that one which the program's end interrupts gets its sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from desktop.errors import KnownError

if TYPE_CHECKING:
    from desktop.grids import Grid, Results
    from desktop.messages import GenerationRequest, PictureRecord
    from desktop.store.database import Database
    from desktop.store.pictures import Pictures


class UnfinishedGrids:
    """Every call waits for the disk, and may raise KnownError."""

    def __init__(self, database: Database, pictures: Pictures) -> None:
        self._database, self._pictures = database, pictures

    def keep(self, grid: Grid) -> int:
        """Remember it until it is finished. Returns the number it is kept under."""
        with self._database.transaction() as db:
            cursor = db.execute("INSERT INTO grids (grid) VALUES (?)", (json.dumps(grid.kept()),))
            return cursor.lastrowid

    def load(self) -> tuple[tuple[int, Grid], ...]:
        """What is kept, the oldest first; what somebody damaged is forgotten."""
        found = []
        for row in self._database.query("SELECT id, grid FROM grids ORDER BY id"):
            from desktop.grids import grid_from

            try:
                found.append((row["id"], grid_from(json.loads(row["grid"]))))
            except (KnownError, LookupError, TypeError, ValueError, RecursionError, OverflowError):
                self._forget(row["id"])
        return tuple(found)

    def drawn(self, grid: Grid) -> dict[GenerationRequest, PictureRecord]:
        """The pictures of the grid that are there; equal settings are equal pixels, whenever they were drawn."""
        found = {request: self._pictures.made_from(request) for request in grid.order}
        return {request: record for request, record in found.items() if record is not None}

    def finish(self, number: int | None, grid: Grid, results: Results) -> PictureRecord | None:
        """Draw the sheet, make it one of the gallery's pictures and forget the grid; None where no picture was made.

        number: what it is kept under, None where it is not. Takes seconds where there are many pictures.
        """
        from desktop.sheets import keep_sheet, sheet_among

        try:
            record = keep_sheet(grid, results, sheet_among(self._pictures))
        except KnownError:  # a full disk, say; the next start tries again
            raise
        except Exception:
            self._forget(number)  # else it would fail at every start
            raise
        self._forget(number)
        return record

    def _forget(self, number: int | None) -> None:
        if number is not None:
            with self._database.transaction() as db:
                db.execute("DELETE FROM grids WHERE id = ?", (number,))
