from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from desktop.ui.gallery import Gallery
from desktop.ui.picture_canvas import STOPS, PictureCanvas
from desktop.ui.picture_viewer import PictureViewer
from tests.ui.gallery_parts import Shelf

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
def viewer(gallery, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()
    viewer = PictureViewer(gallery, window)
    yield viewer
    viewer.wait()


def show(viewer, qtbot, record, text=""):
    with qtbot.waitSignal(viewer._loader.done):
        viewer.open(record, text)


def test_a_picture_fills_the_window(viewer, shelf, qtbot):
    show(viewer, qtbot, shelf.save(seed=3, size=(64, 32)))
    assert viewer.isVisible()
    assert viewer.size() == QSize(800, 600)
    assert viewer.canvas.image.size() == QSize(64, 32)
    viewer.parentWidget().resize(900, 650)
    assert viewer.size() == QSize(900, 650)


def test_arrows_walk_from_new_to_old_and_stop_at_the_ends(viewer, shelf, qtbot):
    records = [shelf.save(seed=seed) for seed in range(3)]
    show(viewer, qtbot, records[2])
    assert not viewer._newer.isEnabled()
    for expected in (1, 0, 0):
        qtbot.keyClick(viewer, Key.Key_Right)
        assert viewer.record == records[expected]
    assert not viewer._older.isEnabled()
    qtbot.keyClick(viewer, Key.Key_Left)
    assert viewer.record == records[1]


def test_arrows_walk_what_the_search_found(viewer, shelf, qtbot):
    fox = shelf.save("a fox")
    shelf.save("an owl")
    red_fox = shelf.save("a red fox")
    show(viewer, qtbot, red_fox, "fox")
    qtbot.keyClick(viewer, Key.Key_Right)
    assert viewer.record == fox


def test_deleting_goes_on_to_the_next_and_undo_comes_back(viewer, shelf, gallery, qtbot):
    records = [shelf.save(seed=seed) for seed in range(3)]
    show(viewer, qtbot, records[1])
    qtbot.keyClick(viewer, Key.Key_Delete)
    assert viewer.record == records[0]
    qtbot.keyClick(viewer, Key.Key_Delete)
    assert viewer.record == records[2]
    gallery.undo_delete()
    assert viewer.record == records[0]


def test_deleting_the_last_one_closes(viewer, shelf, gallery, qtbot):
    show(viewer, qtbot, shelf.save())
    with qtbot.waitSignal(viewer.closed):
        qtbot.keyClick(viewer, Key.Key_Delete)
    assert not viewer.isVisible()
    gallery.undo_delete()
    assert not viewer.isVisible()


def test_escape_leaves_full_screen_first_then_closes(viewer, shelf, qtbot):
    show(viewer, qtbot, shelf.save())
    qtbot.keyClick(viewer, Key.Key_F)
    assert viewer.window().isFullScreen()
    assert not viewer.bar.isVisible()
    qtbot.keyClick(viewer, Key.Key_Escape)
    assert viewer.isVisible() and not viewer.window().isFullScreen()
    qtbot.keyClick(viewer, Key.Key_Escape)
    assert not viewer.isVisible()


def test_keys_rate_and_ask_for_settings(viewer, shelf, gallery, qtbot):
    record = shelf.save()
    show(viewer, qtbot, record)
    qtbot.keyClick(viewer, Key.Key_5)
    assert viewer.record.rating == 5
    with qtbot.waitSignal(gallery.use_settings):
        qtbot.keyClick(viewer, Key.Key_U)


def test_a_lost_file_is_named(viewer, shelf, qtbot):
    record = shelf.save()
    Path(record.path).unlink()
    with qtbot.waitSignal(viewer._loader.failed):
        viewer.open(record)
    assert "not there any more" in viewer.canvas._message


def test_the_focus_goes_back_where_it_was(viewer, shelf, qtbot):
    from PySide6.QtWidgets import QLineEdit

    field = QLineEdit(viewer.parentWidget())
    field.show()
    field.setFocus()
    show(viewer, qtbot, shelf.save())
    qtbot.keyClick(viewer, Key.Key_Escape)
    assert viewer.window().focusWidget() is field


def test_tab_stays_inside(viewer, shelf, qtbot):
    from PySide6.QtWidgets import QLineEdit

    QLineEdit(viewer.parentWidget()).show()
    show(viewer, qtbot, shelf.save())
    for direction in (True, False):
        seen = set()
        for _ in range(20):
            (viewer.window().focusWidget() or viewer).focusNextPrevChild(direction)
            focused = viewer.window().focusWidget()
            assert focused is viewer or viewer.isAncestorOf(focused)
            seen.add(focused)
        assert len(seen) > 5


@pytest.fixture
def canvas(qtbot):
    canvas = PictureCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    return canvas


def picture(width, height):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(0xFF336699)
    image.setPixel(0, 0, 0xFFFF0000)
    return image


def test_a_small_picture_is_enlarged_and_lies_in_the_middle(canvas):
    canvas.show_image(picture(64, 64))
    assert 3 < canvas.scale <= 5
    assert abs(canvas.target().center().x() - 200) <= 1
    assert canvas.rect().contains(canvas.target().toRect())


def test_a_large_picture_is_shown_whole(canvas):
    canvas.show_image(picture(2000, 1000))
    target = canvas.target()
    assert target.width() <= 400 and target.height() <= 300
    assert canvas.rect().contains(target.toRect())


def test_zooming_goes_through_whole_multiples_and_back(canvas):
    canvas.show_image(picture(64, 64))
    fitting = canvas.scale
    seen = []
    canvas.zoomed.connect(seen.append)
    for _ in range(30):
        canvas.zoom_by(1)
    assert canvas.scale == STOPS[-1]
    assert all(scale == int(scale) for scale in seen)
    for _ in range(60):
        canvas.zoom_by(-1)
    assert canvas.scale == STOPS[0]
    canvas.toggle_zoom()
    assert canvas.scale == fitting


def test_every_pixel_is_a_square_when_zoomed_in(canvas):
    canvas.show_image(picture(8, 8))
    canvas._set_zoom(16.0)
    shot = canvas.grab().toImage()
    corner = canvas.target().topLeft().toPoint()
    for x in (1, 8, 14):
        assert shot.pixelColor(corner.x() + x, corner.y() + 8).red() == 255
    assert shot.pixelColor(corner.x() + 17, corner.y() + 8).red() == 0x33


def test_the_point_under_the_pointer_stays_when_zooming(canvas):
    canvas.show_image(picture(400, 400))
    canvas._set_zoom(2.0)
    at = QPointF(100, 80)
    before = (at - canvas.target().topLeft()) / canvas.scale
    canvas.zoom_by(1, at)
    after = (at - canvas.target().topLeft()) / canvas.scale
    assert abs(before.x() - after.x()) < 1 and abs(before.y() - after.y()) < 1


def test_moving_never_loses_the_picture(canvas, qtbot):
    canvas.show_image(picture(400, 400))
    canvas._set_zoom(4.0)
    canvas._set_middle(QPointF(-9999, 9999))
    target = canvas.target()
    assert target.left() <= 0 and target.bottom() >= canvas.height() - 1
    canvas.resize(1200, 900)
    assert canvas.target().right() >= canvas.width() - 2


def test_an_empty_canvas_does_nothing(canvas):
    canvas.show_image(QImage(), message="It is gone")
    canvas.zoom_by(1)
    canvas.toggle_zoom()
    assert canvas.scale == 0
    canvas.grab()


def test_a_huge_picture_opens_without_blocking_the_window(viewer, shelf, qtbot):
    record = shelf.save(seed=5, size=(64, 64))
    Image.new("RGB", (3000, 2000), "teal").save(record.path)
    show(viewer, qtbot, record)
    assert viewer.canvas.image.width() == 3000
    assert viewer._zoom.text().endswith("%")
