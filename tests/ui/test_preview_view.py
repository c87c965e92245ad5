import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage

from desktop.messages import Started
from desktop.ui.picture_fit import enlarged, fit, frame_image, scaled
from desktop.ui.preview_view import PreviewView
from tests.ui.window_parts import frame, preview, record, request, write_picture

ROOM = QRect(0, 0, 700, 500)


@pytest.fixture
def view(qtbot):
    view = PreviewView()
    qtbot.addWidget(view)
    view.resize(600, 500)
    view.show()
    yield view
    view.wait()


@pytest.fixture
def shown(view, qtbot, tmp_path):
    """A view that shows a finished picture, 64 by 32, red."""
    finished = record(write_picture(tmp_path / "fox.png", 64, 32))
    with qtbot.waitSignal(view._loader.done):
        view.show_record(finished)
    return view


def middle(view):
    return view.grab().toImage().pixelColor(view.target().center())


def test_a_frame_is_painted_in_its_colours(view):
    view.on_started(Started(job_id="job0", request=request(width=128, height=128)))
    view.on_preview(preview(grey=200))
    assert middle(view) == QColor(200, 200, 200)


def test_the_newest_frame_is_the_one_that_is_seen(view):
    for grey in (10, 20, 30):
        view.on_preview(preview(grey=grey))
    assert middle(view) == QColor(30, 30, 30)


def test_a_frame_fills_the_place_of_the_finished_picture(view):
    view.on_started(Started(job_id="job0", request=request(width=256, height=128)))
    view.on_preview(preview())
    target = view.target()
    assert (target.width(), target.height()) == (552, 276)


def test_a_frame_owns_its_pixels():
    image = frame_image(frame(side=5, grey=77))
    assert image.size() == QSize(5, 5)
    assert image.pixelColor(4, 4) == QColor(77, 77, 77)


def test_a_preview_does_not_take_the_focus(view, qtbot):
    view.clearFocus()
    view.on_preview(preview())
    assert not view.hasFocus()


def test_a_finished_picture_takes_the_place_of_the_previews(view, shown):
    assert shown.record is not None
    assert shown.image.size() == QSize(64, 32)
    assert middle(shown) == QColor("red")
    view.on_preview(preview(grey=50))
    assert shown.record is None


def test_a_frame_that_comes_while_a_picture_is_read_wins(view, tmp_path):
    view.show_record(record(write_picture(tmp_path / "fox.png")))
    view.on_preview(preview(grey=60))
    view.wait()
    assert middle(view) == QColor(60, 60, 60)


def test_a_picture_that_is_gone_leaves_what_was_shown(view, qtbot):
    view.on_preview(preview(grey=60))
    with qtbot.waitSignal(view._loader.failed):
        view.show_record(record("/nowhere/fox.png"))
    assert middle(view) == QColor(60, 60, 60)


def test_an_empty_view_offers_examples_to_click(view, qtbot):
    view.show_examples()
    chip = view._empty._buttons[0]
    assert chip.isVisible()
    with qtbot.waitSignal(view.example_chosen) as chosen:
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert chosen.args == ["a red apple"]
    view.on_preview(preview())
    assert not chip.isVisible()


def test_the_menu_offers_a_finished_picture_for_everything(shown, qtbot):
    actions = {action.text().split("\t")[0]: action for action in shown.menu().actions() if action.text()}
    assert list(actions) == [
        "Copy picture",
        "Save as…",
        "Use as start picture",
        "Use these settings",
        "Make it again and compare",
        "Show what each word drew",
        "Vary two settings…",
        "Full screen",
        "Show in folder",
    ]
    for text, signal in (
        ("Save as…", shown.save_as),
        ("Use as start picture", shown.use_as_start),
        ("Use these settings", shown.use_settings),
        ("Full screen", shown.full_screen),
        ("Show in folder", shown.show_in_folder),
    ):
        with qtbot.waitSignal(signal):
            actions[text].trigger()


def test_the_menu_of_a_developing_picture_offers_only_what_can_be_done(view):
    view.on_preview(preview())
    enabled = [a.text().split("\t")[0] for a in view.menu().actions() if a.text() and a.isEnabled()]
    assert enabled == ["Copy picture", "Full screen"]


def test_copying_puts_the_picture_itself_on_the_clipboard(shown):
    shown.copy()
    assert QGuiApplication.clipboard().image().size() == QSize(64, 32)


def test_a_double_click_asks_for_the_full_screen(shown, qtbot):
    with qtbot.waitSignal(shown.full_screen):
        qtbot.mouseDClick(shown, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(
    ("picture", "ratio", "size"),
    [
        (QSize(1000, 1000), 1.0, QSize(500, 500)),  # too large: all of it
        (QSize(450, 450), 1.0, QSize(450, 450)),  # nearly fits: pixel by pixel
        (QSize(900, 900), 2.0, QSize(450, 450)),  # the same on a dense screen
        (QSize(64, 64), 1.0, QSize(320, 320)),  # small: no more than five times
        (QSize(128, 64), 1.0, QSize(640, 320)),
        (QSize(200, 50), 1.0, QSize(700, 175)),
    ],
)
def test_a_picture_is_shown_as_large_as_it_stays_sharp(picture, ratio, size):
    target = fit(picture, ROOM, ratio)
    assert target.size() == size
    assert abs(target.center().x() - ROOM.center().x()) <= 1
    assert ROOM.contains(target)


def test_no_room_and_no_picture_are_no_error():
    assert fit(QSize(), ROOM, 1.0).isEmpty()
    assert fit(QSize(10, 10), QRect(0, 0, -5, 10), 1.0).isEmpty()
    assert scaled(QImage(), QSize(10, 10)).isNull()


def test_scaling_gives_exactly_the_size_that_was_asked_for():
    image = frame_image(frame(side=16))
    for side in (16, 17, 63, 500):
        assert scaled(image, QSize(side, side)).size() == QSize(side, side)


def test_a_small_finished_picture_is_enlarged_and_a_large_one_left_alone():
    small, large = QImage(30, 20, QImage.Format.Format_RGB32), QImage(400, 20, QImage.Format.Format_RGB32)
    small.fill(Qt.GlobalColor.blue)
    large.fill(Qt.GlobalColor.blue)
    assert enlarged(small).size() == QSize(120, 80)
    assert enlarged(small).pixelColor(60, 40) == QColor("blue")
    assert enlarged(large).size() == large.size()
