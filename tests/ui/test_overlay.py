import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.ui.fold import Fold
from desktop.ui.overlay import Overlay

Key = Qt.Key


@pytest.fixture
def window(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(QLineEdit(window))
    window.resize(600, 400)
    window.show()
    return window


@pytest.fixture
def card(window):
    window.findChild(QLineEdit).setFocus()
    card = Overlay("Keys", window)
    card.open_card()
    return card


def test_a_card_covers_the_window_also_when_that_grows(card, window):
    assert card.size() == window.size()
    window.resize(800, 500)
    assert card.size() == window.size()


@pytest.mark.parametrize("key", [Key.Key_Escape, Key.Key_Question])
def test_a_key_closes_it_and_the_focus_goes_back(card, window, qtbot, key):
    with qtbot.waitSignal(card.closed):
        if key == Key.Key_Question:
            qtbot.keyClicks(window.focusWidget(), "?")
        else:
            qtbot.keyClick(window.focusWidget(), key)
    assert not card.isVisible()
    assert window.focusWidget() is window.findChild(QLineEdit)


def test_keys_do_not_reach_what_lies_under_it(card, window, qtbot):
    qtbot.keyClicks(window.focusWidget(), "abc")
    qtbot.keyClick(window.focusWidget(), Key.Key_Tab)
    assert window.findChild(QLineEdit).text() == ""
    assert card.isAncestorOf(window.focusWidget())


def test_a_click_beside_it_closes_it_and_a_click_on_it_does_not(card, qtbot):
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=card.card.geometry().center())
    assert card.isVisible()
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert not card.isVisible()


def test_a_fold_opens_by_mouse_and_by_key_and_says_so(qtbot):
    body = QLineEdit()
    fold = Fold("Negative prompt")
    fold.set_body(body)
    qtbot.addWidget(fold)
    fold.show()
    assert not body.isVisible()
    with qtbot.waitSignal(fold.toggled):
        qtbot.mouseClick(fold.header, Qt.MouseButton.LeftButton)
    assert body.isVisible()
    qtbot.keyClick(fold.header, Key.Key_Space)
    assert not body.isVisible()
    fold.set_open(True)
    assert fold.open
    assert body.isVisible()
