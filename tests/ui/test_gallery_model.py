import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt

from desktop.errors import KnownError
from desktop.ui.gallery import AT_ONCE_MAX, Gallery
from desktop.ui.gallery_model import RECORD, GalleryModel
from tests.ui.gallery_parts import Shelf


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "data")
    yield shelf
    shelf.database.close_all()


@pytest.fixture
def gallery(shelf, qapp):
    gallery = Gallery(shelf.pictures, shelf.thumbs)
    yield gallery
    gallery.close()


def seeds(model):
    return [model.index(row).data(RECORD).request.seed for row in range(model.rowCount())]


def test_the_newest_comes_first(shelf, gallery, qtmodeltester):
    for seed in range(3):
        shelf.save(seed=seed)
    model = GalleryModel(gallery)
    assert seeds(model) == [2, 1, 0]
    assert model.count() == 3
    qtmodeltester.check(model)


def test_pages_are_read_as_they_are_needed(shelf, gallery):
    for seed in range(10):
        shelf.save(seed=seed)
    model = GalleryModel(gallery, page=4)
    assert model.rowCount() == 4
    gallery.on_saved(shelf.save(seed=10))
    gallery.delete([model.record(model.index(1))])
    while model.canFetchMore(QModelIndex()):
        model.fetchMore(QModelIndex())
    assert seeds(model) == [10, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert model.count() == 10


def test_a_saved_picture_comes_on_top_without_a_reset(shelf, gallery, qtbot):
    shelf.save(seed=1)
    model = GalleryModel(gallery)
    record = shelf.save(seed=2)
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.rowsInserted):
        gallery.on_saved(record)
    gallery.on_saved(record)  # told twice, shown once
    assert seeds(model) == [2, 1]


def test_deleting_and_undoing_bring_the_same_rows_back(shelf, gallery, qtbot):
    for seed in range(5):
        shelf.save(seed=seed)
    model = GalleryModel(gallery)
    with qtbot.waitSignal(gallery.deleted):
        gallery.delete([model.record(model.index(row)) for row in (0, 3)])
    assert seeds(model) == [3, 2, 0]
    gallery.delete([model.record(model.index(1))])
    assert gallery.undo_delete()
    assert seeds(model) == [3, 2, 0]
    assert gallery.undo_delete()
    assert seeds(model) == [4, 3, 2, 1, 0]
    assert not gallery.undo_delete()


def test_a_new_picture_is_shown_after_all_that_were_there_are_deleted(shelf, gallery):
    for seed in range(3):
        shelf.save(seed=seed)
    model = GalleryModel(gallery)
    gallery.delete([model.record(model.index(row)) for row in range(3)])
    gallery.on_saved(shelf.save(seed=9))
    assert seeds(model) == [9]


def test_many_are_moved_on_a_thread_of_their_own(shelf, gallery, qtbot, monkeypatch):
    records = [shelf.save(seed=seed) for seed in range(AT_ONCE_MAX + 1)]
    model = GalleryModel(gallery)
    movers = []

    def noted(real):
        return lambda what: movers.append(threading.current_thread().name) or real(what)

    for name in ("delete", "undo"):
        monkeypatch.setattr(shelf.pictures, name, noted(getattr(shelf.pictures, name)))
    deletions = []
    gallery.deleted.connect(deletions.append)
    with qtbot.waitSignals([gallery.removed, gallery.removed]):
        gallery.delete(records)
        assert model.rowCount() == len(records), "they are there until they are gone"
        gallery.delete(records)
    assert sum(len(deletion.records) for deletion in deletions) == len(records) and model.rowCount() == 0
    for _ in deletions:
        with qtbot.waitSignal(gallery.restored):
            assert gallery.undo_delete()
    assert model.rowCount() == len(records) and all(Path(record.path).exists() for record in records)
    assert set(movers) == {"picture-mover"}


def test_many_that_cannot_be_moved_stay_and_it_is_told(shelf, gallery, qtbot, monkeypatch):
    records = [shelf.save(seed=seed) for seed in range(AT_ONCE_MAX + 1)]
    monkeypatch.setattr(shelf.pictures, "delete", lambda ids: Path("/nowhere/there").unlink())
    with qtbot.waitSignal(gallery.problem) as told, qtbot.assertNotEmitted(gallery.deleted):
        gallery.delete(records)
    assert "could not be moved" in told.args[0].message


def test_what_was_asked_for_twice_and_cannot_be_moved_is_shown_again(shelf, gallery, qtbot, monkeypatch):
    records = [shelf.save(seed=seed) for seed in range(AT_ONCE_MAX + 1)]
    model, refused = GalleryModel(gallery), threading.Event()

    def refuse(source, target):
        refused.wait(20)
        raise KnownError("The disk refuses")

    monkeypatch.setattr("desktop.store.pictures._move", refuse)
    with qtbot.waitSignal(gallery.removed):
        gallery.delete(records)
        gallery.delete(records)
    assert model.rowCount() == 0
    with qtbot.waitSignal(gallery.problem):
        refused.set()
    assert model.rowCount() == len(records)


def test_a_search_shows_only_what_it_finds(shelf, gallery):
    for prompt in ("a red apple", "a fox", "red fox"):
        shelf.save(prompt)
    model = GalleryModel(gallery)
    model.set_text("fo")
    assert [model.index(row).data() for row in range(2)] == ["red fox", "a fox"]
    gallery.on_saved(shelf.save("an owl"))
    assert model.rowCount() == 2
    gallery.on_saved(shelf.save("fox in snow"))
    assert model.rowCount() == 3
    gallery.delete([model.record(model.index(0))])
    gallery.undo_delete()
    assert model.index(0).data() == "fox in snow"
    model.set_text("")
    assert model.rowCount() == 5


def test_a_rating_changes_one_row_and_a_second_takes_it_away(shelf, gallery, qtbot):
    for seed in range(2):
        shelf.save(seed=seed)
    model = GalleryModel(gallery)
    with qtbot.waitSignal(model.dataChanged):
        gallery.rate([model.record(model.index(1))], 4)
    assert model.record(model.index(1)).rating == 4
    assert "4 stars" in model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    gallery.rate([model.record(model.index(1))], 4)
    assert model.record(model.index(1)).rating == 0


def test_a_drag_carries_the_files(shelf, gallery):
    record = shelf.save()
    model = GalleryModel(gallery)
    data = model.mimeData([model.index(0)])
    assert [url.toLocalFile() for url in data.urls()] == [record.path]


def test_a_prompt_is_never_read_as_html(shelf, gallery):
    shelf.save("<b>bold</b>")
    model = GalleryModel(gallery)
    tip = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip and "bold" in tip


def test_trouble_is_told_and_the_list_stays_empty(shelf, gallery, qtbot, monkeypatch):
    def fail(*_, **__):
        raise KnownError("The database is damaged")

    monkeypatch.setattr(shelf.pictures, "list", fail)
    with qtbot.waitSignal(gallery.problem) as told:
        model = GalleryModel(gallery)
    assert told.args[0].message == "The database is damaged"
    assert model.rowCount() == 0


def test_a_failed_delete_changes_nothing(shelf, gallery, qtbot, monkeypatch):
    shelf.save()
    model = GalleryModel(gallery)

    def fail(ids):
        raise KnownError("The file is in use")

    monkeypatch.setattr(shelf.pictures, "delete", fail)
    with qtbot.waitSignal(gallery.problem), qtbot.assertNotEmitted(gallery.deleted):
        gallery.delete([model.record(model.index(0))])
    assert model.rowCount() == 1


def test_a_reload_shows_what_a_rebuild_found(shelf, gallery):
    shelf.save(seed=1)
    model = GalleryModel(gallery)
    shelf.save(seed=2)
    gallery.reload()
    assert seeds(model) == [2, 1]


def test_an_undo_that_a_file_is_in_the_way_of_can_be_asked_for_again(shelf, gallery, qtbot):
    first, second = (shelf.save(seed=seed) for seed in range(2))
    model = GalleryModel(gallery)
    gallery.delete([first, second])
    Path(first.path).write_text("somebody else's")
    with qtbot.waitSignals([gallery.problem, gallery.still_deleted]):
        assert not gallery.undo_delete()
    assert seeds(model) == [1], "the other one is back"
    Path(first.path).unlink()
    assert gallery.undo_delete()
    model.fetchMore(QModelIndex())  # as a view does at its end
    assert seeds(model) == [1, 0]
    assert not gallery.undo_delete()
