"""Deletions become final beside everything else, and nothing is lost where there is no time for them."""

import threading
from pathlib import Path

import pytest

from desktop.store.deletions import Deletions
from desktop.store.pictures import Pictures


class Trash:
    """Takes as many as it is allowed to, then waits for more room."""

    def __init__(self):
        self.taken: list[str] = []
        self.room = threading.Semaphore(0)
        self.asked = threading.Event()

    def __call__(self, path):
        self.asked.set()
        self.room.acquire()
        Path(path).unlink()
        self.taken.append(path)


@pytest.fixture
def trash():
    return Trash()


@pytest.fixture
def pictures(database, folders, trash):
    return Pictures(database, folders, trash)


@pytest.fixture
def deleted(pictures, image, request_of):
    """Four pictures, the first to be flushed first."""
    records = [pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(4)]
    pictures.delete([record.id for record in records])
    return records


def test_beginning_waits_for_nothing(pictures, trash, deleted):
    deletions = Deletions(pictures)
    deletions.begin()
    assert trash.asked.wait(5)
    assert trash.taken == []
    trash.room.release(4)
    assert deletions.close()
    assert trash.taken == [record.path for record in deleted]
    assert pictures.deleted() == frozenset()


def test_what_there_is_no_time_for_goes_the_next_time(pictures, trash, deleted, folders):
    deletions = Deletions(pictures)
    deletions.begin()
    assert trash.asked.wait(5)
    closed = threading.Thread(target=deletions.close, args=(0.0,))
    closed.start()
    deletions._enough.wait(5)
    trash.room.release(4)
    closed.join()
    assert trash.taken == [deleted[0].path], "the one it was at, and no other"
    assert pictures.deleted() == {record.id for record in deleted[1:]}
    kept = sorted(path.name for path in folders.deleted.glob("*/*.png"))
    assert kept == sorted(Path(record.path).name for record in deleted[1:])
    again = Deletions(pictures)
    again.begin(pictures.deleted())
    assert again.close()
    assert sorted(trash.taken) == sorted(record.path for record in deleted)


def test_a_trash_that_never_answers_holds_nobody_up(pictures, trash, deleted, monkeypatch):
    monkeypatch.setattr("desktop.store.deletions.ONE_PICTURE_SECONDS", 0.01)
    deletions = Deletions(pictures)
    deletions.begin()
    assert trash.asked.wait(5)
    assert not deletions.close(0.0)
    assert pictures.deleted() == {record.id for record in deleted}
    assert Path(deleted[0].path).exists(), "the file is where the trash was to take it from"
    assert pictures.rebuild().added == (), "and it does not come back by that"
    trash.room.release(4)
    assert deletions.close()


def test_only_what_was_deleted_before_goes_while_the_rest_can_be_taken_back(pictures, trash, image, request_of):
    old, new = (pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(2))
    pictures.delete([old.id])
    left = pictures.deleted()
    deletion = pictures.delete([new.id])
    trash.room.release(2)
    deletions = Deletions(pictures)
    deletions.begin(left)
    deletions._thread.join()
    assert trash.taken == [old.path]
    assert pictures.undo(deletion) == (new,)
    assert Path(new.path).exists()
    deletions.begin()
    assert deletions.close()
    assert pictures.list() == (new,)
