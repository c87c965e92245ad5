import pytest
from PySide6.QtCore import Qt

from desktop.messages import Cancelled, Failed, Phase, PhaseChanged, Saved, Started
from desktop.ui.progress_strip import ProgressStrip
from tests.ui.window_parts import preview, record, request


@pytest.fixture
def strip(qtbot):
    strip = ProgressStrip()
    qtbot.addWidget(strip)
    strip.resize(600, 44)
    strip.show()
    yield strip
    strip.idle("")


def start(strip, steps=20):
    strip.on_started(Started(job_id="job0", request=request(steps=steps)))


def test_it_tells_the_step_and_the_time_left(strip):
    start(strip)
    strip.on_preview(preview(step=1))
    assert strip.text == "Step 1 of 20"
    strip.on_preview(preview(step=9, seconds_left=4.2))
    assert strip.text == "Step 9 of 20, 4 s left"
    strip.on_preview(preview(step=10, seconds_left=125))
    assert strip.text == "Step 10 of 20, 2 min 5 s left"
    assert (strip._ticks.done, strip._ticks.total) == (10, 20)


@pytest.mark.parametrize(
    ("phase", "done", "total", "text"),
    [
        (Phase.IMPORTING, 0, 0, "Importing torch"),
        (Phase.LOADING, 0, 0, "Loading model"),
        (Phase.LOADING, 1_200_000_000, 3_438_000_000, "Loading model, 1.2 of 3.4 GB"),
        (Phase.LOADING, 30_000_000, 61_000_000, "Loading model, 30 of 61 MB"),
        (Phase.ENCODING, 0, 0, "Reading the prompt"),
        (Phase.DECODING, 0, 0, "Turning latents into pixels"),
        (Phase.SAVING, 0, 0, "Saving"),
    ],
)
def test_it_says_what_is_waited_for(strip, phase, done, total, text):
    strip.on_phase(PhaseChanged(job_id=None, phase=phase, done_bytes=done, total_bytes=total))
    assert strip.text == text


def test_a_wait_of_unknown_length_counts_its_seconds(strip, monkeypatch):
    strip.on_phase(PhaseChanged(job_id=None, phase=Phase.IMPORTING))
    assert strip._clock.isActive()
    monkeypatch.setattr(strip._since, "elapsed", lambda: 7_000)
    strip._clock.timeout.emit()
    assert strip.text == "Importing torch, 7 s"
    strip.on_ready()
    assert strip.text == "Ready"
    assert not strip._clock.isActive()


def test_a_model_loaded_ahead_ends_the_waiting(strip):
    for done in (30_000_000, 61_000_000):
        strip.on_phase(PhaseChanged(job_id=None, phase=Phase.LOADING, done_bytes=done, total_bytes=61_000_000))
    assert strip.text == "Ready"
    start(strip)
    strip.on_phase(PhaseChanged(job_id="job0", phase=Phase.LOADING, done_bytes=61, total_bytes=61))
    assert strip.text.startswith("Loading model")


def test_the_way_out_is_there_only_while_there_is_something_to_stop(strip, qtbot):
    assert not strip._stop.isVisible()
    start(strip)
    strip.offer_stop(True)
    with qtbot.waitSignal(strip.stop_requested):
        qtbot.mouseClick(strip._stop, Qt.MouseButton.LeftButton)
    strip.on_saved(Saved(job_id="job0", record=record(seconds=4.4)))
    assert strip.text == "Done in 4 s · seed 7"
    strip.offer_stop(False)
    assert not strip._stop.isVisible()


def test_it_says_how_a_job_ended(strip):
    start(strip)
    strip.on_cancelled(Cancelled(job_id="job0", request=request(), step=9))
    assert strip.text == "Stopped after step 9"
    start(strip)
    strip.on_failed(Failed(job_id="job0", request=request(), message="m", hint=""))
    assert strip.text == "Failed"


def test_the_end_of_a_waiting_job_does_not_touch_the_running_one(strip):
    start(strip)
    strip.on_preview(preview(step=5))
    strip.on_cancelled(Cancelled(job_id="job9", request=request(), step=0))
    assert strip.text == "Step 5 of 20"


def test_a_thousand_steps_are_a_bar(strip):
    start(strip, steps=1000)
    strip.on_preview(preview(step=250, total=1000))
    assert strip._ticks._share == 0.25
    strip.grab()


def test_more_steps_than_were_asked_for_are_shown_as_they_are(strip):
    start(strip, steps=10)
    strip.on_preview(preview(step=11, total=19))
    assert strip.text == "Step 11 of 19"
