import sqlite3
import threading

import pytest

from desktop.errors import KnownError
from desktop.store import database as database_module
from desktop.store import schema
from desktop.store.database import Database
from desktop.store.history import History


def rows(database):
    return [tuple(row) for row in database.query("SELECT position, request FROM queue ORDER BY position")]


def put(database, position, text="x"):
    with database.transaction() as db:
        db.execute("INSERT INTO queue (position, request) VALUES (?, ?)", (position, text))


def test_what_is_written_is_there_after_closing(folders):
    first = Database(folders.database)
    put(first, 1)
    first.close_all()
    second = Database(folders.database)
    assert first.fresh
    assert rows(second) == [(1, "x")]
    assert second.set_aside is None
    second.close_all()
    assert not folders.database.with_name(folders.database.name + "-wal").exists()


def test_a_failed_transaction_leaves_nothing(database):
    with pytest.raises(ZeroDivisionError), database.transaction() as db:
        db.execute("INSERT INTO queue VALUES (1, 'a')")
        put(database, 2)  # joins the outer one
        raise ZeroDivisionError
    assert rows(database) == []
    put(database, 3)
    assert rows(database) == [(3, "x")]


def test_every_thread_has_its_own_connection(database):
    def write(first):
        for position in range(first, first + 25):
            put(database, position)
        database.close()

    threads = [threading.Thread(target=write, args=(100 * n,), name=f"writer {n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(database)) == 100


def test_close_all_closes_what_other_threads_left_open(folders):
    database = Database(folders.database)
    thread = threading.Thread(target=put, args=(database, 1), name="leaver")
    thread.start()
    thread.join()
    database.close_all()
    assert not folders.database.with_name(folders.database.name + "-wal").exists()


def test_a_newer_major_version_is_refused_and_untouched(folders):
    Database(folders.database).close_all()
    with sqlite3.connect(folders.database) as db:
        db.execute(f"PRAGMA user_version = {schema.pack(schema.MAJOR + 1, 0)}")
    db.close()
    before = folders.database.read_bytes()
    with pytest.raises(KnownError, match="newer Safelight"):
        Database(folders.database)
    assert folders.database.read_bytes() == before


def test_a_newer_minor_version_still_opens(folders):
    Database(folders.database).close_all()
    db = sqlite3.connect(folders.database)
    db.execute(f"PRAGMA user_version = {schema.pack(schema.MAJOR, schema.MINOR + 3)}")
    db.close()
    database = Database(folders.database)
    put(database, 1)
    database.close_all()


def test_a_migration_backs_up_first(folders, monkeypatch):
    old = Database(folders.database)
    put(old, 1)
    old.close_all()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE queue ADD COLUMN note TEXT",)))
    monkeypatch.setattr(schema, "MINOR", schema.MINOR + 1)
    new = Database(folders.database)
    assert [tuple(r) for r in new.query("SELECT * FROM queue")] == [(1, "x", None)]
    new.close_all()
    (backup,) = folders.root.glob("safelight.before-*.sqlite3")
    db = sqlite3.connect(backup)
    assert db.execute("SELECT * FROM queue").fetchall() == [(1, "x")]
    db.close()


def test_a_failed_migration_changes_nothing(folders, monkeypatch):
    Database(folders.database).close_all()
    broken = ("ALTER TABLE queue ADD COLUMN note TEXT", "NOT SQL")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    monkeypatch.setattr(schema, "MINOR", schema.MINOR + 1)
    with pytest.raises(sqlite3.OperationalError):
        Database(folders.database)
    monkeypatch.undo()
    database = Database(folders.database)
    put(database, 1)
    database.close_all()


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside_and_a_new_one_made(folders, content):
    folders.database.write_bytes(content)
    database = Database(folders.database)
    assert database.fresh
    assert database.set_aside is not None
    assert database.set_aside.read_bytes() == content
    put(database, 1)
    assert rows(database) == [(1, "x")]
    database.close_all()


def fill(folders, request_of):
    database = Database(folders.database)
    history = History(database)
    for number in range(300):
        history.add(request_of(f"prompt {number} " * 20))
    database.close_all()


def test_damage_that_a_query_meets_is_mended_by_the_next_start(folders, request_of):
    fill(folders, request_of)
    data = bytearray(folders.database.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 40] = b"\xff" * 40
    folders.database.write_bytes(data)
    database = Database(folders.database)
    with pytest.raises(KnownError, match="damaged"):
        History(database).recent()
    database.close_all()
    database = Database(folders.database)
    assert database.set_aside is not None
    assert History(database).recent() == ()
    database.close_all()
    database = Database(folders.database)
    assert database.set_aside is None
    database.close_all()


def test_a_file_cut_short_never_crashes(folders, request_of):
    fill(folders, request_of)
    data = folders.database.read_bytes()
    for length in (50, 100, 4096, 5000, len(data) // 2):
        folders.database.write_bytes(data[:length])
        folders.database.with_name(folders.database.name + ".check").touch()
        database = Database(folders.database)
        assert database.fresh, length
        assert length < 100 or database.set_aside is not None  # SQLite takes less than a header for an empty file
        History(database).add(request_of())
        database.close_all()


def test_a_busy_database_is_a_known_error(folders, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.01)
    database = Database(folders.database)
    other = sqlite3.connect(folders.database)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(KnownError, match="Another program"):
        put(database, 1)
    other.rollback()
    other.close()
    put(database, 1)
    database.close_all()


def test_a_full_disk_is_a_known_error_and_loses_nothing(folders):
    database = Database(folders.database)
    put(database, 1)
    pages = database.query("PRAGMA page_count")[0][0]
    database.query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(KnownError, match="disk is full"):
        put(database, 2, "y" * 100_000)
    assert rows(database) == [(1, "x")]
    database.query("PRAGMA max_page_count = 1000000")
    put(database, 2)
    assert len(rows(database)) == 2
    database.close_all()


def test_a_read_only_database_is_a_known_error(folders):
    database = Database(folders.database)
    database.query("PRAGMA query_only = ON")
    with pytest.raises(KnownError, match="cannot be written to"):
        put(database, 1)
    database.close_all()


def test_a_place_that_cannot_hold_a_database_is_a_known_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(KnownError):
        Database(tmp_path / "file" / "safelight.sqlite3")
    (tmp_path / "folder.sqlite3").mkdir()
    with pytest.raises(KnownError):
        Database(tmp_path / "folder.sqlite3")


def test_a_bug_stays_a_bug(database):
    with pytest.raises(sqlite3.OperationalError):
        database.query("SELECT nonsense FROM nowhere")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as db:
        db.execute("INSERT INTO queue VALUES (1, NULL)")


def test_an_io_error_where_no_room_is_left_is_told_as_a_full_disk(database, monkeypatch):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    with pytest.raises(KnownError, match="The disk failed"):
        database._fail(error)
    monkeypatch.setattr(database_module, "free_bytes", lambda folder: 4096)
    with pytest.raises(KnownError, match="The disk is full"):
        database._fail(error)
