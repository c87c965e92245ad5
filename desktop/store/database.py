"""The one SQLite file: connections, transactions, migration, and what to do when it is damaged."""

import contextlib
import errno
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from desktop.errors import KnownError
from desktop.files import disk_error, free_bytes
from desktop.store import schema

ROOM_BYTES = 2**20  # with less, the disk counts as full
BUSY_SECONDS = 5.0  # how long a write waits for another thread's or program's write


class Database:
    """One file, one connection a thread.

    fresh: whether the tables are new and pictures that are on disk already have not been recorded again since
    (Pictures.rebuild, then recovered()); a file beside the database remembers it over crashes and restarts.
    set_aside: while fresh, where the damaged file that was here before was moved to, else None.
    Raises KnownError where the file cannot be opened, or was written by a newer program.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._suspicion = self._path.with_name(self._path.name + ".check")
        self._unrecovered = self._path.with_name(self._path.name + ".recover")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[tuple[weakref.ref[threading.Thread], sqlite3.Connection]] = []
        self.set_aside: Path | None = None
        self.fresh = False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(self._path.parent, error) from error
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close_all()
            if not _is_damage(error):
                self._fail(error)
            self._set_aside()
            try:
                self._prepare()
            except sqlite3.DatabaseError as again:
                self.close_all()
                self._fail(again)
        except BaseException:
            self.close_all()
            raise
        self.fresh = self._unrecovered.exists()
        if self.fresh and self.set_aside is None:
            name = self._unrecovered.read_text("utf-8").strip()
            self.set_aside = self._path.with_name(name) if name else None

    def recovered(self) -> None:
        """What was on disk is recorded again."""
        with contextlib.suppress(OSError):  # then it is recorded once more at the next start, which changes nothing
            self._unrecovered.unlink()
        self.fresh, self.set_aside = False, None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The only way in for writes: all of the block is kept, or none of it. A nested one joins the outer.

        Raises KnownError where the disk refuses; what the block raises passes through after the rollback.
        """
        try:
            connection = self._connection()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            self._fail(error)

    def query(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Read; outside a transaction this never waits for a writer. Raises KnownError where it cannot be read."""
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._fail(error)

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens a new one."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            return
        self._local.connection = None
        with self._lock:
            self._open = [entry for entry in self._open if entry[1] is not connection]
        connection.close()

    def close_all(self) -> None:
        """Close every thread's connection; call it when no other thread uses the database any more."""
        with self._lock:
            entries, self._open = self._open, []
        for _, connection in entries:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        # check_same_thread: close_all closes for threads that are gone; otherwise each thread keeps to its own.
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # in WAL: a power cut costs the last moments only
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        with self._lock:
            gone = [entry for entry in self._open if (thread := entry[0]()) is None or not thread.is_alive()]
            self._open = [entry for entry in self._open if entry not in gone]
            self._open.append((weakref.ref(threading.current_thread()), connection))
        for _, old in gone:
            old.close()
        return connection

    def _prepare(self) -> None:
        # A check reads everything (60 ms for 50,000 pictures), so it runs only after a crash, which leaves the
        # write-ahead log behind, or after a query met damage.
        log = self._path.with_name(self._path.name + "-wal")
        suspicious = log.exists() or self._suspicion.exists()
        connection = self._connection()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        major, minor = schema.unpack(version)
        if major > schema.MAJOR:
            raise KnownError(
                f"The database {self._path.name} was written by a newer Safelight",
                "Bring this program up to date, or name another folder with --data.",
            )
        if version and suspicious:
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("malformed")
            self._suspicion.unlink(missing_ok=True)
        if version == 0 and not self._unrecovered.exists():
            self._unrecovered.write_text("" if self.set_aside is None else self.set_aside.name, "utf-8")
        if minor < schema.MINOR:
            if version:
                self._back_up(connection, f"before-{schema.MAJOR}.{schema.MINOR}")
            self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        with self.transaction():
            # Read again under the lock: another program may have migrated in between.
            _, minor = schema.unpack(connection.execute("PRAGMA user_version").fetchone()[0])
            for statements in schema.MIGRATIONS[minor:]:
                for statement in statements:
                    connection.execute(statement)
            if minor < schema.MINOR:
                connection.execute(f"PRAGMA user_version = {schema.pack(schema.MAJOR, schema.MINOR)}")

    def _back_up(self, connection: sqlite3.Connection, word: str) -> None:
        target = self._path.with_suffix(f".{word}.sqlite3")
        with contextlib.closing(sqlite3.connect(target)) as backup:
            connection.backup(backup)

    def _set_aside(self) -> None:
        """Move the damaged file and its companions out of the way; nothing is thrown away."""
        name = f"{self._path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
        number = 1
        while (target := self._path.with_name(f"{name}-{number}.sqlite3")).exists():
            number += 1
        try:
            self._path.replace(target)
            for tail in ("-wal", "-shm"):
                companion = self._path.with_name(self._path.name + tail)
                if companion.exists():
                    companion.replace(target.with_name(target.name + tail))
            self._suspicion.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(self._path.parent, error) from error
        self.set_aside = target

    def _fail(self, error: sqlite3.DatabaseError) -> NoReturn:
        """Raise what the user is told; a broken rule of the schema or wrong SQL is a bug and goes on as it is."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # Where there is no room for the file that its readers share, SQLite speaks of an I/O error.
        full = code == sqlite3.SQLITE_IOERR and free_bytes(self._path.parent) < ROOM_BYTES
        if full or code == sqlite3.SQLITE_FULL:
            raise disk_error(self._path.parent, OSError(errno.ENOSPC, "full")) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise disk_error(self._path.parent, OSError(errno.EACCES, "refused")) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise KnownError(
                "Another program is busy with Safelight's database", "Close it, or try again in a moment."
            ) from error
        if code == sqlite3.SQLITE_IOERR:
            raise KnownError(
                f"The disk failed under the database {self._path.name} ({error})",
                "Check the disk and its free space, then try again.",
            ) from error
        if _is_damage(error):
            with contextlib.suppress(OSError):
                self._suspicion.touch()
            raise KnownError(
                f"The database {self._path.name} is damaged",
                "Start Safelight again: it sets the database aside and finds the pictures again.",
            ) from error
        raise error


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "malformed" in str(error)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
