"""The steps under a finished picture: looking at them, playing them, and growing another picture from one."""

import dataclasses
import itertools
import threading

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.messages import Branch, QueueChanged, Started, TimelineStep, Verified
from desktop.ui import save_dialog
from desktop.ui.branch_chip import BranchChip
from desktop.ui.create_page import CreatePage
from desktop.ui.timeline_bar import TimelineBar
from desktop.ui.timeline_scrubber import TimelineScrubber
from desktop.ui.timeline_wiring import TimelineWiring
from tests.ui.window_parts import (
    SMALL,
    Engine,
    History,
    Models,
    Starts,
    frame,
    job,
    preview,
    record,
    request,
    write_picture,
)

COUNT = 5


def steps(count=COUNT, first=1):
    return tuple(
        TimelineStep(
            index=first + place,
            timestep=900.0 - 100 * place,
            alpha=0.1 + 0.15 * place,
            sigma=0.9 - 0.15 * place,
            stage="main",
            x_0=frame(grey=100 + place),
            x_t=frame(grey=50 + place),
            change=None if place == 0 else 0.05,
        )
        for place in range(count)
    )


@pytest.fixture
def bar(qtbot):
    bar = TimelineBar()
    qtbot.addWidget(bar)
    bar.resize(800, 44)
    bar.show()
    bar.show_steps(steps(), "Done in 4 s")
    return bar


class Shown:
    """A create page with a timeline, whose pictures have steps unless they are said to have none."""

    def __init__(self, qtbot, tmp_path):
        self.engine, self.found, self.exported = Engine(), steps(), []
        self.page = CreatePage(engine=self.engine, models=Models(), history=History(), starts=Starts())
        qtbot.addWidget(self.page)
        self.page.panel.set_model(SMALL)
        self.verified = []
        self.trunk = steps(3)
        self.wiring = TimelineWiring(
            self.page,
            self.read,
            lambda *what: self.exported.append(what),
            self.verified.append,
            self.page,
            self.read_trunk,
        )
        self.record = record(write_picture(tmp_path / "fox.png"), steps=COUNT, scheduler="ddim")
        self.page.resize(1200, 800)
        self.page.show()

    def read(self, record):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def read_trunk(self, record):
        if isinstance(self.trunk, Exception):
            raise self.trunk
        return self.trunk

    def show(self, qtbot):
        with qtbot.waitSignal(self.wiring._reader.done):
            self.page.show_record(self.record)


@pytest.fixture
def shown(qtbot, tmp_path):
    shown = Shown(qtbot, tmp_path)
    yield shown
    shown.wiring.wait()
    shown.page.wait()


def test_it_begins_at_the_finished_picture(bar):
    assert bar.scrubber.place == COUNT
    assert bar.text == "Done in 4 s"


def test_the_arrow_keys_walk_the_steps_and_each_is_asked_for(bar, qtbot):
    frames = []
    bar.frame_wanted.connect(frames.append)
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End):
        qtbot.keyClick(bar.scrubber, key)
    wanted = [bar.steps[0].x_0, bar.steps[1].x_0, bar.steps[2].x_0, bar.steps[1].x_0, None]
    assert frames == wanted


def test_the_words_say_the_step_and_how_much_it_changed(bar, qtbot):
    qtbot.keyClick(bar.scrubber, Qt.Key.Key_Home)
    assert bar.text == "Step 1 of 5"
    qtbot.keyClick(bar.scrubber, Qt.Key.Key_Right)
    assert bar.text == "Step 2 of 5 · changed 5.0 %"
    assert "log SNR" in bar._label.toolTip()


def test_the_words_of_a_hundred_steps_are_whole_where_there_is_room(bar, qtbot):
    bar.show_steps(steps(first=96), "Done in 4 s", at=100)
    assert bar.text == "Step 100 of 100 · changed 5.0 %"
    assert bar._label.width() >= bar._label.fontMetrics().horizontalAdvance(bar.text)


def test_a_press_on_a_tick_goes_there_and_a_drag_follows(bar, qtbot):
    width = bar.scrubber.width()
    qtbot.mousePress(bar.scrubber, Qt.MouseButton.LeftButton, pos=QPoint(2, 10))
    assert bar.scrubber.place == 0
    qtbot.mouseMove(bar.scrubber, QPoint(width // 2, 10))
    qtbot.mouseRelease(bar.scrubber, Qt.MouseButton.LeftButton, pos=QPoint(width // 2, 10))
    qtbot.mouseClick(bar.scrubber, Qt.MouseButton.LeftButton, pos=QPoint(width - 2, 10))
    assert bar.scrubber.place == COUNT


def test_the_noisy_states_are_shown_on_request(bar, qtbot):
    qtbot.keyClick(bar.scrubber, Qt.Key.Key_Home)
    with qtbot.waitSignal(bar.frame_wanted) as shown:
        bar._noise.click()
    assert shown.args == [bar.steps[0].x_t]


def test_playing_runs_through_to_the_finished_picture_and_stops(bar, qtbot):
    bar._clock.setInterval(1)
    frames = []
    bar.frame_wanted.connect(frames.append)
    bar._play.click()
    qtbot.waitUntil(lambda: not bar._clock.isActive())
    assert frames == [*(step.x_0 for step in bar.steps), None]


def test_a_scrubber_with_nothing_to_show_takes_any_key(qtbot):
    scrubber = TimelineScrubber()
    qtbot.addWidget(scrubber)
    scrubber.show()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_End):
        qtbot.keyClick(scrubber, key)
    assert scrubber.place == 0


def test_a_finished_picture_shows_its_steps_in_place_of_the_progress(shown, qtbot):
    shown.show(qtbot)
    assert shown.wiring.bar.isVisible()
    assert not shown.page.progress.isVisible()
    whole = shown.page.preview.image
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_Home)
    assert shown.page.preview.image.width() == 4, "the frame of the step"
    assert shown.page.preview.record is not None
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_End)
    assert shown.page.preview.image == whole


def test_a_running_job_brings_the_progress_back(shown, qtbot):
    shown.show(qtbot)
    shown.page._on_queue_changed(QueueChanged(jobs=(job(0, running=True),)))
    shown.page._on_started(Started(job_id="job0", request=request()))
    assert shown.page.progress.isVisible()
    assert not shown.wiring.bar.isVisible()


@pytest.mark.parametrize("found", [(), KnownError("The timeline is gone")])
def test_a_picture_without_steps_is_shown_without_them(shown, qtbot, found):
    shown.found = found
    signal = shown.wiring._reader.done if found == () else shown.wiring._reader.failed
    with qtbot.waitSignal(signal):
        shown.page.show_record(shown.record)
    assert not shown.wiring.bar.isVisible()
    assert shown.page.progress.isVisible()


def test_a_branch_goes_into_the_panel_and_out_with_the_next_picture(shown, qtbot):
    shown.show(qtbot)
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_Left)
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_Left)
    shown.wiring.bar.branch_button.click()
    panel = shown.page.panel
    assert panel.branch == Branch(trunk=shown.record.request, step=COUNT - 2)
    assert not panel.steps.isEnabled()
    assert panel.guidance.isEnabled()
    panel.prompt.set_text("a wolf")
    panel.submit()
    sent = shown.engine.submitted[-1]
    assert (sent.prompt, sent.steps, sent.branch.step) == ("a wolf", COUNT, COUNT - 2)
    assert sent.seed == shown.record.request.seed, "the same noise goes on unless it is changed"


def test_removing_the_branch_begins_from_noise_again(shown, qtbot):
    shown.show(qtbot)
    shown.wiring.bar.branch_button.click()
    shown.page.panel._branch_chip._remove.click()
    panel = shown.page.panel
    assert panel.branch is None
    assert panel.steps.isEnabled()
    panel.submit()
    assert shown.engine.submitted[-1].branch is None


def test_variations_from_a_step_are_four_with_other_noise(shown, qtbot):
    shown.show(qtbot)
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_Left)
    shown.wiring.bar._variations.trigger()
    sent = shown.engine.submitted
    assert len(sent) == 4
    assert len({request.seed for request in sent}) == 4
    assert {request.branch.step for request in sent} == {COUNT - 1}


def test_a_branch_of_a_branch_counts_the_steps_of_the_whole_chain(shown, qtbot):
    shown.found = steps(3, first=COUNT - 2)  # the steps before are its trunk's
    shown.show(qtbot)
    qtbot.keyClick(shown.wiring.bar.scrubber, Qt.Key.Key_Left)
    assert shown.wiring.bar.text.startswith(f"Step {COUNT} of {COUNT}")
    shown.wiring.bar.branch_button.click()
    assert shown.page.panel.branch.step == COUNT - 1


def test_the_settings_of_a_branch_are_its_own_and_not_its_trunks(shown):
    trunk = shown.record.request
    grown = trunk.replace(branch=Branch(trunk=trunk, step=2), prompt="a wolf", guidance_scale=9.0, seed=99)
    shown.page.use_request(grown)
    shown.page.panel.submit()
    assert shown.engine.submitted[-1] == grown


def test_variations_of_another_picture_leave_no_branch_behind(shown, qtbot):
    shown.show(qtbot)
    shown.wiring.bar.branch_button.click()
    shown.page.make_variations(request("an owl"))
    assert shown.page.panel.branch is None


def test_a_branch_takes_its_trunks_model(shown, qtbot):
    shown.record = dataclasses.replace(shown.record, request=shown.record.request.replace(model="large"))
    shown.page.model_wanted.connect(lambda name: shown.page.panel.set_model(shown.page._models.resolve(name)))
    shown.show(qtbot)
    shown.wiring.bar.branch_button.click()
    assert shown.page.panel.model.name == "large"
    assert shown.page.panel.branch is not None


def test_the_steps_of_the_last_picture_are_gone_while_those_of_the_next_are_read(shown, qtbot):
    shown.show(qtbot)
    shown.wiring.bar._play.click()
    gate = threading.Event()
    real = shown.wiring._read
    shown.wiring._read = lambda record: (gate.wait(10), real(record))[1]
    with qtbot.waitSignal(shown.page.preview.record_shown):
        shown.page.show_record(dataclasses.replace(shown.record, id=2))
    whole = shown.page.preview.image
    shown.wiring.bar._on_tick()
    shown.wiring.bar.branch_button.click()
    assert shown.page.panel.branch is None
    with qtbot.waitSignal(shown.wiring._reader.done):
        gate.set()
    assert shown.page.preview.image == whole
    shown.wiring.bar.branch_button.click()
    assert shown.page.panel.branch is not None


def test_the_chip_names_step_and_prompt(qtbot):
    chip = BranchChip()
    qtbot.addWidget(chip)
    chip.show_branch(Branch(trunk=request("a very long prompt " * 20), step=3))
    assert chip.isVisible()
    assert "step 3" in chip.toolTip()
    chip.show_branch(None)
    assert not chip.isVisible()


def test_a_picture_is_made_again_from_its_menu_and_the_outcome_is_told(shown, qtbot):
    shown.show(qtbot)
    texts = [action.text() for action in shown.page.preview.menu().actions()]
    assert "Make it again and compare" in texts
    with qtbot.waitSignal(shown.wiring._verifier.done):
        shown.page.preview._on_verify()
    assert shown.verified == [shown.record.path]
    outcome = Verified(
        job_id="job0", path=shown.record.path, largest_difference=3, psnr_db=51.2, differs=(("torch", "2.12", "2.13"),)
    )
    whole = shown.page.preview.image
    shown.page._on_preview(preview())
    assert shown.page.preview.record is None
    with qtbot.waitSignal(shown.wiring._reader.done):
        shown.page._on_verified(outcome)
    assert shown.page.preview.record == shown.record, "the picture itself is there again, not its copy's last preview"
    assert shown.page.preview.image == whole
    assert "largest difference is 3 of 255" in shown.page.messages._title.text()
    assert "torch: was 2.12, is 2.13" in shown.page.messages._hint.text()


def test_a_picture_made_in_stages_offers_no_branch(bar):
    import dataclasses

    assert bar.branch_button.isEnabled()
    bar.show_steps((dataclasses.replace(bar.steps[0], stage="prior", x_0=None, x_t=None), *bar.steps), "Done")
    assert not bar.branch_button.isEnabled()
    assert not bar._variations.isEnabled()


@pytest.fixture
def export_to(shown, tmp_path, monkeypatch):
    """Press Export and choose this file."""

    def export_to(name):
        monkeypatch.setattr(save_dialog, "ask_where", lambda *what: tmp_path / name)
        shown.wiring.bar._export.trigger()
        return tmp_path / name

    return export_to


def test_an_export_says_that_it_goes_on_and_when_it_is_done(shown, export_to, qtbot):
    shown.show(qtbot)
    told = []
    shown.wiring.exporting.connect(lambda path: told.append(("begun", path)))
    shown.wiring.exported.connect(lambda path: told.append(("done", path)))
    with qtbot.waitSignal(shown.wiring.exported):
        path = export_to("film.webp")
    assert told == [("begun", path), ("done", path)]
    assert [what[2:] for what in shown.exported] == [(path, False)]
    assert shown.wiring.bar._export.isEnabled()


def test_the_dialog_offers_films_and_strips_with_their_endings(shown, monkeypatch, qtbot):
    asked = []
    monkeypatch.setattr(save_dialog, "ask_where", lambda *what: asked.append(what))
    shown.show(qtbot)
    shown.wiring.bar._export.trigger()
    ((_, _, name, kinds),) = asked
    assert name.endswith(".webp")
    assert list(kinds.values()) == [".gif", ".png"]
    assert all(ending in kind for kind, ending in kinds.items())
    assert shown.exported == []


@pytest.mark.parametrize(
    ("error", "words"),
    [(KnownError("The disk is full"), "The disk is full"), (OSError("no such device"), "no such device")],
)
def test_an_export_that_fails_says_why(shown, export_to, qtbot, error, words):
    def fail(*what):
        raise error

    shown.wiring._export = fail
    shown.show(qtbot)
    with qtbot.waitSignal(shown.wiring.not_exported):
        export_to("film.webp")
    assert words in shown.page.messages.text
    assert shown.wiring.bar._export.isEnabled()


def test_a_branch_may_go_on_with_another_scheduler(shown, qtbot):
    shown.show(qtbot)
    shown.wiring.bar.branch_button.click()
    panel = shown.page.panel
    assert panel.scheduler.isEnabled()
    panel.submit()
    assert shown.engine.submitted[-1].scheduler == "ddim"
    panel.advanced.choose_scheduler("euler")
    panel.submit()
    sent = shown.engine.submitted[-1]
    assert (sent.scheduler, sent.branch.trunk.scheduler) == ("euler", "ddim")


def test_four_variations_come_from_the_branch_chip_with_what_stands_in_the_panel(shown, qtbot):
    shown.show(qtbot)
    shown.wiring.bar.branch_button.click()
    panel = shown.page.panel
    panel.prompt.set_text("a wolf")
    panel._branch_chip._vary.click()
    sent = shown.engine.submitted
    assert len({request.seed for request in sent}) == 4
    assert {request.prompt for request in sent} == {"a wolf"}
    assert all(request.branch == panel.branch for request in sent)
    panel.prompt.set_text("")
    panel._branch_chip._vary.click()
    assert len(sent) == 4
    assert panel.prompt_error.isVisible()


@pytest.mark.parametrize("width", [1200, 740, 640])
def test_nothing_in_the_bar_lies_over_another_thing(bar, qapp, width):
    bar.offer_live(True)
    bar.offer_stop(True)
    bar.resize(width, 44)
    qapp.processEvents()
    assert bar.width() == width
    parts = sorted((child.x(), child.x() + child.width()) for child in bar.children() if isinstance(child, QWidget))
    shown = [part for part in parts if part[1] > part[0] and part[0] > 0]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(shown)), shown
    assert bar.scrubber.width() >= 96
