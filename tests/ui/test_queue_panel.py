import pytest
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, Qt

from desktop.messages import QueueChanged
from desktop.ui.queue_panel import QueuePanel
from tests.ui.window_parts import Engine, job, preview

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def panel(qtbot, engine):
    panel = QueuePanel(engine)
    qtbot.addWidget(panel)
    panel.resize(240, 400)
    panel.show()
    return panel


def fill(panel, count=4, running=True):
    panel.on_queue_changed(QueueChanged(jobs=tuple(job(i, running=running and i == 0) for i in range(count))))


def choose(panel, row):
    panel.list.setCurrentIndex(panel.model.index(row))


def chosen(panel):
    return panel.model.jobs[panel.list.currentIndex().row()].job_id


def drag(panel, source, target):
    """Drop the row `source` so that it lies before the row `target`, as the view reports it."""
    data = panel.model.mimeData([panel.model.index(source)])
    panel.model.dropMimeData(data, Qt.DropAction.MoveAction, target, 0, QModelIndex())


def test_an_empty_queue_says_what_it_is_for(panel):
    assert panel._title.text() == "Queue"
    assert panel._empty.isVisible()
    assert panel.list is None
    fill(panel)
    assert panel.list.isVisible()
    fill(panel, count=0)
    assert not panel.list.isVisible()


def test_the_queue_is_shown_with_its_length(panel, qtmodeltester):
    fill(panel)
    assert panel._title.text() == "Queue (4)"
    assert [panel.model.index(row).data() for row in range(4)] == [f"picture {i}" for i in range(4)]
    qtmodeltester.check(panel.model)
    panel.grab()


def test_the_running_job_shows_its_progress(panel):
    fill(panel)
    panel.on_preview(preview(step=5, total=20, seconds_left=8.0))
    first = panel.model.index(0)
    assert panel.model.data(first, Qt.ItemDataRole.UserRole + 1) == 0.25
    assert panel.model.data(first, Qt.ItemDataRole.AccessibleTextRole) == ("picture 0, Step 5 of 20, 8 s left")


def test_ctrl_down_and_up_reorder_among_the_waiting(panel, engine, qtbot):
    fill(panel)
    choose(panel, 1)
    qtbot.keyClick(panel.list, Key.Key_Down, Modifier.ControlModifier)
    choose(panel, 3)
    qtbot.keyClick(panel.list, Key.Key_Up, Modifier.ControlModifier)
    assert engine.moved == [("job1", 1), ("job3", 1)]


def test_neither_the_running_job_nor_the_ends_can_be_moved_away(panel, engine, qtbot):
    fill(panel)
    for row, key in ((0, Key.Key_Down), (1, Key.Key_Up), (3, Key.Key_Down)):
        choose(panel, row)
        qtbot.keyClick(panel.list, key, Modifier.ControlModifier)
    assert engine.moved == []


def test_without_a_running_job_the_first_can_be_moved(panel, engine, qtbot):
    fill(panel, running=False)
    choose(panel, 0)
    qtbot.keyClick(panel.list, Key.Key_Down, Modifier.ControlModifier)
    assert engine.moved == [("job0", 1)]


@pytest.mark.parametrize(
    ("source", "target", "index"),
    [(1, 4, 2), (1, -1, 2), (3, 1, 0), (3, 0, 0), (1, 3, 1)],
)
def test_dragging_asks_for_the_place_that_was_dropped_on(panel, engine, source, target, index):
    fill(panel)
    drag(panel, source, target)
    assert engine.moved == [(f"job{source}", index)]
    assert [j.job_id for j in panel.model.jobs] == ["job0", "job1", "job2", "job3"]  # the engine decides


def test_dropping_a_job_where_it_was_asks_for_nothing(panel, engine):
    fill(panel)
    drag(panel, 2, 2)
    drag(panel, 2, 3)
    assert engine.moved == []


def test_a_job_that_ended_while_it_was_dragged_is_let_go(panel, engine):
    fill(panel)
    data = panel.model.mimeData([panel.model.index(3)])
    fill(panel, count=2)
    panel.model.dropMimeData(data, Qt.DropAction.MoveAction, 1, 0, QModelIndex())
    panel.model.dropMimeData(QMimeData(), Qt.DropAction.MoveAction, 1, 0, QModelIndex())
    assert engine.moved == []


def test_only_waiting_jobs_can_be_dragged(panel):
    fill(panel)
    dragged = [bool(panel.model.index(r).flags() & Qt.ItemFlag.ItemIsDragEnabled) for r in range(4)]
    assert dragged == [False, True, True, True]


def test_del_removes_and_the_keyboard_stays_in_place(panel, engine, qtbot):
    fill(panel)
    choose(panel, 2)
    qtbot.keyClick(panel.list, Key.Key_Delete)
    assert engine.cancelled == ["job2"]
    panel.on_queue_changed(QueueChanged(jobs=(job(0, running=True), job(1), job(3))))
    assert chosen(panel) == "job3"


def test_del_stops_the_running_job(panel, engine, qtbot):
    fill(panel)
    choose(panel, 0)
    qtbot.keyClick(panel.list, Key.Key_Delete)
    assert engine.cancelled == ["job0"]


def test_the_selection_follows_its_job(panel):
    fill(panel)
    choose(panel, 3)
    panel.on_queue_changed(QueueChanged(jobs=(job(0, running=True), job(3), job(1), job(2))))
    assert chosen(panel) == "job3"
    assert panel.list.currentIndex().row() == 1


def test_a_click_on_the_cross_removes_that_row(panel, engine, qtbot):
    fill(panel)
    row = panel.list.visualRect(panel.model.index(1))
    place = QPoint(row.right() - 24, row.center().y())
    qtbot.mouseMove(panel.list.viewport(), place)
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert engine.cancelled == ["job1"]


def test_a_prompt_of_many_lines_is_one_row(panel):
    from tests.ui.window_parts import request

    waiting = job(1)
    waiting = type(waiting)(job_id="job1", request=request("a fox\n\nin   snow"), running=False)
    panel.on_queue_changed(QueueChanged(jobs=(waiting,)))
    assert panel.model.index(0).data() == "a fox in snow"


def test_the_queue_is_paused_and_goes_on(qtbot):
    engine = Engine()
    panel = QueuePanel(engine)
    qtbot.addWidget(panel)
    panel.show()
    panel.on_queue_changed(QueueChanged(jobs=(job(0, running=True),)))
    panel.pause_button.click()
    assert engine.paused
    panel.on_queue_changed(QueueChanged(jobs=(job(0),), paused=True))
    assert panel.pause_button.toolTip() == "Go on"
    panel.pause_button.click()
    assert not engine.paused
    panel.on_queue_changed(QueueChanged(jobs=()))
    assert not panel.pause_button.isVisible()
