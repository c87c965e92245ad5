import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.messages import Failed
from desktop.ui.message_bar import MessageBar
from desktop.ui.toast import Toast


@pytest.fixture
def bar(qtbot):
    bar = MessageBar()
    qtbot.addWidget(bar)
    return bar


@pytest.fixture
def toast(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(600, 400)
    parent.show()
    toast = Toast(parent)
    yield toast
    toast._timer.stop()


def failed(**more):
    return Failed(job_id="job0", request=None, **more)


def test_a_known_error_says_what_is_wrong_and_what_to_do(bar):
    bar.show_error(KnownError("The disk is full", "Free some space and try again."))
    assert bar.isVisible()
    assert bar.text == "The disk is full"
    assert bar._hint.text() == "Free some space and try again."
    assert not bar._log.isVisible()
    assert not bar._fold.isVisible()
    assert bar.accessibleName() == "The disk is full. Free some space and try again."


def test_a_bug_is_called_one_and_leads_to_the_log(bar, qtbot):
    bar.show_failed(failed(message="'x'", hint="", is_bug=True, details="Traceback …"))
    assert bar.text == "This is a bug in Safelight: 'x'"
    assert "Nothing already made is lost" in bar._hint.text()
    with qtbot.waitSignal(bar.log_requested):
        qtbot.mouseClick(bar._log, Qt.MouseButton.LeftButton)


def test_details_are_folded_away_and_can_be_copied(bar, qtbot):
    bar.show_failed(failed(message="m", hint="h", details="line 1\nline 2"))
    assert not bar._details.isVisible()
    qtbot.mouseClick(bar._fold.header, Qt.MouseButton.LeftButton)
    assert bar._details.isVisible()
    qtbot.mouseClick(bar._copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "m\nline 1\nline 2"


def test_it_goes_when_it_is_closed(bar, qtbot):
    bar.show_error(KnownError("m"))
    qtbot.mouseClick(bar._close, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()
    assert bar.text == ""


def test_the_next_message_takes_the_place_of_the_last(bar):
    bar.show_failed(failed(message="bug", hint="", is_bug=True, details="Traceback …"))
    bar.show_error(KnownError("The prompt is empty"))
    assert bar.text == "The prompt is empty"
    assert not bar._log.isVisible()
    assert not bar._hint.isVisible()


def test_a_toast_offers_the_way_back_once(toast, qtbot):
    undone = []
    toast.show_message("Picture moved to the trash", action="Undo", on_action=lambda: undone.append(1))
    assert toast.text == "Picture moved to the trash"
    qtbot.mouseClick(toast._button, Qt.MouseButton.LeftButton)
    assert undone == [1]
    assert toast.text == ""


def test_a_toast_goes_by_itself_unless_it_waits_for_an_answer(toast):
    toast.show_message("Saved")
    assert not toast._button.isVisible()
    assert toast._timer.isActive()
    toast._timer.timeout.emit()
    assert toast.text == ""
    toast.show_message("3 pictures left", action="Make now", stay=True)
    assert not toast._timer.isActive()


def test_a_toast_stays_in_the_middle_when_the_window_grows(toast):
    toast.show_message("Saved")
    toast.parentWidget().resize(900, 500)
    assert abs(toast.geometry().center().x() - 450) <= 1
    assert toast.geometry().bottom() < 500


def test_a_toast_does_not_move_where_less_motion_is_wished(toast, monkeypatch):
    monkeypatch.setattr("desktop.ui.theme.motion_ms", lambda: 0)
    toast.show_message("Saved")
    assert toast._motion.state() == toast._motion.State.Stopped
    assert toast.y() == 400 - toast.height() - 24
