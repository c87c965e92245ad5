import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from desktop.ui.number_slider import NumberSlider


@pytest.fixture
def steps(qtbot):
    slider = NumberSlider("Steps", low=1, high=60, default=20, typed_high=1000)
    qtbot.addWidget(slider)
    slider.resize(240, 32)
    slider.show()
    return slider


@pytest.fixture
def guidance(qtbot):
    slider = NumberSlider("Guidance", low=0, high=20, default=4, step=0.5, decimals=1, typed_high=50)
    qtbot.addWidget(slider)
    slider.show()
    return slider


def type_number(qtbot, slider, text):
    slider._field.clear()
    qtbot.keyClicks(slider._field, text)
    qtbot.keyClick(slider._field, Qt.Key.Key_Return)


def turn_wheel(widget):
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(widget.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_it_starts_at_the_default(steps, guidance):
    assert (steps.value, guidance.value) == (20, 4.0)
    assert isinstance(steps.value, int)
    assert guidance._field.text() == "4.0"


def test_a_typed_number_moves_the_slider_and_is_told(steps, qtbot):
    with qtbot.waitSignal(steps.changed) as told:
        type_number(qtbot, steps, "35")
    assert told.args == [35]
    assert steps._slider.value() == 34


def test_typing_goes_beyond_the_end_of_the_slider(steps, qtbot):
    type_number(qtbot, steps, "150")
    assert steps.value == 150
    assert steps._slider.value() == steps._slider.maximum()


@pytest.mark.parametrize(("typed", "value"), [("99999", 1000), ("0", 1), ("-3", 1), ("7.6", 8)])
def test_a_number_out_of_range_goes_to_the_nearest_end(steps, qtbot, typed, value):
    type_number(qtbot, steps, typed)
    assert steps.value == value


@pytest.mark.parametrize("typed", ["", "many", "nan", "inf", "1e999", "--"])
def test_what_is_no_number_gives_way_to_the_last_one_that_was(steps, qtbot, typed):
    type_number(qtbot, steps, typed)
    assert steps.value == 20
    assert steps._field.text() == "20"


def test_a_decimal_comma_is_understood(guidance, qtbot):
    type_number(qtbot, guidance, "7,5")
    assert guidance.value == 7.5


def test_a_typed_value_between_two_marks_stays_exact(guidance, qtbot):
    type_number(qtbot, guidance, "7.3")
    assert guidance.value == 7.3


def test_a_value_set_from_an_old_picture_stays_exact(guidance):
    guidance.set_value(0.1 + 0.2)
    guidance.commit()
    assert guidance.value == 0.1 + 0.2


def test_arrow_keys_step_in_slider_and_field(steps, qtbot):
    qtbot.keyClick(steps._slider, Qt.Key.Key_Right)
    assert steps.value == 21
    qtbot.keyClick(steps._field, Qt.Key.Key_Up)
    qtbot.keyClick(steps._field, Qt.Key.Key_Up)
    assert steps.value == 23
    qtbot.keyClick(steps._field, Qt.Key.Key_Down)
    assert steps.value == 22


def test_a_double_click_gives_the_default_back(steps, qtbot):
    steps.set_value(50)
    qtbot.mouseDClick(steps._slider, Qt.MouseButton.LeftButton)
    assert steps.value == 20
    steps.set_default(30)
    qtbot.mouseDClick(steps._slider, Qt.MouseButton.LeftButton)
    assert steps.value == 30


def test_a_click_jumps_there(steps, qtbot):
    qtbot.mouseClick(steps._slider, Qt.MouseButton.LeftButton, pos=QPoint(steps._slider.width() - 1, 16))
    assert steps.value == 60
    qtbot.mouseClick(steps._slider, Qt.MouseButton.LeftButton, pos=QPoint(0, 16))
    assert steps.value == 1


def test_the_wheel_counts_only_when_focused(steps):
    steps._field.setFocus()
    assert not turn_wheel(steps._slider)
    assert steps.value == 20
    steps._slider.setFocus()
    turn_wheel(steps._slider)
    assert steps.value > 20


def test_both_halves_have_an_accessible_name(steps):
    assert (steps._slider.accessibleName(), steps._field.accessibleName()) == ("Steps", "Steps")


def test_another_end_takes_the_value_along(qtbot):
    slider = NumberSlider("t", low=0, high=999, default=0)
    qtbot.addWidget(slider)
    slider.set_value(900)
    slider.set_high(499)
    assert slider.value == 499
    slider._field.selectAll()
    qtbot.keyClicks(slider._field, "777")
    slider.commit()
    assert slider.value == 499
