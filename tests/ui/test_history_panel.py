import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication

from desktop.errors import KnownError
from desktop.messages import GenerationRequest
from desktop.ui import gallery_words, history_model
from desktop.ui.history_panel import HistoryPanel
from tests.ui.gallery_parts import Shelf

Key = Qt.Key


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "data")
    yield shelf
    shelf.database.close_all()


@pytest.fixture
def panel_of(shelf, qtbot):
    def make(*prompts):
        for prompt in prompts:
            shelf.history.add(GenerationRequest(prompt=prompt, seed=1))
        panel = HistoryPanel(shelf.history)
        qtbot.addWidget(panel)
        panel.resize(240, 500)
        panel.show()
        return panel

    return make


def prompts(panel):
    return [panel.model.index(row).data() for row in range(panel.model.rowCount())]


def test_the_last_prompt_is_on_top(panel_of, qtmodeltester):
    panel = panel_of("a fox", "an owl", "a fox")
    assert prompts(panel) == ["a fox", "an owl"]
    qtmodeltester.check(panel.model)


def test_an_empty_history_says_what_it_is(panel_of, shelf):
    panel = panel_of()
    assert "Every prompt you run" in panel._empty.text()
    assert panel._empty.isVisible()
    shelf.history.add(GenerationRequest(prompt="a fox", seed=1))
    panel.reload()
    assert not panel._empty.isVisible()
    assert prompts(panel) == ["a fox"]


def test_finding_as_you_type(panel_of, qtbot):
    panel = panel_of("a red apple", "an owl", "red fox", "赤いリンゴ")
    qtbot.keyClicks(panel.find, "re")
    assert prompts(panel) == ["red fox", "a red apple"]
    qtbot.keyClicks(panel.find, "xyz")
    assert prompts(panel) == []
    assert "rexyz" in panel._empty.text()
    panel.find.setText("リン")
    assert prompts(panel) == ["赤いリンゴ"]
    panel.find.clear()
    assert len(prompts(panel)) == 4


def test_a_click_gives_the_prompt_back(panel_of, qtbot):
    panel = panel_of("a fox", "an owl")
    place = panel.list.visualRect(panel.model.index(1)).center()
    with qtbot.waitSignal(panel.chosen) as told:
        qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told.args[0].prompt == "a fox"


def test_enter_gives_the_current_prompt_or_the_first_found(panel_of, qtbot):
    panel = panel_of("a fox", "an owl")
    panel.list.setCurrentIndex(panel.model.index(0))
    with qtbot.waitSignal(panel.chosen) as told:
        qtbot.keyClick(panel.list, Key.Key_Return)
    assert told.args[0].prompt == "an owl"
    panel.find.setText("fox")
    with qtbot.waitSignal(panel.chosen) as told:
        qtbot.keyClick(panel.find, Key.Key_Return)
    assert told.args[0].prompt == "a fox"


def test_removing_can_be_undone(panel_of, qtbot):
    panel = panel_of("one", "two", "three")
    panel.list.setCurrentIndex(panel.model.index(1))
    with qtbot.waitSignal(panel.removed) as told:
        qtbot.keyClick(panel.list, Key.Key_Delete)
    assert told.args[0].prompt == "two"
    assert prompts(panel) == ["three", "one"]
    assert panel.list.currentIndex().row() == 1
    qtbot.keyClick(panel.list, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert prompts(panel) == ["three", "two", "one"]
    assert not panel.undo_remove()


def test_the_menu_copies_uses_and_removes(panel_of, qtbot):
    panel = panel_of("a fox")
    panel.list.setCurrentIndex(panel.model.index(0))
    menu = panel.menu()
    use, copy, _, remove = menu.actions()
    copy.trigger()
    assert QGuiApplication.clipboard().text() == "a fox"
    with qtbot.waitSignal(panel.chosen):
        use.trigger()
    with qtbot.waitSignal(panel.removed):
        remove.trigger()
    assert prompts(panel) == []


def test_typing_in_the_list_means_finding(panel_of, qtbot):
    panel = panel_of("a fox", "an owl")
    panel.list.setFocus()
    qtbot.keyClicks(panel.list, "o")
    assert panel.find.text() == "o"
    assert prompts(panel) == ["an owl"]


def test_more_is_read_while_scrolling(panel_of, monkeypatch):
    monkeypatch.setattr(history_model, "PAGE", 5)
    panel = panel_of(*(f"prompt {number}" for number in range(12)))
    while panel.model.canFetchMore(QModelIndex()):
        panel.model.fetchMore(QModelIndex())
    assert prompts(panel) == [f"prompt {number}" for number in reversed(range(12))]


def test_a_reload_keeps_the_place(panel_of, shelf):
    panel = panel_of(*(f"prompt {number}" for number in range(40)))
    panel.list.doItemsLayout()
    panel.list.verticalScrollBar().setValue(300)
    shelf.history.add(GenerationRequest(prompt="new", seed=1))
    panel.reload()
    assert panel.list.verticalScrollBar().value() == 300
    assert prompts(panel)[0] == "new"


def test_long_and_strange_prompts_are_painted(panel_of):
    panel = panel_of("word " * 2000, "x" * 3000, "<b>bold</b>", "🍎" * 300, "赤" * 500, "a\nb\n\nc")
    panel.grab()
    heights = [panel.list.visualRect(panel.model.index(row)).height() for row in range(6)]
    assert max(heights) == min(h for h in heights if h > 60)
    tip = panel.model.index(3).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip


def test_trouble_is_told(panel_of, shelf, qtbot, monkeypatch):
    panel = panel_of("a fox")

    def fail(*_, **__):
        raise KnownError("The database is damaged")

    monkeypatch.setattr(shelf.history, "search", fail)
    with qtbot.waitSignal(panel.problem):
        panel.reload()
    assert prompts(panel) == []


def test_the_wheel_and_the_keyboard_menu_work_on_an_empty_list(panel_of, qtbot):
    panel = panel_of()
    qtbot.keyClick(panel.list, Key.Key_Menu)
    qtbot.keyClick(panel.list, Key.Key_Return)
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (0, "just now"),
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (26 * 3600, "yesterday"),
        (3 * 86400, "3 days ago"),
        (20 * 86400, "3 Nov"),
        (400 * 86400, "19 Oct 2025"),
    ],
)
def test_times_are_told_as_people_do(past, words, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        now = time.mktime((2026, 11, 23, 12, 0, 0, 0, 0, 0))
        assert gallery_words.ago(now - past, now) == words
    finally:
        monkeypatch.undo()
        time.tzset()
