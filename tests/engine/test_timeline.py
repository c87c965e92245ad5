"""What a run tells of its steps while it goes on, and what it keeps of them."""

from desktop.engine.tape import Step
from desktop.engine.timeline import TimelineRecorder
from desktop.messages import Frame, Preview
from tests.engine.conftest import request


def test_every_step_tells_both_its_pictures_and_its_level_while_the_run_goes_on(bench):
    trunk = request(steps=6)
    bench.image(trunk)
    taken = [event.taken for event in bench.of(Preview)]
    assert tuple(taken) == bench.timelines[trunk], "what was told is what is kept"
    assert [step.index for step in taken] == [1, 2, 3, 4, 5, 6]
    for event in bench.of(Preview):
        assert event.taken.x_0 is event.frame, "one frame, not two"
        assert len(event.taken.x_t.rgb) == 3 * event.taken.x_t.width * event.taken.x_t.height
    levels = [step.log_snr for step in taken]
    assert levels == sorted(levels)


def test_a_run_of_a_thousand_large_steps_keeps_a_bounded_number_of_frames():
    class Stage:
        name, latents = "main", None

    recorder = TimelineRecorder(bytes_max=1_000_000)
    recorder._noisy = False
    for index in range(1, 1001):
        frame = Frame(width=64, height=64, rgb=bytes(3 * 64 * 64))
        step = Step(index=index, total=1000, timestep=0.0, alpha=None, sigma=None, x_t=None, x_0=None)
        recorder.take(Stage, step, frame, None)
    kept = recorder.steps()
    assert sum(len(step.x_0.rgb) for step in kept) <= 1_000_000
    assert len(kept) > 35
    assert (kept[0].index, kept[-1].index) == (1, 1000)


def test_noise_that_cannot_be_pictured_costs_neither_the_run_nor_the_clean_pictures(bench, monkeypatch):
    from desktop.engine import preview

    def fail(*arguments):
        raise RuntimeError("no")

    monkeypatch.setattr(preview, "noisy_frame", fail)
    trunk = request(steps=3)
    assert bench.image(trunk)
    assert [(step.x_0 is None, step.x_t is None) for step in bench.timelines[trunk]] == [(False, True)] * 3
