"""`safelight FILE`: the window opens with a picture, or the window that is open already gets it."""

import pytest
from PIL import Image
from PySide6.QtCore import QEvent
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from desktop import arguments
from desktop.app import AlreadyOpen, App
from desktop.messages import GenerationRequest
from desktop.settings import find_folders
from desktop.store.recipe import write_png
from desktop.ui.handed_over import HandedOver, hand_over, notes

ASKED = GenerationRequest(prompt="a green frog", seed=123, steps=7, guidance_scale=2.5, scheduler="euler")


@pytest.fixture
def app(qtbot):
    app = App(find_folders())
    app.window.show()
    app.show_pictures()
    yield app
    _close(app)


def _close(app):
    app.window.close()
    app.close()
    app.window.deleteLater()
    app.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a boat.png"
    Image.new("RGB", (40, 30), "teal").save(path)
    return path


def test_a_file_where_a_command_would_stand_is_opened(picture):
    parsed = arguments.parse(["--data", "elsewhere", str(picture)])
    assert (parsed.command, parsed.opened, parsed.data) == (None, str(picture), "elsewhere")


def test_a_command_is_a_command_though_a_folder_has_its_name(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    parsed = arguments.parse(["models", "list"])
    assert (parsed.command, parsed.opened) == ("models", None)


@pytest.mark.parametrize("word", ["nowhere.png", "no/where"])
def test_a_file_that_is_not_there_is_said_in_one_line(word, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments.parse([word])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"there is no file {word}" in said


@pytest.mark.parametrize("word", ["a red apple " * 30, "a/" * 5000, "an\0apple.png"])
def test_a_prompt_without_a_command_is_said_in_one_line(word, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments.parse([word])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_another_program_s_picture_becomes_the_start_picture(qtbot, app, picture):
    app.window.open_file(str(picture))
    panel = app.window.create_page.panel
    qtbot.waitUntil(lambda: panel.start_picture.sha is not None)
    assert app.studio.starts.open(panel.start_picture.sha).getpixel((5, 5)) == (0, 128, 128)


def test_one_of_our_pictures_brings_its_settings_and_offers_itself(qtbot, app, tmp_path):
    write_png(tmp_path / "ours.png", Image.new("RGB", (128, 128), "teal"), ASKED, {})
    app.window.open_file(str(tmp_path / "ours.png"))
    panel = app.window.create_page.panel
    qtbot.waitUntil(lambda: panel.prompt.toPlainText() == "a green frog")
    assert panel.start_picture.sha is None
    app.window.toast.click()
    qtbot.waitUntil(lambda: panel.start_picture.sha is not None)


def test_what_is_no_picture_is_said_in_the_window(qtbot, app, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    app.window.open_file(str(tmp_path / "notes.png"))
    box = app.window.create_page.panel.start_picture
    qtbot.waitUntil(lambda: "not a picture" in box._error.text())


def test_a_second_start_hands_its_file_to_the_window_that_is_open(qtbot, app, picture):
    again = App(find_folders())
    with pytest.raises(AlreadyOpen):
        again.show_pictures()
    hand_over(find_folders().to_open, str(picture))
    qtbot.waitUntil(lambda: app.window.create_page.panel.start_picture.sha is not None)
    assert list(find_folders().to_open.iterdir()) == []
    again.window.close()
    again.close()
    again.window.deleteLater()
    again.deleteLater()


def test_a_file_that_macos_hands_over_is_wanted(qtbot, tmp_path, qapp):
    handed = HandedOver(tmp_path, ())
    qapp.installEventFilter(handed)  # as it is done there
    with qtbot.waitSignal(handed.wanted) as told:
        QApplication.sendEvent(qapp, QFileOpenEvent("/pictures/boat.png"))
    assert told.args == ["/pictures/boat.png"]
    qapp.removeEventFilter(handed)
    handed.deleteLater()


def test_a_word_that_nobody_took_is_forgotten_by_the_next_window(qtbot, tmp_path):
    hand_over(tmp_path, "/pictures/old.png")
    HandedOver(tmp_path, notes(tmp_path)).deleteLater()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_comes_while_the_window_is_on_its_way_is_opened(qtbot, picture, monkeypatch):
    folders = find_folders()
    folders.make()
    hand_over(folders.to_open, "/pictures/old.png")
    app = App(folders)
    try_lock = app._lock.tryLock

    def held_up(milliseconds):
        taken = try_lock(milliseconds)
        hand_over(folders.to_open, str(picture))  # by a second start, the moment the lock is there
        return taken

    monkeypatch.setattr(app._lock, "tryLock", held_up)
    app.show_pictures()
    qtbot.waitUntil(lambda: app.window.create_page.panel.start_picture.sha is not None)
    assert list(folders.to_open.iterdir()) == []
    _close(app)
