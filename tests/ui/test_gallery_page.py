import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from desktop.store import recipe
from desktop.ui import gallery_model
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_files import free_path, save_copy
from desktop.ui.gallery_page import GalleryPage
from desktop.ui.gallery_strip import GalleryStrip
from tests.ui.gallery_parts import Shelf
from tests.ui.window_parts import LARGE, SMALL

Key = Qt.Key


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


@pytest.fixture
def page_of(gallery, qtbot):
    def make(width=1200, height=700):
        page = GalleryPage(gallery)
        qtbot.addWidget(page)
        page.resize(width, height)
        page.show()
        qtbot.waitExposed(page)
        return page

    return make


def select(page, *rows):
    page.view.clearSelection()
    for row in rows:
        flags = page.view.selectionModel().SelectionFlag
        page.view.selectionModel().setCurrentIndex(page.model.index(row), flags.Select)


def test_the_empty_page_says_what_will_be_there_and_leads_to_create(page_of, qtbot):
    page = page_of()
    assert not page.view.isVisible()
    with qtbot.waitSignal(page.create_wanted):
        qtbot.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)


def test_the_first_picture_takes_the_empty_page_away(page_of, shelf, gallery):
    page = page_of()
    gallery.on_saved(shelf.save())
    assert page.view.isVisible()
    assert page._count.text() == "1 picture"


def test_the_grid_fills_the_width_whatever_the_size(page_of, shelf, qtbot):
    for seed in range(30):
        shelf.save(seed=seed)
    page = page_of()
    for width in (780, 901, 1200, 1477):
        for side in (96, 168, 400):
            page.resize(width, 700)
            page.side.setValue(side)
            page.view.doItemsLayout()
            rects = [page.view.visualRect(page.model.index(row)) for row in range(30)]
            first_row = [rect for rect in rects if rect.top() == rects[0].top()]
            free = page.view.viewport().width() - first_row[-1].right()
            assert free < first_row[0].width()
            assert len(first_row) == max(1, (page.view.width() - 12 + 6) // (side + 12))


def test_choosing_shows_how_it_was_made(page_of, shelf):
    shelf.save("a fox in snow", seed=2**63 + 5, negative_prompt="blurry", size=(24, 16))
    page = page_of()
    select(page, 0)
    details = page.details
    assert details._prompt.text() == "a fox in snow"
    assert details._negative.text() == "blurry"
    assert details._values["seed"].text() == str(2**63 + 5)
    assert details._values["size"].text() == "24 × 16"
    assert not details._form.isRowVisible(details._values["strength"])


def test_a_models_title_is_shown_and_its_name_where_the_library_has_it_no_more(page_of, shelf, gallery):
    shelf.save(model="starter")
    page = page_of()
    select(page, 0)
    shown = page.details._values["model"]
    assert (shown.text(), shown.toolTip()) == ("starter", "")
    gallery.name_models((SMALL, LARGE))
    assert (shown.text(), shown.toolTip()) == ("Built-in starter", "starter")
    long = dataclasses.replace(SMALL, title="A title that is as long as makers like them, and then v2.1 inpainting")
    gallery.name_models((long,))
    assert "…" in shown.text()
    assert shown.toolTip() == f"{long.title}\nstarter"
    gallery.name_models((LARGE,))
    assert (shown.text(), shown.toolTip()) == ("starter", "")


def test_choosing_several_offers_what_works_for_several(page_of, shelf):
    for seed in range(3):
        shelf.save(seed=seed)
    page = page_of()
    select(page, 0, 2)
    assert page.details._title.text() == "2 pictures chosen"
    assert not page.details._use.isVisible()
    page.view.clearSelection()
    assert page.details._hint.isVisible()


def test_every_picture_can_be_chosen_at_once(page_of, shelf):
    for seed in range(gallery_model.PAGE + 5):
        shelf.save(seed=seed)
    page = page_of(width=400, height=200)
    assert page.model.rowCount() == gallery_model.PAGE
    page.view.selectAll()
    assert len(page.view.records()) == gallery_model.PAGE + 5


def test_keys_act_on_the_chosen_picture(page_of, shelf, gallery, qtbot):
    for seed in range(3):
        shelf.save(seed=seed)
    page = page_of()
    page.view.choose(page.model.index(1))
    record = page.view.records()[0]
    with qtbot.waitSignal(gallery.use_settings) as told:
        qtbot.keyClick(page.view, Key.Key_U)
    assert told.args == [record.request]
    with qtbot.waitSignal(gallery.make_variations):
        qtbot.keyClick(page.view, Key.Key_V)
    with qtbot.waitSignal(gallery.opened) as told:
        qtbot.keyClick(page.view, Key.Key_Return)
    assert told.args == [record, ""]
    qtbot.keyClick(page.view, Key.Key_4)
    assert shelf.pictures.get(record.id).rating == 4
    assert page.details._stars.rating == 4
    with qtbot.waitSignal(gallery.deleted) as told:
        qtbot.keyClick(page.view, Key.Key_Delete)
    assert told.args[0].records[0].id == record.id
    assert len(page.view.records()) == 1  # the selection goes on to a neighbour
    qtbot.keyClick(page.view, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.model.rowCount() == 3
    assert Path(record.path).exists()


def test_copying_gives_the_picture_and_its_file(page_of, shelf, gallery, qtbot):
    record = shelf.save(size=(24, 16))
    page = page_of()
    select(page, 0)
    with qtbot.waitSignal(gallery.told):
        qtbot.keyClick(page.view, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    data = QGuiApplication.clipboard().mimeData()
    assert [url.toLocalFile() for url in data.urls()] == [record.path]
    image = QGuiApplication.clipboard().image()
    assert (image.width(), image.height()) == (24, 16)


def test_copying_a_lost_file_is_told(page_of, shelf, gallery, qtbot):
    record = shelf.save()
    page = page_of()
    Path(record.path).unlink()
    select(page, 0)
    with qtbot.waitSignal(gallery.problem) as told:
        gallery.files.copy(page.view.records())
    assert "not there any more" in told.args[0].message


def test_the_menu_offers_everything(page_of, shelf, gallery, qtbot):
    record = shelf.save()
    page = page_of()
    select(page, 0)
    menu = page.view.show_menu(page.mapToGlobal(QPoint(40, 40)))
    actions = {action.text().partition("\t")[0]: action for action in menu.actions() if action.text()}
    assert list(actions) == [
        "Open",
        "Copy",
        "Save as…",
        "Show in folder",
        "Use these settings",
        "Make variations",
        "Use as start picture",
        "Rate",
        "Delete",
    ]
    with qtbot.waitSignal(gallery.use_as_start) as told:
        actions["Use as start picture"].trigger()
    assert told.args == [record.path]
    with qtbot.waitSignal(gallery.deleted):
        actions["Delete"].trigger()
    menu.close()


def test_searching_as_you_type(page_of, shelf, qtbot):
    for prompt in ("a red apple", "a fox", "an owl"):
        shelf.save(prompt)
    page = page_of()
    qtbot.keyClicks(page.search, "fo")
    assert page.model.rowCount() == 1
    assert page._count.text() == "1 picture"
    qtbot.keyClicks(page.search, "zzz")
    assert page._empty.isVisible()
    assert "fozzz" in page._empty._title.text()
    qtbot.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)
    assert page.model.rowCount() == 3


def test_the_search_keeps_room_to_type_in_a_small_window(page_of, shelf):
    shelf.save()
    for width, room in ((860, 200), (1280, 340)):
        assert page_of(width=width).search.width() > room


def test_a_long_prompt_does_not_push_the_settings_away(page_of, shelf):
    shelf.save("a lighthouse on a cliff above a stormy sea, " * 40, negative_prompt="blurry, " * 80)
    page = page_of(height=900)
    select(page, 0)
    details = page.details
    assert details._prompt.more.isVisible()
    assert details._negative.more.isVisible()
    assert details._prompt.label.height() == 8 * details._prompt.label.fontMetrics().lineSpacing()


def test_the_details_fold_away_where_there_is_no_room(page_of, shelf):
    shelf.save()
    page = page_of(width=1000)
    assert page.details.isVisible()
    page.resize(600, 500)
    assert not page.details.isVisible()
    page.resize(1000, 500)
    page._fold.click()
    assert not page.details.isVisible()


def test_thumbnails_reach_the_screen(page_of, shelf, gallery, qtbot):
    shelf.save(seed=3, size=(64, 64))
    page = page_of()
    page.view.viewport().repaint()
    qtbot.waitUntil(lambda: gallery.thumbnails.pixmap(page.model.record(page.model.index(0)).path, 64) is not None)
    centre = page.view.visualRect(page.model.index(0)).center()
    colour = page.view.viewport().grab().toImage().pixelColor(centre)
    assert colour.getRgb()[:3] == (3 * 37, 3 * 91 % 256, 120)


def test_strip_and_page_show_the_same(page_of, shelf, gallery, qtbot):
    shelf.save(seed=1)
    page = page_of()
    strip = GalleryStrip(gallery)
    qtbot.addWidget(strip)
    strip.resize(600, strip.height())
    strip.show()
    gallery.on_saved(shelf.save(seed=2))
    assert strip.model.rowCount() == page.model.rowCount() == 2
    strip.view.choose(strip.model.index(0))
    qtbot.keyClick(strip.view, Key.Key_Delete)
    assert page.model.rowCount() == 1
    gallery.undo_delete()
    assert page.model.rowCount() == strip.model.rowCount() == 2
    assert strip.view.visualRect(strip.model.index(0)).height() <= strip.view.viewport().height()


def test_every_control_has_a_name(page_of, shelf):
    from PySide6.QtWidgets import QAbstractButton, QLineEdit, QListView, QSlider

    shelf.save()
    page = page_of()
    select(page, 0)
    for kind in (QAbstractButton, QLineEdit, QListView, QSlider):
        for control in page.findChildren(kind):
            if control.isVisible() and control.focusPolicy() != Qt.FocusPolicy.NoFocus:
                assert control.accessibleName() or getattr(control, "text", str)(), control


def test_a_copy_keeps_the_settings_and_never_half_a_file(shelf, tmp_path):
    record = shelf.save()
    copy = save_copy(Path(record.path), tmp_path / "out" / "copy.png")
    assert recipe.read_request(copy) == record.request
    assert save_copy(Path(record.path), tmp_path / "copy.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert save_copy(Path(record.path), tmp_path / "copy.webp").read_bytes()[8:12] == b"WEBP"


def test_an_unknown_ending_is_refused(shelf, tmp_path):
    from desktop.errors import KnownError

    record = shelf.save()
    with pytest.raises(KnownError, match=r"as \.xyz"):
        save_copy(Path(record.path), tmp_path / "copy.xyz")


def test_several_copies_never_overwrite(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "a_2.png").touch()
    assert free_path(tmp_path, "a.png") == tmp_path / "a_3.png"


def test_saving_asks_for_a_place_and_writes_there(page_of, shelf, gallery, qtbot, tmp_path):
    from PySide6.QtWidgets import QFileDialog

    record = shelf.save()
    page = page_of()
    select(page, 0)
    gallery.files._folder = str(tmp_path)
    gallery.files.save_as(page.view.records(), page)
    (dialog,) = page.findChildren(QFileDialog)
    assert not dialog.testOption(QFileDialog.Option.DontConfirmOverwrite)
    with qtbot.waitSignal(gallery.told):
        dialog.fileSelected.emit(str(tmp_path / "mine.png"))
    assert recipe.read_request(tmp_path / "mine.png") == record.request
    dialog.close()
