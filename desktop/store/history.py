"""Every prompt ever run, searchable as it is typed. It knows nothing of pictures and outlives them."""

import sqlite3
import time
from dataclasses import dataclass

from desktop.messages import GenerationRequest
from desktop.store import words
from desktop.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """last_used: seconds since 1970, UTC, unique among entries. model: the one it was last used with."""

    id: int
    prompt: str
    negative_prompt: str
    model: str
    last_used: float
    uses: int


class History:
    """Prompts in the order of their last use; prompt and negative prompt together are one entry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request: GenerationRequest) -> HistoryEntry:
        """Note that a prompt was run. Raises KnownError where the disk refuses."""
        with self._database.transaction() as db:
            newest = db.execute("SELECT max(turn) FROM history").fetchone()[0] or 0
            turn = max(time.time_ns() // 1000, newest + 1)  # also when the clock was set back
            pair = (request.prompt, request.negative_prompt)
            old = db.execute(
                "SELECT id, turn, uses FROM history WHERE prompt = ? AND negative_prompt = ?", pair
            ).fetchone()
            if old:
                db.execute("DELETE FROM history_text WHERE rowid = ?", (old["turn"],))
                db.execute(
                    "UPDATE history SET turn = ?, model = ?, uses = uses + 1 WHERE id = ?",
                    (turn, request.model, old["id"]),
                )
            else:
                db.execute(
                    "INSERT INTO history (turn, prompt, negative_prompt, model) VALUES (?, ?, ?, ?)",
                    (turn, *pair, request.model),
                )
            _index(db, turn, request.prompt)
            return _entry(db.execute("SELECT * FROM history WHERE turn = ?", (turn,)).fetchone())

    def recent(self, limit: int = 100, offset: int = 0) -> tuple[HistoryEntry, ...]:
        """The last used first."""
        rows = self._database.query("SELECT * FROM history ORDER BY turn DESC LIMIT ? OFFSET ?", (limit, offset))
        return tuple(map(_entry, rows))

    def search(self, text: str, limit: int = 100, offset: int = 0) -> tuple[HistoryEntry, ...]:
        """Prompts with every word of text or a word that begins so, the last used first; empty text finds all."""
        if not text.strip():
            return self.recent(limit, offset)
        wanted = words.query(text)
        if wanted is None:  # only punctuation: not in the index
            rows = self._database.query(
                "SELECT * FROM history WHERE prompt LIKE ? ESCAPE '\\' ORDER BY turn DESC LIMIT ? OFFSET ?",
                (words.like(text), limit, offset),
            )
        else:
            # CROSS JOIN: the index walks from the newest and stops at the limit; otherwise all would be sorted.
            rows = self._database.query(
                "SELECT h.* FROM history_text AS t CROSS JOIN history AS h ON h.turn = t.rowid"
                " WHERE history_text MATCH ? ORDER BY t.rowid DESC LIMIT ? OFFSET ?",
                (wanted, limit, offset),
            )
        return tuple(map(_entry, rows))

    def count(self) -> int:
        return self._database.query("SELECT count(*) FROM history")[0][0]

    def remove(self, entry: HistoryEntry) -> None:
        """Forget a prompt; restore undoes it."""
        with self._database.transaction() as db:
            pair = (entry.prompt, entry.negative_prompt)
            found = db.execute(
                "DELETE FROM history WHERE prompt = ? AND negative_prompt = ? RETURNING turn", pair
            ).fetchall()
            for row in found:
                db.execute("DELETE FROM history_text WHERE rowid = ?", (row["turn"],))

    def restore(self, entry: HistoryEntry) -> None:
        """Put a removed entry back where it was; one that was run again since stays as it is now."""
        turn = round(entry.last_used * 1_000_000)
        with self._database.transaction() as db:
            done = db.execute(
                "INSERT INTO history (id, turn, prompt, negative_prompt, model, uses)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (entry.id, turn, entry.prompt, entry.negative_prompt, entry.model, entry.uses),
            )
            if done.rowcount:
                _index(db, turn, entry.prompt)


def _index(db: sqlite3.Connection, turn: int, prompt: str) -> None:
    db.execute("INSERT INTO history_text (rowid, words) VALUES (?, ?)", (turn, words.segment(prompt)))


def _entry(row: sqlite3.Row) -> HistoryEntry:
    return HistoryEntry(
        id=row["id"],
        prompt=row["prompt"],
        negative_prompt=row["negative_prompt"],
        model=row["model"],
        last_used=row["turn"] / 1_000_000,
        uses=row["uses"],
    )
