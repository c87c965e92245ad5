"""Branches in the gallery: the tree beside the grid, and branches behind what they grew from."""

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QApplication

from desktop.messages import Branch
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_model import RECORD, GalleryModel
from desktop.ui.gallery_page import GalleryPage
from tests.ui.gallery_parts import Shelf
from tests.ui.test_gallery_page import select

Key = Qt.Key


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "data")
    yield shelf
    shelf.database.close_all()


@pytest.fixture
def gallery(shelf, qapp):
    gallery = Gallery(shelf.pictures, shelf.thumbs, kinship=shelf.kinship)
    yield gallery
    gallery.close()


@pytest.fixture
def page(gallery, qtbot):
    page = GalleryPage(gallery)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    yield page
    page.wait()


def grow(shelf, trunk, step, prompt, **changes):
    request = trunk.request.replace(prompt=prompt, branch=Branch(trunk=trunk.request, step=step), **changes)
    return shelf.save(branch=request.branch, prompt=prompt, **changes)


@pytest.fixture
def tree(shelf):
    """An apple, a pear and a plum from it, a lemon from the pear, and an owl that has nothing to do with them."""
    apple = shelf.save("apple")
    pear = grow(shelf, apple, 6, "pear")
    owl = shelf.save("owl")
    plum = grow(shelf, apple, 9, "plum", seed=5)
    lemon = grow(shelf, pear, 12, "lemon")
    return apple, pear, owl, plum, lemon


def prompts(model):
    return [model.index(row).data(RECORD).request.prompt for row in range(model.rowCount())]


def show(page, qtbot, record):
    with qtbot.waitSignal(page.details.family._reader.done):
        page.view.choose(page.model.index_of(record.id))
    return page.details.family


def lines(family):
    return [(row.kin.depth, row._title, row._what) for row in family.rows]


def test_a_picture_shows_the_tree_it_is_in(page, qtbot, tree, gallery):
    gallery.reload()
    family = show(page, qtbot, tree[1])
    assert family.isVisible()
    assert lines(family) == [
        (0, "apple", "20 steps, seed 1"),
        (1, "Step 6: prompt", "pear"),
        (2, "Step 12: prompt", "lemon"),
        (1, "Step 9: prompt, seed", "plum"),
    ]
    assert "this picture" in family.rows[1].accessibleName()


def test_a_picture_without_kin_shows_none(page, qtbot, tree, gallery):
    gallery.reload()
    family = show(page, qtbot, tree[1])
    show(page, qtbot, tree[2])
    assert not family.isVisible()


def test_a_click_or_a_key_on_the_tree_chooses_that_picture(page, qtbot, tree, gallery):
    gallery.reload()
    family = show(page, qtbot, tree[1])
    with qtbot.waitSignal(family._reader.done):
        qtbot.mouseClick(family.rows[0], Qt.MouseButton.LeftButton)
    assert page.view.records() == [tree[0]]
    family.rows[0].setFocus()
    qtbot.keyClick(family.rows[0], Key.Key_Down)
    qtbot.keyClick(family.rows[1], Key.Key_Down)
    assert QApplication.focusWidget() is family.rows[2]
    with qtbot.waitSignal(family._reader.done):
        qtbot.keyClick(family.rows[2], Key.Key_Return)
    assert page.details.records == (tree[4],)
    assert QApplication.focusWidget() is family.rows[2], "the keys go on from there"


def test_a_deleted_trunk_is_told_and_the_tree_goes_on(page, qtbot, tree, gallery):
    gallery.reload()
    family = show(page, qtbot, tree[1])
    with qtbot.waitSignal(family._reader.done):
        gallery.delete([tree[0]])
    assert lines(family)[0] == (0, "Deleted", "apple")
    qtbot.mouseClick(family.rows[0], Qt.MouseButton.LeftButton)
    assert page.details.records == (tree[1],)
    with qtbot.waitSignal(family._reader.done):
        gallery.undo_delete()
    assert lines(family)[0][1] == "apple"


def test_a_new_branch_appears_in_the_tree_that_is_shown(page, qtbot, tree, gallery, shelf):
    gallery.reload()
    family = show(page, qtbot, tree[1])
    with qtbot.waitSignal(family._reader.done):
        gallery.on_saved(grow(shelf, tree[0], 3, "cherry"))
    assert (1, "Step 3: prompt", "cherry") in lines(family)


def test_the_grid_puts_branches_behind_what_they_grew_from_on_request(page, qtbot, tree, gallery):
    gallery.reload()
    assert prompts(page.model) == ["lemon", "plum", "owl", "pear", "apple"]
    with qtbot.waitSignal(page.model.modelReset):
        page.group.click()
    assert prompts(page.model) == ["owl", "apple", "pear", "lemon", "plum"]
    page.search.setText("pear")
    assert prompts(page.model) == ["pear"]
    page.search.clear()
    page.group.click()
    assert prompts(page.model) == ["lemon", "plum", "owl", "pear", "apple"]


@pytest.fixture
def grouped(gallery, tree):
    model = GalleryModel(gallery, page=2)
    model.set_grouped(True)
    while model.canFetchMore(model.index(-1)):
        model.fetchMore(model.index(-1))
    yield model
    model.wait()


def test_groups_are_read_page_by_page(grouped, gallery, shelf, qtmodeltester):
    for number in range(5):
        shelf.save(f"cat {number}")
    grouped.reload()
    assert prompts(grouped) == ["cat 4", "cat 3"]
    grouped.fetchMore(grouped.index(-1))
    grouped.fetchMore(grouped.index(-1))
    assert prompts(grouped) == ["cat 4", "cat 3", "cat 2", "cat 1", "cat 0", "owl"]
    grouped.fetchMore(grouped.index(-1))
    grouped.fetchMore(grouped.index(-1))
    assert prompts(grouped)[6:] == ["apple", "pear", "lemon", "plum"]
    qtmodeltester.check(grouped)


def test_what_is_made_meanwhile_stands_where_it_belongs(grouped, gallery, shelf, tree):
    gallery.on_saved(grow(shelf, tree[1], 3, "cherry"))
    gallery.on_saved(shelf.save("cat"))
    gallery.on_saved(grow(shelf, tree[2], 3, "eagle"))
    expected = ["cat", "owl", "eagle", "apple", "pear", "lemon", "cherry", "plum"]
    assert prompts(grouped) == expected
    grouped.reload()
    while grouped.canFetchMore(grouped.index(-1)):
        grouped.fetchMore(grouped.index(-1))
    assert prompts(grouped) == expected, "and there too when all is read again"


def wait_for_order(qtbot, model, *expected):
    qtbot.waitUntil(lambda: not model._rereading)
    assert prompts(model) == list(expected)
    assert prompts(model) == read_again(model), "and there too when all is read again"


def read_again(model):
    """What the database says, as far as the list is read."""
    return [record.request.prompt for _, record in model._gallery.kinship.groups(model.rowCount())]


def test_deleting_and_taking_back_keeps_the_order(grouped, gallery, tree, qtbot):
    gallery.delete([tree[1]])
    wait_for_order(qtbot, grouped, "lemon", "owl", "apple", "plum")
    gallery.undo_delete()
    wait_for_order(qtbot, grouped, "owl", "apple", "pear", "lemon", "plum")


def test_branches_of_a_deleted_trunk_are_shown_once_and_by_themselves(gallery, shelf, qtbot):
    """Though the list was not read to its end when the trunk went."""
    shelf.save("old")
    shelf.save("older cat")
    trunk = shelf.save("trunk")
    for number in range(3):
        grow(shelf, trunk, 3, f"branch {number}")
    shelf.save("newest")
    model = GalleryModel(gallery, page=4)
    model.set_grouped(True)
    assert prompts(model) == ["newest", "trunk", "branch 0", "branch 1"]
    gallery.delete([trunk])
    wait_for_order(qtbot, model, "newest", "branch 2", "branch 1", "branch 0")
    while model.canFetchMore(QModelIndex()):
        model.fetchMore(QModelIndex())
    assert prompts(model) == ["newest", "branch 2", "branch 1", "branch 0", "older cat", "old"]
    gallery.undo_delete()
    wait_for_order(qtbot, model, "newest", "trunk", "branch 0", "branch 1", "branch 2", "older cat", "old")


def test_a_trunk_deleted_at_the_end_of_a_page_loses_no_branch(gallery, shelf, qtbot):
    shelf.save("old")
    trunk = shelf.save("trunk")
    grow(shelf, trunk, 3, "branch")
    shelf.save("newest")
    model = GalleryModel(gallery, page=2)
    model.set_grouped(True)
    assert prompts(model) == ["newest", "trunk"]
    gallery.delete([trunk])
    wait_for_order(qtbot, model, "newest", "branch")


def test_a_picture_saved_while_the_list_is_read_again_is_there(grouped, gallery, shelf, tree, qtbot):
    gallery.delete([tree[0]])
    gallery.on_saved(shelf.save("cat"))
    gallery.delete([tree[2]])
    wait_for_order(qtbot, grouped, "cat", "plum", "pear", "lemon")


def test_a_branch_of_what_is_not_read_yet_comes_with_its_page(gallery, shelf, qtbot):
    trunk = shelf.save("trunk")
    grow(shelf, trunk, 3, "first")
    for number in range(3):
        shelf.save(f"cat {number}")
    model = GalleryModel(gallery, page=2)
    model.set_grouped(True)
    gallery.on_saved(grow(shelf, trunk, 3, "second"))
    assert prompts(model) == ["cat 2", "cat 1"]
    model.fetchMore(QModelIndex())
    assert prompts(model)[2:] == ["cat 0", "trunk"]
    gallery.on_saved(grow(shelf, trunk, 3, "third"))
    while model.canFetchMore(QModelIndex()):
        model.fetchMore(QModelIndex())
    assert prompts(model)[2:] == ["cat 0", "trunk", "first", "second", "third"]


def test_a_branch_goes_behind_the_eldest_of_pictures_made_alike(grouped, gallery, shelf, tree, qtbot):
    gallery.on_saved(shelf.save("apple"))
    gallery.on_saved(grow(shelf, tree[0], 3, "cherry"))
    expected = ["apple", "owl", "apple", "pear", "lemon", "plum", "cherry"]
    assert prompts(grouped) == expected == read_again(grouped)


def test_selection_and_place_stay_when_a_trunk_goes(page, gallery, shelf, qtbot):
    for number in range(60):
        trunk = shelf.save(f"trunk {number}")
        grow(shelf, trunk, 3, f"branch {number}")
    gallery.reload()
    with qtbot.waitSignal(page.model.modelReset):
        page.group.click()
    page.view.choose(page.model.index(60))
    page.view.doItemsLayout()
    chosen, place = page.view.records(), page.view.verticalScrollBar().value()
    assert place > 0
    with qtbot.waitSignal(page.model.layoutChanged):
        gallery.delete([page.model.record(page.model.index(0))])
    assert prompts(page.model)[:3] == ["branch 59", "trunk 58", "branch 58"]
    page.view.doItemsLayout()
    assert page.view.records() == chosen
    assert page.view.verticalScrollBar().value() == place


def test_a_branch_has_a_mark_and_is_called_one(page, qtbot, tree, gallery):
    gallery.reload()
    from desktop.ui import gallery_words

    assert "a branch from step 6" in gallery_words.spoken(tree[1])
    select(page, 2)
    picture = page.view.grab().toImage()

    def mark(row):
        box = page.view.visualRect(page.model.index(row))
        return picture.pixelColor(box.left() + 6 + 16, box.center().y() - box.width() // 3 + 12)

    assert mark(0) != mark(2) or mark(3) != mark(4)
