"""Grids in a window: set up on a card, filled live, opened picture by picture."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics

from desktop.errors import KnownError
from desktop.grids import CellState, make_grid, parse_axis
from desktop.messages import Branch, Cancelled, Failed, Frame, Lora, PictureRecord, Preview, Saved, Started
from desktop.ui import grid_words, theme
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage
from desktop.ui.grid_card import GridCard, Trunk
from desktop.ui.grid_model import IMAGE
from desktop.ui.grid_wiring import GridWiring
from tests.ui.window_parts import LARGE, SMALL, Engine, History, Models, Starts, request, write_picture

BASE = request("a red apple", seed=7, steps=20)


class Numbered(Engine):
    """Refuses after some pictures, where it is told to."""

    room = 1000

    def submit(self, request):
        if len(self.submitted) == self.room:
            raise KnownError("Safelight is closing", "Start it again to make pictures.")
        return super().submit(request)


class Shown:
    """A create page, and what its grids ask of the rest of the program."""

    def __init__(self, qtbot, tmp_path):
        self.engine, self.tmp_path, self.qtbot = Numbered(), tmp_path, qtbot
        self.page = CreatePage(engine=self.engine, models=Models(), history=History(), starts=Starts())
        qtbot.addWidget(self.page)
        self.page.panel.set_model(SMALL)
        self.page.panel.prompt.set_text("a red apple")
        self.bridge = Bridge(self.page)
        self.page.connect_bridge(self.bridge)
        self.sheets, self.told, self.trunk, self.kept, self.there = [], [], None, [], {}
        self.wiring = GridWiring(
            self.page,
            engine=self.engine,
            models=Models(),
            grids=self,
            on_sheet=self.told.append,
            trunk_of=lambda record: self.trunk,
            cover=self.page,
            parent=self.page,
        )
        self.wiring.connect_bridge(self.bridge)
        self.page.resize(1200, 800)
        self.page.show()

    def keep(self, grid):
        self.kept.append(grid)
        return len(self.kept)

    def drawn(self, grid):
        return self.there

    def finish(self, number, grid, results):
        assert number is not None, "it was kept before"
        self.sheets.append((grid, results))
        path = write_picture(self.tmp_path / "sheet.png")
        return PictureRecord(id=99, path=str(path), request=grid.base, created_at=0.0, seconds=1.0)

    def start(self, x="7, 8", y="2, 4"):
        axes = [parse_axis("seed", x)] + ([parse_axis("guidance", y)] if y else [])
        self.wiring.start(make_grid(BASE, *axes))
        return self.wiring.view

    def post(self, event):
        self.bridge.post(event)
        self.qtbot.waitUntil(lambda: self.bridge.waiting == 0)

    def begin(self, number):
        self.post(Started(job_id=f"job{number}", request=self.engine.submitted[number]))

    def step(self, number, step, grey=100):
        frame = Frame(width=4, height=4, rgb=bytes([grey]) * 48)
        self.post(Preview(job_id=f"job{number}", step=step, total=20, frame=frame, seconds=1.0, seconds_left=None))

    def save(self, number, color=Qt.GlobalColor.blue):
        path = write_picture(self.tmp_path / f"{number}.png", 32, 32, color)
        record = PictureRecord(
            id=number, path=str(path), request=self.engine.submitted[number], created_at=0.0, seconds=4.0
        )
        self.post(Saved(job_id=f"job{number}", record=record))
        return record


@pytest.fixture
def shown(qtbot, tmp_path):
    shown = Shown(qtbot, tmp_path)
    yield shown
    shown.wiring.wait()
    shown.page.wait()
    shown.bridge.close()


@pytest.fixture
def card(qtbot, shown):
    card = GridCard(shown.page)
    card.started_with = []
    card.started.connect(card.started_with.append)
    return card


def set_up(card, base=BASE, trunk=None, pace=lambda request: None):
    card.set_up(base, (SMALL, LARGE), trunk, pace)
    card.open_card()


def choose(row, setting, values=None):
    row.setting.setCurrentIndex(row.setting.findData(setting))
    if values is not None:
        row.values.setText(values)


# The card


def test_the_card_begins_with_a_grid_that_can_be_started_at_once(card, qtbot):
    set_up(card)
    assert card.x.values.hasFocus()
    assert card.summary == "3 × 4 = 12 pictures"
    qtbot.keyClick(card.x.values, Qt.Key.Key_Return)
    (grid,) = card.started_with
    assert (grid.x.setting, grid.y.setting) == ("guidance", "seed")
    assert grid.base == BASE
    assert card.isHidden()


def test_what_is_wrong_is_said_under_its_field_and_nothing_can_be_started(card):
    set_up(card)
    card.x.values.setText("two")
    assert "'two' is no value for the guidance" in card.x.line
    assert not card.start.isEnabled()
    assert card.summary == ""
    card.x.values.setText("2, 4")
    assert "commas" in card.x.line
    card.y.values.setText("1-60")
    assert "120 pictures" in card.y.line
    card.y.values.setText("1-2")
    assert card.start.isEnabled()


def test_the_time_is_told_where_the_pace_is_known(card):
    set_up(card, pace=lambda request: 0.5)
    choose(card.x, "steps", "10, 20")
    choose(card.y, "seed", "1-2")
    assert card.summary == "2 × 2 = 4 pictures, about 30 s"


def test_equal_pictures_are_counted_once(card):
    set_up(card)
    choose(card.x, "seed", "1, 1, 2")
    choose(card.y, "")
    assert card.summary == "3 × 1 = 3 pictures, 2 of them different"


def test_words_ask_for_what_takes_their_place_before_they_complain(card):
    set_up(card)
    choose(card.x, "words")
    assert card.x.values.text() == "apple, "
    assert "The words in the prompt" in card.x.line
    choose(card.x, "words", "pear, plum")
    assert "no 'pear'" in card.x.line


def test_schedulers_and_models_are_added_from_a_list(card):
    set_up(card)
    choose(card.x, "scheduler", "ddim")
    assert card.x.more.isVisible()
    card.x.more.menu().actions()[1].trigger()
    assert card.x.values.text() == "ddim, euler"
    card.x.values.setText("ddim, lms")
    assert "does not work with the scheduler lms" in card.x.line
    choose(card.x, "model", "")
    card.x.more.menu().actions()[1].trigger()
    assert card.x.values.text() == "large"
    choose(card.x, "steps")
    assert not card.x.more.isVisible()


def test_every_setting_suggests_values_that_make_a_grid(card):
    base = BASE.replace(start_picture="a" * 64, loras=(Lora(file="/x"),))
    set_up(card, base)
    choose(card.y, "")
    for place in range(card.x.setting.count()):
        card.x.setting.setCurrentIndex(place)
        if card.x.code == "words":
            card.x.values.setText("apple, pear")
        assert card.start.isEnabled(), (card.x.code, card.x.line)


def test_from_a_step_of_the_shown_picture_all_pictures_are_branches(card):
    trunk = Trunk(request=BASE, steps=20, step=8)
    set_up(card, trunk=trunk)
    assert card.branch.isVisible()
    card.branch.setChecked(True)
    assert card.step.value == 8
    choose(card.x, "steps", "10, 20")
    assert "begins at a step of a picture" in card.x.line
    choose(card.x, "words", "apple, pear")
    card.start.click()
    (grid,) = card.started_with
    assert {request.branch for request in grid.requests} == {Branch(trunk=BASE, step=8)}


def test_without_steps_to_begin_at_there_is_no_such_choice(card):
    set_up(card)
    assert not card.branch.isVisible()


def test_tab_stays_in_the_card_and_escape_closes_it(card, qtbot, shown):
    shown.page.panel.prompt.setFocus()
    set_up(card)
    for _ in range(12):
        qtbot.keyClick(card.window().focusWidget(), Qt.Key.Key_Tab)
        assert card.isAncestorOf(card.window().focusWidget())
    qtbot.keyClick(card.window().focusWidget(), Qt.Key.Key_Escape)
    assert card.isHidden()
    assert shown.page.panel.prompt.hasFocus()


# In the window


def test_the_button_in_the_panel_opens_the_card_with_the_panels_settings(shown):
    shown.page.panel.seed.set_locked(True)
    shown.page.panel.seed.set_seed(5)
    shown.page.panel.grid_button.click()
    assert shown.wiring.card.isVisible()
    shown.wiring.card.start.click()
    assert len(shown.engine.submitted) == 12
    assert {r.prompt for r in shown.engine.submitted} == {"a red apple"}
    assert [r.seed for r in shown.engine.submitted][::3] == [5, 6, 7, 8]


def test_a_panel_that_makes_no_picture_says_why_and_opens_no_card(shown):
    shown.page.panel.prompt.clear()
    shown.page.panel.grid_button.click()
    assert shown.wiring.card is None
    assert "prompt is empty" in shown.page.panel.prompt_error.text()


def test_the_grid_fills_in_as_its_pictures_are_drawn(shown, qtbot):
    view = shown.start()
    assert [(r.seed, r.guidance_scale) for r in shown.engine.submitted] == [(7, 2), (8, 2), (7, 4), (8, 4)]
    assert view.isVisible()
    assert view.table.hasFocus()
    assert view.state == "0 of 4 pictures"
    model = view.model
    assert [model.headerData(n, Qt.Orientation.Horizontal) for n in range(2)] == ["seed 7", "seed 8"]
    assert [model.headerData(n, Qt.Orientation.Vertical) for n in range(2)] == ["guidance 2", "guidance 4"]
    shown.begin(0)
    shown.step(0, 3, grey=90)
    first = model.index(0, 0)
    assert model.cell(first).state is CellState.DRAWING
    assert model.data(first, IMAGE).pixelColor(0, 0).red() == 90
    middle = view.table.visualRect(first).center()
    assert view.table.viewport().grab().toImage().pixelColor(middle).red() == 90
    shown.step(0, 4, grey=200)
    assert view.table.viewport().grab().toImage().pixelColor(middle).red() == 200
    shown.save(0, Qt.GlobalColor.blue)
    qtbot.waitUntil(lambda: model.data(first, IMAGE).pixelColor(0, 0).blue() == 255)
    assert view.table.viewport().grab().toImage().pixelColor(middle).blue() == 255
    assert view.state == "1 of 4 pictures"
    assert "seed 7 · guidance 2: Done" in model.data(first, Qt.ItemDataRole.AccessibleTextRole)


def test_a_failing_cell_says_why_in_its_place_and_the_rest_goes_on(shown, qtbot):
    view = shown.start()
    shown.begin(0)
    request = shown.engine.submitted[0]
    shown.post(Failed(job_id="job0", request=request, message="There is not enough memory", hint="Close programs."))
    model = view.model
    assert model.state(model.cell(model.index(0, 0))) == "There is not enough memory. Close programs."
    assert not shown.page.messages.isVisible(), "it is said once"
    assert view.state == "0 of 4 pictures, 1 failed"
    for number in (1, 2, 3):
        shown.begin(number)
        shown.save(number)
    qtbot.waitUntil(lambda: view.sheet is not None)
    (grid, results) = shown.sheets[0]
    assert results[0, 0] == "There is not enough memory. Close programs."
    assert results[1, 1].request == grid.at(1, 1)
    assert shown.told == [view.sheet]
    assert view.sheet_button.isVisible()
    assert not view.stop_button.isVisible()


def test_one_cell_is_stopped_by_del_and_all_the_rest_by_the_button(shown, qtbot):
    view = shown.start()
    shown.begin(0)
    qtbot.keyClick(view.table, Qt.Key.Key_Right)
    qtbot.keyClick(view.table, Qt.Key.Key_Delete)
    assert shown.engine.cancelled == ["job1"]
    shown.post(Cancelled(job_id="job1", request=shown.engine.submitted[1], step=0))
    view.stop_button.click()
    assert shown.engine.cancelled == ["job1", "job3", "job2", "job0"]
    for number in (3, 2, 0):
        shown.post(Cancelled(job_id=f"job{number}", request=shown.engine.submitted[number], step=0))
    assert view.state == "0 of 4 pictures, 4 stopped"
    qtbot.waitUntil(lambda: bool(shown.sheets))


def test_a_picture_is_seen_large_and_back_again_with_the_keyboard(shown, qtbot):
    view = shown.start()
    shown.begin(0)
    record = shown.save(0)
    with qtbot.waitSignal(shown.page.preview.record_shown):
        qtbot.keyClick(view.table, Qt.Key.Key_Return)
    assert shown.page.preview.record == record
    assert view.isHidden()
    assert shown.wiring._back.isVisible()
    qtbot.keyClick(shown.page.preview, Qt.Key.Key_Escape)
    assert view.isVisible()
    assert view.table.hasFocus()
    assert not shown.wiring._back.isVisible()
    qtbot.keyClick(view.table, Qt.Key.Key_Escape)
    assert view.isHidden()
    shown.wiring._back.click()
    assert view.isVisible()


def test_a_cell_that_is_not_done_does_not_open(shown, qtbot):
    view = shown.start()
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    assert view.isVisible()


def test_looking_at_another_picture_or_making_one_steps_aside(shown, qtbot):
    view = shown.start()
    other = PictureRecord(
        id=5, path=str(write_picture(shown.tmp_path / "x.png")), request=BASE, created_at=0.0, seconds=1.0
    )
    with qtbot.waitSignal(shown.page.preview.record_shown):
        shown.page.show_record(other)
    assert view.isHidden()
    shown.wiring.show()
    shown.page.panel.submit()
    assert view.isHidden()


def test_a_closed_grid_goes_on_and_its_sheet_comes_all_the_same(shown, qtbot):
    view = shown.start("7", "")
    view.close_button.click()
    assert shown.wiring.view is None
    shown.begin(0)
    shown.save(0)
    qtbot.waitUntil(lambda: len(shown.told) == 1)


def test_equal_cells_are_one_job_and_fill_in_together(shown):
    view = shown.start("7, 8, 7", "")
    assert len(shown.engine.submitted) == 2
    shown.begin(0)
    shown.step(0, 2)
    assert [view.model.cell(view.model.index(0, column)).state for column in range(3)] == [
        CellState.DRAWING,
        CellState.WAITING,
        CellState.DRAWING,
    ]


@pytest.mark.parametrize(("x", "y"), [("1-2", "1-2"), ("1-8", "1-6"), ("1-10", "1-10"), ("1-12", "")])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_every_grid_fits_the_room_there_is(shown, qtbot, x, y, size):
    view = shown.start(x, y)
    shown.page.resize(*size)
    qtbot.waitUntil(lambda: view.size() == shown.page.preview.size())
    table = view.table
    assert table.parentWidget().rect().contains(table.geometry())
    assert not table.horizontalScrollBar().isVisible()
    assert not table.verticalScrollBar().isVisible()
    header, metrics = table.verticalHeader(), QFontMetrics(theme.font(12))
    widest = max(metrics.horizontalAdvance(label) for label in grid_words.labels(view.model.progress.grid.y))
    assert not widest or header.width() >= widest + theme.S24, "short labels are whole"
    cell = table.visualRect(view.model.index(0, 0))
    assert cell.width() == cell.height(), "the pictures are square"


def test_an_engine_that_takes_no_more_is_said_and_the_rest_is_drawn(shown):
    shown.engine.room = 2
    shown.start()
    assert "closing" in shown.page.messages.text


def test_the_pace_of_finished_pictures_tells_how_long_a_grid_takes(shown):
    shown.start("7", "")
    shown.begin(0)
    shown.save(0)
    assert shown.wiring._pace_of(BASE) == 4.0 / 20


# After a restart


def test_an_interrupted_grid_goes_on_with_what_is_drawn_and_gets_its_sheet(shown, qtbot):
    grid = make_grid(BASE, parse_axis("seed", "7, 8, 9"))
    path = write_picture(shown.tmp_path / "before.png", 32, 32, Qt.GlobalColor.blue)
    before = PictureRecord(id=1, path=str(path), request=grid.at(0, 0), created_at=0.0, seconds=4.0)
    shown.there = {before.request: before}
    shown.wiring.take_up([(3, grid)], [(shown.engine.submit(r), r) for r in (BASE.replace(seed=1), grid.at(1, 0))])
    view = shown.wiring.view
    qtbot.waitUntil(lambda: view.state == "1 of 3 pictures, 1 stopped")
    qtbot.waitUntil(lambda: not view.model.data(view.model.index(0, 0), IMAGE).isNull())
    assert shown.sheets == []
    shown.begin(1)
    record = shown.save(1)
    qtbot.waitUntil(lambda: view.sheet is not None)
    assert shown.sheets == [(grid, {(0, 0): before, (1, 0): record, (2, 0): "Stopped"})]
    assert shown.kept == [], "it is kept already"


def test_a_grid_whose_pictures_are_all_there_gets_its_sheet_and_takes_nobodys_place(shown, qtbot):
    grid = make_grid(BASE, parse_axis("seed", "7"))
    record = PictureRecord(id=1, path="/7.png", request=grid.at(0, 0), created_at=0.0, seconds=4.0)
    shown.there = {record.request: record}
    shown.wiring.take_up([(3, grid)])
    qtbot.waitUntil(lambda: len(shown.told) == 1)
    assert shown.wiring.view is None
    assert shown.sheets == [(grid, {(0, 0): record})]


def test_a_grid_that_ends_before_its_beginnings_are_read_ends_once(shown, qtbot):
    grid = make_grid(BASE, parse_axis("seed", "7"))
    shown.wiring.take_up([(3, grid)], [(shown.engine.submit(grid.at(0, 0)), grid.at(0, 0))])
    with qtbot.waitSignal(shown.wiring._sheets.settled):
        shown.wiring._on_event(Cancelled(job_id="job0", request=grid.at(0, 0), step=0))
    qtbot.waitUntil(lambda: len(shown.sheets) == 1)
