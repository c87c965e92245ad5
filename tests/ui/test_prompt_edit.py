import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl

from desktop.ui.prompt_edit import PromptEdit
from tests.ui.window_parts import History

Key = Qt.Key


@pytest.fixture
def edit(qtbot):
    edit = PromptEdit(History("third", "second", "second", "first"))
    qtbot.addWidget(edit)
    edit.resize(280, edit.height())
    edit.show()
    return edit


@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
@pytest.mark.parametrize("key", [Key.Key_Return, Key.Key_Enter])
def test_enter_generates(edit, qtbot, key, modifier):
    with qtbot.waitSignal(edit.accepted):
        qtbot.keyClick(edit, key, modifier)
    assert edit.toPlainText() == ""


def test_shift_enter_starts_a_new_line(edit, qtbot):
    qtbot.keyClicks(edit, "a fox")
    qtbot.keyClick(edit, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(edit, "in snow")
    assert edit.text.splitlines() == ["a fox", "in snow"]


def test_up_and_down_walk_the_history_and_come_back_to_the_draft(edit, qtbot):
    qtbot.keyClicks(edit, "draft")
    seen = []
    for key in (Key.Key_Up, Key.Key_Up, Key.Key_Up, Key.Key_Up, Key.Key_Down, Key.Key_Down, Key.Key_Down):
        qtbot.keyClick(edit, key)
        seen.append(edit.text)
    assert seen == ["third", "second", "first", "first", "second", "third", "draft"]


def test_arrows_move_within_a_long_prompt_first(edit, qtbot):
    edit.set_text("one\ntwo")
    qtbot.keyClick(edit, Key.Key_Up)
    assert edit.text == "one\ntwo"
    qtbot.keyClick(edit, Key.Key_Up)
    assert edit.text == "third"


def test_typing_ends_the_walk(edit, qtbot):
    qtbot.keyClick(edit, Key.Key_Up)
    qtbot.keyClicks(edit, "!")
    qtbot.keyClick(edit, Key.Key_Down)
    assert edit.text == "third!"
    qtbot.keyClick(edit, Key.Key_Up)
    assert edit.text == "third"


def test_the_draft_itself_is_not_offered_again(edit, qtbot):
    edit.set_text("third")
    qtbot.keyClick(edit, Key.Key_Up)
    assert edit.text == "second"


def test_down_with_nothing_newer_changes_nothing(edit, qtbot):
    edit.set_text("draft")
    qtbot.keyClick(edit, Key.Key_Down)
    assert edit.text == "draft"


def test_without_a_history_the_arrows_do_no_harm(qtbot):
    edit = PromptEdit(None)
    qtbot.addWidget(edit)
    qtbot.keyClick(edit, Key.Key_Up)
    assert edit.text == ""


def test_it_grows_with_its_text_up_to_a_limit(edit):
    empty = edit.height()
    edit.set_text("\n".join("abcdef"))
    grown = edit.height()
    edit.set_text("\n".join("abcdefghijklmnopqrstuvwxyz"))
    assert empty < grown < edit.height()
    assert edit.height() < 4 * empty


def test_taking_over_a_prompt_can_be_undone(edit):
    edit.set_text("mine")
    edit.set_text("from the history")
    edit.undo()
    assert edit.text == "mine"


def test_tab_leaves_the_field(edit):
    assert edit.tabChangesFocus()


def test_pasted_text_comes_without_its_looks_and_without_zero_characters(edit):
    data = QMimeData()
    data.setHtml("<b>a</b>")
    data.setText("a\x00 fox")
    edit.insertFromMimeData(data)
    assert edit.text == "a fox"


def test_a_dropped_file_is_not_written_into_the_prompt(edit):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/pictures/fox.png")])
    data.setText("file:///pictures/fox.png")
    assert not edit.canInsertFromMimeData(data)


def test_a_long_text_that_is_put_there_shows_its_end(edit):
    edit.resize(260, edit.height())
    edit.set_text("a lighthouse on a cliff above a stormy sea, " * 40)
    assert edit.verticalScrollBar().maximum() > 0
    assert edit.viewport().rect().contains(edit.cursorRect().center())
