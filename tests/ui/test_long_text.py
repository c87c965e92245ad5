import pytest
from PySide6.QtCore import Qt

from desktop.ui.long_text import LongText

LONG = "a lighthouse on a cliff above a stormy sea " * 12


@pytest.fixture
def text(qtbot):
    text = LongText("Prompt", 4, None)
    qtbot.addWidget(text)
    text.resize(220, 400)
    text.show()
    return text


def lines(text):
    return text.label.height() / text.label.fontMetrics().lineSpacing()


def test_a_short_text_is_whole_and_has_no_button(text):
    text.set_text("a fox")
    assert not text.more.isVisible()
    assert lines(text) == pytest.approx(1, abs=0.2)


def test_a_long_one_shows_its_first_lines_and_the_rest_when_it_is_wanted(text, qtbot):
    text.set_text(LONG)
    assert text.text() == LONG
    assert lines(text) == 4
    assert text.more.accessibleName() == "Prompt: Show all"
    qtbot.keyClick(text.more, Qt.Key.Key_Space)
    assert text.label.height() == text.label.heightForWidth(220)
    assert text.more.text() == "Show less"
    text.set_text(LONG)
    assert text.more.isChecked(), "it is the same text"
    text.set_text(LONG + "!")
    assert lines(text) == 4


def test_one_line_more_is_no_reason_to_hide_it(text):
    text.set_text("a\nb\nc\nd\ne")
    assert not text.more.isVisible()
    assert text.label.height() == text.label.heightForWidth(220)


def test_a_width_that_has_room_for_all_takes_the_button_away(text):
    text.set_text(LONG[:150])
    text.resize(120, 400)
    assert text.more.isVisible()
    text.resize(1200, 400)
    assert not text.more.isVisible()
