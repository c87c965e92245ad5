import errno
import os
import random
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from desktop.errors import KnownError
from desktop.store import names, recipe
from desktop.store.database import Database
from desktop.store.picture_file import open_picture, pixels_digest
from desktop.store.pictures import Pictures
from desktop.store.thumbs import Thumbnails
from tests.store import strategies


def everything(pictures):
    return pictures._database.query("SELECT * FROM pictures ORDER BY id"), pictures.list()


def test_a_saved_picture_is_on_disk_and_in_the_list(pictures, folders, image, request_of):
    request = request_of()
    record = pictures.save(request, image, 1.5, {"device": "CPU"})
    path = Path(record.path)
    assert path.parent.parent == folders.pictures
    assert path.name.endswith("_a-red-apple_seed42.png")
    assert pixels_digest(open_picture(path)) == pixels_digest(image)
    found = recipe.read_recipe(path)
    assert found.request == request
    assert found.extra["device"] == "CPU"
    assert pictures.list() == (record,)
    assert pictures.get(record.id) == pictures.by_path(path) == record
    assert record.seconds == 1.5
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_pictures_of_the_same_second_do_not_overwrite_each_other(pictures, image, request_of, monkeypatch):
    monkeypatch.setattr("desktop.store.pictures.time.time", lambda: 1_800_000_000.25)
    records = [pictures.save(request_of(), image, 1.0, {}) for _ in range(3)]
    assert len({record.path for record in records}) == 3
    assert len({record.id for record in records}) == 3
    assert pictures.list() == tuple(reversed(records))


def test_the_newest_comes_first_and_pages_fit_together(pictures, image, request_of):
    records = [pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(7)]
    pages = [r for offset in (0, 3, 6) for r in pictures.list(limit=3, offset=offset)]
    assert pages == records[::-1]
    assert pictures.count() == 7


def test_pages_fit_together_while_pictures_come_and_go(pictures, image, request_of):
    records = [pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(6)]
    first = pictures.list("apple", limit=3)
    pictures.save(request_of(seed=9), image, 1.0, {})
    pictures.delete([records[5].id])
    assert first + pictures.list("apple", limit=3, before=first[-1].id) == tuple(records[::-1])


@pytest.mark.parametrize("text", ["", "apple"])
def test_neighbours(pictures, image, request_of, text):
    old, middle, new = (pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(3))
    pictures.save(request_of("a red apple, deleted"), image, 1.0, {})
    pictures.delete([pictures.list()[0].id])
    assert pictures.newer(old.id, text) == middle
    assert pictures.older(new.id, text) == middle
    assert pictures.newer(new.id, text) is None
    assert pictures.older(old.id, text) is None
    assert pictures.older(new.id, "zebra") is None


def test_the_search_goes_through_prompts(pictures, image, request_of):
    for prompt in ("a red apple", "赤いリンゴ", "a fox (in snow)"):
        pictures.save(request_of(prompt), image, 1.0, {})
    assert [r.request.prompt for r in pictures.list("app")] == ["a red apple"]
    assert [r.request.prompt for r in pictures.list("リンゴ")] == ["赤いリンゴ"]
    assert [r.request.prompt for r in pictures.list("(")] == ["a fox (in snow)"]
    assert pictures.list("%") == ()
    assert pictures.count("a") == 2
    assert pictures.count("(") == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_nothing_that_is_typed_breaks_the_search(pictures, text):
    assert pictures.count(text) == len(pictures.list(text))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(request=strategies.requests)
def test_any_request_can_be_saved_and_listed(pictures, image, request):
    record = pictures.save(request, image, 0.1, {})
    assert pictures.get(record.id) == record
    assert len(Path(record.path).name.encode()) < 240
    assert recipe.read_request(Path(record.path)) == request


def test_rating(pictures, image, request_of):
    record = pictures.save(request_of(), image, 1.0, {})
    assert pictures.rate(record.id, 4).rating == 4
    assert pictures.list()[0].rating == 4
    with pytest.raises(ValueError):
        pictures.rate(record.id, 6)
    with pytest.raises(KnownError):
        pictures.rate(12345, 1)


def test_undo_gives_back_bytes_and_rows(pictures, image, request_of):
    records = [pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(3)]
    pictures.rate(records[1].id, 5)
    before = everything(pictures)
    contents = [Path(r.path).read_bytes() for r in records]
    deletion = pictures.delete([records[0].id, records[1].id, 999])
    assert pictures.list() == (records[2],)
    assert pictures.count("apple") == 1
    assert pictures.by_path(records[0].path) is None
    assert not Path(records[0].path).exists()
    assert len(pictures.undo(deletion)) == 2
    assert everything(pictures) == before
    assert [Path(r.path).read_bytes() for r in records] == contents


def test_flushing_sends_the_file_to_the_trash_under_its_own_name(pictures, image, request_of, trashed, folders):
    record = pictures.save(request_of(), image, 1.0, {})
    content = Path(record.path).read_bytes()
    deletion = pictures.delete([record.id])
    pictures.flush_deleted()
    assert trashed == [(record.path, content)]
    assert list(folders.deleted.iterdir()) == []
    assert pictures.list() == ()
    with pytest.raises(KnownError, match="trash"):
        pictures.undo(deletion)
    pictures.flush_deleted()
    assert len(trashed) == 1


def test_flushing_leaves_no_thumbnail_of_what_was_deleted(pictures, request_of, folders):
    record = pictures.save(request_of(), Image.new("RGB", (400, 400), "teal"), 1.0, {})
    Thumbnails(folders.thumbnails).get(record.path, 128)
    assert len(list(folders.thumbnails.iterdir())) == 1
    pictures.delete([record.id])
    pictures.flush_deleted()
    assert list(folders.thumbnails.iterdir()) == []


def test_flushing_looks_through_the_thumbnails_once(pictures, request_of, folders, monkeypatch):
    records = [pictures.save(request_of(seed=n), Image.new("RGB", (400, 400), "teal"), 1.0, {}) for n in range(5)]
    for record in records:
        Thumbnails(folders.thumbnails).get(record.path, 128)
    pictures.delete([record.id for record in records[1:]])
    looks, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path=".": looks.append(Path(path)) or scandir(path))
    pictures.flush_deleted()
    assert looks.count(folders.thumbnails) == 1
    assert len(list(folders.thumbnails.iterdir())) == 1


def test_leftovers_of_a_crash_are_flushed_by_the_next_start(pictures, database, folders, image, request_of, trashed):
    record = pictures.save(request_of(), image, 1.0, {})
    pictures.delete([record.id])
    database.close_all()
    again = Database(folders.database)
    Pictures(again, folders, lambda path: (trashed.append(path), Path(path).unlink())).flush_deleted()
    assert trashed == [record.path]
    again.close_all()


def test_a_crash_between_mark_and_move_still_deletes(pictures, image, request_of, trashed, monkeypatch):
    record = pictures.save(request_of(), image, 1.0, {})

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("desktop.store.pictures._move", die)
    with pytest.raises(KeyboardInterrupt):
        pictures.delete([record.id])
    monkeypatch.undo()
    assert pictures.list() == ()
    assert pictures.rebuild().added == ()
    pictures.flush_deleted()
    assert [path for path, _ in trashed] == [record.path]


def test_a_trash_that_refuses_keeps_the_file(database, folders, image, request_of):
    def refuse(_):
        raise OSError("no trash here")

    pictures = Pictures(database, folders, refuse)
    record = pictures.save(request_of(), image, 1.0, {})
    deletion = pictures.delete([record.id])
    with pytest.raises(KnownError, match="did not take 1 deleted picture"):
        pictures.flush_deleted()
    assert pictures.list() == ()
    assert pictures.undo(deletion) == (record,)
    assert Path(record.path).exists()


def test_a_file_that_cannot_be_moved_stays_listed(pictures, image, request_of, monkeypatch):
    first, second = [pictures.save(request_of(seed=n), image, 1.0, {}) for n in range(2)]
    real = os.rename

    def busy(source, target):
        if "seed0" in str(source) and "deleted" in str(target):
            raise PermissionError(errno.EACCES, "in use")
        real(source, target)

    monkeypatch.setattr(os, "rename", busy)
    with pytest.raises(KnownError, match="cannot be written"):
        pictures.delete([first.id, second.id])
    assert pictures.list() == (second, first)
    assert Path(first.path).exists() and Path(second.path).exists()


def test_a_folder_on_another_disk_is_copied_to(pictures, image, request_of, monkeypatch):
    record = pictures.save(request_of(), image, 1.0, {})
    content = Path(record.path).read_bytes()

    def other_disk(*_):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", other_disk)
    deletion = pictures.delete([record.id])
    assert not Path(record.path).exists()
    pictures.undo(deletion)
    assert Path(record.path).read_bytes() == content


def test_a_missing_file_can_be_deleted_and_flushed(pictures, image, request_of, trashed):
    record = pictures.save(request_of(), image, 1.0, {})
    Path(record.path).unlink()
    deletion = pictures.delete([record.id])
    assert pictures.undo(deletion) == (record,)
    pictures.delete([record.id])
    pictures.flush_deleted()
    assert trashed == []
    assert pictures.count() == 0


def test_undo_never_overwrites_another_file(pictures, image, request_of):
    record = pictures.save(request_of(), image, 1.0, {})
    deletion = pictures.delete([record.id])
    Path(record.path).write_bytes(b"somebody else's")
    with pytest.raises(KnownError, match="Another file lies"):
        pictures.undo(deletion)
    assert Path(record.path).read_bytes() == b"somebody else's"
    Path(record.path).unlink()
    assert pictures.undo(deletion) == (record,)


def test_a_crash_between_file_and_record_is_mended_by_rebuild(pictures, image, request_of, monkeypatch):
    kept = pictures.save(request_of("kept"), image, 1.0, {})

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pictures, "_record", die)
    with pytest.raises(KeyboardInterrupt):
        pictures.save(request_of("lost"), image, 2.5, {})
    monkeypatch.undo()
    assert pictures.list() == (kept,)
    rebuilt = pictures.rebuild()
    assert [r.request.prompt for r in rebuilt.added] == ["lost"]
    assert rebuilt.added[0].seconds == 2.5
    assert [r.request.prompt for r in pictures.list()] == ["lost", "kept"]
    assert pictures.rebuild().added == ()


def test_a_new_database_gets_the_same_records_back(pictures, database, folders, image, request_of):
    for number in range(4):
        pictures.save(request_of(f"picture {number}"), image, 0.5 * number, {})
    before = pictures.list()
    database.close_all()
    folders.database.unlink()
    new = Database(folders.database)
    fresh = Pictures(new, folders)
    assert fresh.list() == ()
    assert fresh.rebuild().added == before[::-1]
    assert fresh.list() == before
    assert len(fresh.list("picture 2")) == 1
    new.close_all()


def test_rebuild_passes_over_strangers_and_drops_what_is_gone(pictures, folders, image, request_of):
    record = pictures.save(request_of(), image, 1.0, {})
    gone = pictures.save(request_of("gone"), image, 1.0, {})
    Path(gone.path).unlink()
    image.save(folders.pictures / "stranger.png")
    (folders.pictures / "broken.png").write_bytes(Path(record.path).read_bytes()[:100])
    rebuilt = pictures.rebuild()
    assert (rebuilt.added, rebuilt.removed) == ((), 1)
    assert pictures.list() == (record,)
    assert pictures.count("gone") == 0


def test_rebuild_sweeps_away_what_crashes_left(pictures, folders, image, request_of):
    record = pictures.save(request_of(), image, 1.0, {})
    month = Path(record.path).parent
    for name, age in ((".a.png.x1.part", 90_000), (".a.png.claim", 90_000), (".b.png.x2.part", 10)):
        (month / name).write_bytes(b"half")
        os.utime(month / name, (time.time() - age,) * 2)
    pictures.rebuild()
    assert sorted(p.name for p in month.iterdir()) == [".b.png.x2.part", Path(record.path).name]


def test_rebuild_drops_nothing_when_the_folder_is_gone(pictures, folders, image, request_of):
    record = pictures.save(request_of(), image, 1.0, {})
    folders.pictures.rename(folders.root / "elsewhere")
    with pytest.raises(KnownError, match="is not there"):
        pictures.rebuild()
    (folders.root / "elsewhere").rename(folders.pictures)
    assert pictures.list() == (record,)


def test_the_data_folder_can_be_moved(pictures, database, folders, image, request_of, tmp_path):
    pictures.save(request_of(), image, 1.0, {})
    database.close_all()
    moved = type(folders)(root=tmp_path / "moved")
    folders.root.rename(moved.root)
    new = Database(moved.database)
    (record,) = Pictures(new, moved).list()
    assert Path(record.path).exists()
    new.close_all()


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written to")])
def test_a_disk_that_refuses_leaves_neither_file_nor_row(
    pictures, folders, image, request_of, monkeypatch, number, words
):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(KnownError, match=words):
            pictures.save(request_of(), image, 1.0, {})
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(KnownError, match=words):
            pictures.save(request_of(), image, 1.0, {})
    assert pictures.list() == ()
    assert [p for p in folders.pictures.rglob("*") if p.is_file()] == []


def test_a_database_that_refuses_names_the_safe_picture(pictures, database, folders, image, request_of):
    database.query("PRAGMA query_only = ON")
    with pytest.raises(KnownError) as caught:
        pictures.save(request_of(), image, 1.0, {})
    (path,) = folders.pictures.rglob("*.png")
    assert str(path) in caught.value.hint
    database.query("PRAGMA query_only = OFF")
    assert len(pictures.rebuild().added) == 1


def test_one_thread_saves_while_another_lists_and_deletes(pictures, database, image, request_of):
    saved = []

    def save():
        for number in range(25):
            saved.append(pictures.save(request_of(seed=number), image, 0.1, {}))
        database.close()

    thread = threading.Thread(target=save, name="engine")
    thread.start()
    numbers = random.Random(1)
    while thread.is_alive():
        listed = pictures.list()
        assert all(Path(record.path).exists() for record in listed)
        if listed:
            pictures.undo(pictures.delete([numbers.choice(listed).id]))
    thread.join()
    assert pictures.list() == tuple(reversed(saved))


def test_two_programs_never_get_the_same_name(folders):
    claims = [names.claimed(folders.pictures, "2026-11/a") for _ in range(2)]
    with claims[0] as first, claims[1] as second:
        assert first != second
    assert list((folders.pictures / "2026-11").iterdir()) == []


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("A red apple!", "a-red-apple"),
        ("../../etc/passwd", "etc-passwd"),
        ("赤い リンゴ", "赤い-リンゴ"),
        ("🍎", "picture"),
        ("x" * 200, "x" * 40),
        ("a fox in the deep snow of a very long winter", "a-fox-in-the-deep-snow-of-a-very-long"),
        ("狐" * 100, "狐" * 40),
    ],
)
def test_names_are_readable_and_safe(prompt, slug):
    assert names.slug(prompt) == slug
