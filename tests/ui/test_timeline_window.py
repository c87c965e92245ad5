"""What the window says of an export, and of the room that all steps take."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop.errors import KnownError
from desktop.store.timeline_limit import Usage
from desktop.ui import places, theme
from tests.ui.test_main_window import open_window, shelf  # noqa: F401


def test_the_window_says_where_the_steps_are_and_shows_the_folder(open_window, monkeypatch):  # noqa: F811
    window = open_window().window
    window.add_timeline(lambda record: (), lambda *what: None, lambda path: None)
    wiring, seen = window._timeline, []
    monkeypatch.setattr(places, "reveal", seen.append)
    wiring.exporting.emit(Path("/films/fox.mp4"))
    assert "fox.mp4" in window.toast.text
    wiring.exported.emit(Path("/films/fox.mp4"))
    assert window.toast.text == "The steps are in fox.mp4"
    window.toast.click()
    assert seen == [Path("/films/fox.mp4")]
    wiring.exporting.emit(Path("/films/fox.mp4"))
    wiring.not_exported.emit()
    assert window.toast.text == ""


class Room:
    """Steps that take 1.2 GB; writes down what it is allowed."""

    def __init__(self):
        self.allowed = []

    def usage(self):
        return Usage(bytes=1_200_000_000, count=4310, limit_bytes=self.allowed[-1] if self.allowed else 2 * 10**9)

    def use_limit(self, limit_bytes):
        self.allowed.append(limit_bytes)


@pytest.fixture
def settings(open_window, qtbot):  # noqa: F811
    """Opens the window's settings; gives (card, room, window)."""
    parts = open_window()
    room = Room()
    parts.window.add_timeline(lambda record: (), lambda *what: None, lambda path: None, room)
    menu = parts.window._menu

    def open_card():
        menu.show_settings()
        card = menu._cards["settings"]
        qtbot.waitUntil(card.limit.isEnabled)
        return card

    yield open_card, room, parts.window
    menu.wait()


def test_the_settings_say_how_much_room_the_steps_take(settings):
    open_card, room, _ = settings
    card = open_card()
    assert card._words.text() == "1.2 GB used, 4310 pictures"
    assert card.limit.currentText() == "2 GB"
    assert card._used.value() == 600
    card.close_card()
    card.wait()
    assert room.allowed == [], "nothing was changed"


def test_a_smaller_limit_says_what_it_costs_and_holds_once_the_card_is_closed(settings, qtbot):
    open_card, room, _ = settings
    card = open_card()
    card.limit.setCurrentIndex(card.limit.findData(500 * 10**6))
    card.limit.activated.emit(0)
    assert "700 MB of the oldest steps go" in card._what.text()
    assert room.allowed == []
    qtbot.keyClick(card, Qt.Key.Key_Escape)
    card.wait()
    assert room.allowed == [500 * 10**6]
    assert open_card().limit.currentText() == "500 MB"


def test_a_limit_from_the_command_line_is_among_the_choices(settings):
    open_card, room, _ = settings
    room.allowed.append(750 * 10**6)
    card = open_card()
    assert card.limit.currentText() == "750 MB"


def test_how_models_are_kept_and_compiled_is_told_to_the_engine_and_kept(settings):
    open_card, _, window = settings
    card = open_card()
    assert (card.memory.currentData(), card.compiling.currentData()) == ("auto", "auto")
    card.memory.setCurrentIndex(card.memory.findData("offload"))
    card.memory.activated.emit(0)
    assert window._engine.modes == ("offload", "auto")
    assert "C++" in card._modes_words.text()
    card.compiling.setCurrentIndex(card.compiling.findData("off"))
    card.compiling.activated.emit(0)
    assert window._engine.modes == ("offload", "off")
    assert "C++" not in card._modes_words.text()
    assert (window.settings.memory, window.settings.compiling) == ("offload", "off")
    card.close_card()
    assert open_card().memory.currentText() == "One network at a time"


def test_the_tab_key_stays_on_the_card_and_the_look_changes_at_once(settings, qtbot):
    open_card, _, window = settings
    card = open_card()
    seen = set()
    for _ in range(8):
        qtbot.keyClick(card.focusWidget() or card, Qt.Key.Key_Tab)
        assert card.isAncestorOf(QApplication.focusWidget())
        seen.add(QApplication.focusWidget())
    assert {card.memory, card.compiling, card.limit, card.data, card.log} < seen
    card.theme.button("light").click()
    assert not theme.tokens().dark
    assert window.settings.theme == "light"
    card.close_card()
    assert open_card().theme.current == "light"


def test_a_disk_that_refuses_the_limit_is_told(settings, qtbot):
    open_card, room, window = settings

    def refuse(limit_bytes):
        raise KnownError("The disk is full")

    room.use_limit = refuse
    card = open_card()
    card.limit.setCurrentIndex(0)
    with qtbot.waitSignal(card.problem):
        card.close_card()
    assert "The disk is full" in window.create_page.messages.text
