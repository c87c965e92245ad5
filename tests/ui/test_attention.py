"""What each word drew, in a window: asked for in the picture's menu, shown over it, put away again."""

import threading

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication

from desktop.errors import KnownError
from desktop.messages import AttentionSeen, Cancelled, Started, WordHeat
from desktop.ui import theme
from desktop.ui.attention_wiring import AttentionWiring
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage
from tests.ui.window_parts import SMALL, Engine, History, Models, Starts, preview, record, request, write_picture

SIDE = 32


def heat(word, start, hot):
    """Hot in one half of the picture: "left" or "right"."""
    row = [255 if (x < SIDE // 2) == (hot == "left") else 0 for x in range(SIDE)]
    return WordHeat(word=word, start=start, width=SIDE, height=SIDE, heat=bytes(row * SIDE), low=0.01, high=0.25)


WORDS = (heat("a", 0, "left"), heat("red", 2, "left"), heat("apple", 6, "right"))


class Shown:
    """A create page that shows a red picture, and an engine that is asked for its words."""

    def __init__(self, qtbot, tmp_path):
        self.page = CreatePage(engine=Engine(), models=Models(), history=History(), starts=Starts())
        qtbot.addWidget(self.page)
        self.page.panel.set_model(SMALL)
        self.bridge = Bridge(self.page)
        self.asked, self.refuse = [], None
        self.wiring = AttentionWiring(self.page, self.attend, self.page)
        self.page.connect_bridge(self.bridge)
        self.wiring.connect_bridge(self.bridge)
        path = write_picture(tmp_path / "apple.png", SIDE, SIDE)
        self.record = record(path, prompt="a red apple", width=SIDE, height=SIDE)
        self.page.resize(1200, 800)
        self.page.show()
        self.qtbot = qtbot

    def attend(self, path):
        if self.refuse is not None:
            raise self.refuse
        assert threading.current_thread() is not threading.main_thread()
        self.asked.append(path)
        return "job0"

    def look(self):
        with self.qtbot.waitSignal(self.page.preview.record_shown):
            self.page.show_record(self.record)

    def ask(self):
        menu = self.page.preview.menu()
        action = next(action for action in menu.actions() if action.text() == "Show what each word drew")
        with self.qtbot.waitSignal(self.wiring._starter.done):
            action.trigger()
        menu.deleteLater()

    def answer(self, **changes):
        values = {"job_id": "job0", "path": self.record.path, "words": WORDS, "unread": ("core",), "identical": True}
        with self.qtbot.waitSignal(self.bridge.attention_seen):
            self.bridge.post(AttentionSeen(**(values | changes)))

    def open(self):
        self.look()
        self.page.preview.setFocus()
        self.ask()
        self.answer()
        self.qtbot.waitUntil(lambda: self.wiring.view is not None and self.wiring.view.isVisible())
        return self.wiring.view


@pytest.fixture
def shown(qtbot, tmp_path):
    shown = Shown(qtbot, tmp_path)
    yield shown
    shown.wiring.wait()
    shown.page.wait()
    shown.bridge.close()


def colors(view):
    """Of the picture as it is painted: (left half, right half)."""
    image, middle = view.grab().toImage(), view.picture.rect().center()
    return [image.pixelColor(middle.x() + dx, middle.y()) for dx in (-40, 40)]


def test_the_words_stand_under_the_picture_and_the_longest_is_shown_first(shown):
    view = shown.open()
    assert shown.asked == [shown.record.path]
    assert [chip.text() for chip in view.words] == ["a", "red", "apple"]
    assert view.word.word == "apple"
    assert view.figure == "up to 25.0 % of the attention"
    left, right = colors(view)
    assert right.lightness() > left.lightness() + 80
    assert left.saturation() == 0, "where the word was not heard the picture has no colour"


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_the_heat_is_told_from_the_picture_in_either_theme(shown, qapp, mode):
    theme.apply(qapp, mode)
    left, right = colors(shown.open())
    theme.apply(qapp, "dark")
    assert right.lightness() > left.lightness() + 80


def test_arrow_keys_walk_the_words(shown, qtbot):
    view = shown.open()
    qtbot.waitUntil(lambda: view.words[2].hasFocus())
    qtbot.keyClick(view.words[2], Qt.Key.Key_Left)
    assert view.word.word == "red"
    left, right = colors(view)
    assert left.lightness() > right.lightness() + 80
    assert "red" in view.accessibleDescription()


def test_a_word_under_the_mouse_is_shown_until_it_leaves(shown):
    view = shown.open()
    place = QPointF(1, 1)
    QApplication.sendEvent(view.words[0], QEnterEvent(place, place, place))
    assert view.picture.heat.word == "a"
    QApplication.sendEvent(view.words[0], QEvent(QEvent.Type.Leave))
    assert view.picture.heat.word == "apple"


def test_escape_puts_it_away_and_asking_again_needs_no_second_run(shown, qtbot):
    view = shown.open()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert shown.wiring.view is None
    assert shown.page.preview.hasFocus()
    shown.page.preview.attention_wanted.emit(shown.record)
    assert shown.wiring.view is not None
    assert len(shown.asked) == 1
    shown.wiring.view.close_button.click()
    assert shown.wiring.view is None


def test_a_new_picture_takes_its_place(shown, tmp_path, qtbot):
    shown.open()
    other = record(write_picture(tmp_path / "pear.png"))
    with qtbot.waitSignal(shown.page.preview.record_shown):
        shown.page.show_record(other)
    assert shown.wiring.view is None


def test_while_the_picture_is_made_again_its_steps_are_shown_and_then_its_words(shown, qtbot):
    shown.look()
    shown.ask()
    shown.bridge.post(Started(job_id="job0", request=request()))
    with qtbot.waitSignal(shown.bridge.preview):
        shown.bridge.post(preview("job0"))
    assert shown.page.preview.record is None
    with qtbot.waitSignal(shown.page.preview.record_shown):
        shown.answer()
    assert shown.wiring.view is not None
    assert shown.page.running is None


def test_stopped_it_shows_the_picture_again(shown, qtbot):
    shown.look()
    shown.ask()
    shown.bridge.post(Started(job_id="job0", request=request()))
    shown.bridge.post(preview("job0"))
    with qtbot.waitSignal(shown.page.preview.record_shown):
        shown.bridge.post(Cancelled(job_id="job0", request=request(), step=1))
    assert shown.wiring.view is None


def test_writing_the_next_prompt_is_not_interrupted(shown, qtbot):
    shown.look()
    shown.ask()
    shown.page.panel.prompt.setFocus()
    shown.answer()
    assert shown.wiring.view is not None
    assert shown.page.panel.prompt.hasFocus()


def test_what_cannot_be_shown_is_said_where_it_was_asked_for(shown, qtbot):
    shown.refuse = KnownError("FLUX has no cross-attention of its own to show", "Choose another.")
    shown.look()
    with qtbot.waitSignal(shown.wiring._starter.failed):
        shown.page.preview.attention_wanted.emit(shown.record)
    assert "no cross-attention" in shown.page.messages.text


def test_a_long_prompt_scrolls_and_words_beyond_the_model_are_shown_as_unread(shown, qtbot):
    shown.look()
    shown.ask()
    shown.answer(words=tuple(heat(f"word{n}", 6 * n, "left") for n in range(75)))
    view = shown.wiring.view
    area = view._area
    qtbot.waitUntil(lambda: view.picture.height() > 300)
    assert area.height() < 150
    assert area.verticalScrollBar().maximum() > 0
    view.words[74].click()
    assert area.verticalScrollBar().value() == area.verticalScrollBar().maximum()
