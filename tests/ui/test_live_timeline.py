"""The steps of a picture that develops: looked back at while the run goes on, and two of them compared."""

import dataclasses

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.messages import Branch, Cancelled, Frame, Preview, QueueChanged, Saved, Started, TimelineStep
from desktop.ui.timeline_steps import LiveSteps
from tests.ui.test_timeline import COUNT, Shown, steps
from tests.ui.window_parts import frame, job, record, request, write_picture

TOTAL = COUNT
Key = Qt.Key


class Running(Shown):
    """A job that the test takes step by step."""

    def start(self, number=0):
        self.job = f"job{number}"
        self.page._on_queue_changed(QueueChanged(jobs=(job(number, running=True),)))
        self.page._on_started(Started(job_id=self.job, request=request(steps=TOTAL)))

    def step(self, *indexes, grey=100):
        for index in indexes:
            taken = dataclasses.replace(
                steps(1, first=index)[0], x_0=frame(grey=grey + index), x_t=frame(grey=index), change=None
            )
            self.page._on_preview(
                Preview(
                    job_id=self.job,
                    step=index,
                    total=TOTAL,
                    frame=taken.x_0,
                    seconds=1.0,
                    seconds_left=4.0,
                    taken=taken,
                )
            )

    def save(self):
        self.page._on_saved(Saved(job_id=self.job, record=self.record))

    @property
    def bar(self):
        return self.wiring.bar

    @property
    def grey(self):
        """Of the picture that is shown."""
        return self.page.preview.image.pixelColor(0, 0).red()


@pytest.fixture
def run(qtbot, tmp_path):
    run = Running(qtbot, tmp_path)
    run.start()
    yield run
    run.wiring.wait()
    run.page.wait()


def test_the_steps_appear_with_the_first_one_and_fill_as_they_come(run):
    assert run.page.progress.isVisible()
    run.step(1)
    assert run.bar.isVisible()
    assert not run.page.progress.isVisible()
    run.step(2, 3)
    assert (run.bar.scrubber.count, run.bar.scrubber.place) == (3, 3)
    assert run.bar.text == "Step 3 of 5, 4 s left"
    assert run.grey == 103


def test_looking_back_is_not_disturbed_by_the_steps_that_follow(run, qtbot):
    run.step(1, 2, 3)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    assert run.grey == 101
    run.page.panel.prompt.setFocus()
    run.step(4)
    assert run.grey == 101
    assert run.bar.index == 1
    assert run.bar.text == "Step 1 of 5"
    qtbot.keyClick(run.bar.scrubber, Key.Key_Right)
    assert (run.grey, run.bar.text) == (102, "Step 2 of 5 · changed 0.4 %")
    assert "log SNR" in run.bar._label.toolTip()
    run.bar._noise.click()
    assert run.grey == 2, "the noisy state of the same step"


@pytest.mark.parametrize("way", ["end", "button"])
def test_the_end_key_and_the_button_go_back_to_what_develops(run, qtbot, way):
    run.step(1, 2)
    assert not run.bar._to_live.isVisible()
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    run.step(3)
    assert run.bar._to_live.isVisible()
    if way == "end":
        qtbot.keyClick(run.bar.scrubber, Key.Key_End)
    else:
        run.bar._to_live.click()
    assert run.grey == 103
    run.step(4)
    assert run.grey == 104
    assert not run.bar._to_live.isVisible()


def test_the_finished_steps_take_the_place_of_the_live_ones_at_the_same_step(run, qtbot):
    run.step(1, 2, 3, 4, 5)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Right)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    assert not run.bar.live
    assert run.bar.index == 2
    assert run.grey == 101, "the frame that was kept of the second step"
    qtbot.keyClick(run.bar.scrubber, Key.Key_End)
    assert run.page.preview.image.width() == 32, "the finished picture"
    assert run.bar.branch_button.isVisible()


def test_the_finished_picture_itself_is_shown_to_who_did_not_look_back(run, qtbot):
    run.step(1, 2, 3, 4, 5)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    assert run.page.preview.image.width() == 32
    assert run.bar.at_end


def test_the_next_job_does_not_take_the_place_of_a_step_that_is_looked_at(run, qtbot):
    run.step(1, 2, 3, 4, 5)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    before = run.grey
    run.start(number=1)
    run.step(1, 2, grey=200)
    assert run.grey == before
    assert (run.bar.index, run.bar.live) == (1, False)
    assert run.bar._to_live.isVisible()
    qtbot.keyClick(run.bar.scrubber, Key.Key_End)
    assert run.page.preview.image.width() == 32, "the end of the finished picture's steps is that picture"
    run.bar._to_live.click()
    assert run.grey == 202
    assert (run.bar.live, run.bar.scrubber.count) == (True, 2)


def test_a_step_of_a_finished_picture_is_not_left_for_a_job_that_begins(run, qtbot):
    run.step(1)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    run.start(number=1)
    run.step(1, grey=200)
    assert run.grey == 100
    assert not run.bar.live


def test_a_stopped_run_leaves_its_steps_to_look_at(run, qtbot):
    run.step(1, 2, 3)
    run.page._on_cancelled(Cancelled(job_id=run.job, request=request(), step=3))
    assert run.bar.text == "Stopped after step 3"
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    assert run.grey == 101
    qtbot.keyClick(run.bar.scrubber, Key.Key_End)
    assert run.grey == 103


def test_the_noise_is_shown_live_too(run):
    run.step(1)
    run.bar._noise.click()
    assert run.grey == 1
    run.step(2)
    assert run.grey == 2


def test_a_run_of_a_thousand_large_steps_keeps_a_bounded_number_of_frames():
    live = LiveSteps("job", request(steps=1000), bytes_max=500_000)
    shared = Frame(width=64, height=64, rgb=bytes(3 * 64 * 64))
    for index in range(1, 1001):
        taken = TimelineStep(index=index, timestep=0.0, alpha=None, sigma=None, stage="main", x_0=shared, x_t=None)
        live.take(
            Preview(job_id="job", step=index, total=1000, frame=shared, seconds=0.0, seconds_left=None, taken=taken)
        )
    assert len(live.steps) * len(shared.rgb) <= 500_000
    assert (live.steps[0].index, live.steps[-1].index, live.ahead) == (1, 1000, 0)


def test_the_mark_stays_at_its_step_when_other_steps_are_forgotten(run, qtbot):
    run.wiring._live = LiveSteps(run.job, request(steps=TOTAL), bytes_max=7 * 2 * 48)
    run.step(1, 2, 3)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Home)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Right)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Right)
    assert run.bar.index == 3
    run.page._on_started(Started(job_id=run.job, request=request(steps=40)))
    run.step(*range(4, 20))
    assert run.bar.scrubber.count < 19
    assert abs(run.bar.index - 3) <= 2
    assert run.grey == 103


def compare(run):
    run.step(1, 2, 3, 4, 5)
    run.bar._compare.click()
    return run.wiring._wipe


def test_two_steps_are_compared_with_a_wipe(run, qtbot):
    wipe = compare(run)
    assert wipe.isVisible()
    assert [image.pixelColor(0, 0).red() for image in wipe.images] == [103, 105]
    assert wipe.texts[0].startswith("Step 3 · σ 0.900, log SNR")
    assert wipe.texts[1] == "Now"
    qtbot.keyClick(run.bar.scrubber, Key.Key_Left)
    qtbot.keyClick(run.bar.scrubber, Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert [image.pixelColor(0, 0).red() for image in wipe.images] == [102, 105]
    assert (run.bar.scrubber.place, run.bar.scrubber.second) == (1, 4)
    assert "Step 2" in wipe.accessibleDescription()


def test_the_divider_is_moved_by_mouse_and_keys(run, qtbot):
    wipe = compare(run)
    for key, share in ((Key.Key_Right, 0.52), (Key.Key_Left, 0.5), (Key.Key_Home, 0.0), (Key.Key_End, 1.0)):
        qtbot.keyClick(wipe, key)
        assert wipe.share == pytest.approx(share)
    target = wipe.target()
    qtbot.mouseClick(wipe, Qt.MouseButton.LeftButton, pos=QPoint(target.left() + target.width() // 4, 100))
    assert wipe.share == pytest.approx(0.25, abs=0.01)
    left, right = (
        wipe.grab().toImage().pixelColor(x, target.center().y() + 40) for x in (target.left() + 8, target.right() - 8)
    )
    assert (left.red(), right.red()) == (103, 105)


def test_the_newest_step_wipes_over_an_older_one_while_the_run_goes_on(run):
    run.step(1, 2)
    run.bar._compare.click()
    run.step(3, 4)
    wipe = run.wiring._wipe
    assert [image.pixelColor(0, 0).red() for image in wipe.images] == [102, 104]


def test_the_comparison_goes_on_when_the_picture_is_finished_and_ends_with_escape(run, qtbot):
    wipe = compare(run)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    assert run.wiring._wipe is wipe
    assert wipe.texts[1] == "Finished"
    assert wipe.images[1].size() == run.page.preview.finished.size()
    qtbot.keyClick(wipe, Key.Key_Escape)
    assert run.wiring._wipe is None
    assert not run.bar._compare.isChecked()
    assert run.grey == 102, "the step the first mark stands at"
    assert run.engine.cancelled == [], "the key stops nothing"


def test_the_live_button_ends_a_comparison(run):
    compare(run)
    run.bar._to_live.click()
    assert run.wiring._wipe is None
    assert run.grey == 105
    assert run.bar.at_end


def test_another_picture_ends_a_comparison(run, qtbot, tmp_path):
    compare(run)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.page.show_record(record(write_picture(tmp_path / "owl.png")))
    assert run.wiring._wipe is None
    assert run.page.preview.image.width() == 32


@pytest.fixture
def branch(run, qtbot):
    """A finished branch is shown, whose trunk has three steps."""
    trunk = run.record.request
    request = trunk.replace(branch=Branch(trunk=trunk, step=2), prompt="a wolf")
    run.record = dataclasses.replace(run.record, request=request)
    run.page._on_cancelled(Cancelled(job_id=run.job, request=request, step=0))
    with qtbot.waitSignal(run.wiring._reader.done):
        run.page.show_record(run.record)
    return run


def test_a_branch_is_compared_with_what_it_grew_from_at_the_same_step(branch, qtbot):
    assert branch.bar._with_trunk.isVisible()
    with qtbot.waitSignal(branch.bar.pair_wanted):
        branch.bar._with_trunk.trigger()
    wipe = branch.wiring._wipe
    assert wipe.texts == ("Finished", "What it grew from, step 3")
    qtbot.keyClick(branch.bar.scrubber, Key.Key_Home)
    assert wipe.texts[1] == "What it grew from, step 1"
    assert [image.pixelColor(0, 0).red() for image in wipe.images] == [100, 100]
    branch.bar._compare.click()
    assert branch.wiring._wipe is None
    qtbot.keyClick(branch.bar.scrubber, Key.Key_Right)
    assert branch.wiring._wipe is None, "the comparison is over"


def test_a_trunk_that_is_gone_is_told(branch, qtbot):
    branch.trunk = KnownError("The picture it grew from is not here any more")
    with qtbot.waitSignal(branch.wiring._trunk_reader.failed):
        branch.bar._with_trunk.trigger()
    assert "grew from" in branch.page.messages.text
    assert branch.wiring._wipe is None


def test_a_picture_that_is_no_branch_offers_no_trunk(run, qtbot):
    run.step(1)
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    assert not run.bar._with_trunk.isVisible()


def test_what_else_is_laid_over_the_picture_takes_the_place_of_a_comparison(run, qtbot):
    compare(run)
    other = QWidget(run.page.preview)
    run.page.preview.set_cover(other)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    run.bar._compare.click()
    assert other.isVisible(), "the end of the comparison leaves it alone"
    run.bar._compare.click()
    assert run.wiring._wipe.isVisible()


def test_the_keys_stay_on_the_timeline_from_one_picture_to_the_next(run, qtbot):
    run.step(1, 2)
    run.bar.scrubber.setFocus()
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    run.start(number=1)
    assert not run.bar.isVisible()
    run.step(1)
    assert run.bar.scrubber.hasFocus()
    run.page.panel.prompt.setFocus()
    with qtbot.waitSignal(run.wiring._reader.done):
        run.save()
    run.start(number=2)
    run.step(1)
    assert run.page.panel.prompt.hasFocus(), "and nowhere else are they taken away"
