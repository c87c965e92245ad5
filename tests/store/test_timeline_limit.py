"""All timelines together stay within what the user allows: the oldest are thinned, then go; rated ones last."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from desktop.messages import Frame, TimelineStep
from desktop.store.timeline_limit import DEFAULT_BYTES, STEPS_MIN, TimelineLimit
from desktop.store.timelines import Timelines, packed
from tests.store.test_timelines import steps_of

STEPS = 33


@pytest.fixture
def kept(tmp_path):
    """Five timelines of 33 steps, the oldest first, and the facts about them."""
    rated, points = set(), {}
    timelines = Timelines(tmp_path / "timelines", lambda: (rated, points))
    names = [timelines.keep(steps_of(STEPS, side=32)) for _ in range(5)]
    timelines.wait()
    for age, name in enumerate(names):
        os.utime(timelines.path_of(name), (1000 + age, 1000 + age))

    class Kept:
        pass

    kept = Kept()
    kept.timelines, kept.names, kept.rated, kept.points = timelines, names, rated, points
    kept.whole = timelines.path_of(names[0]).stat().st_size
    kept.limit = timelines.limit
    kept.counts = lambda: [_count(timelines, name) for name in names]
    yield kept
    timelines.close()


def _count(timelines, name):
    return len(timelines.read(name)) if timelines.path_of(name).exists() else 0


def shrink(kept, wholes):
    """Allow as much as so many whole timelines take."""
    kept.timelines.use_limit(round(wholes * kept.whole))
    kept.timelines.wait()
    return kept.counts()


def test_the_oldest_lose_every_second_step_first(kept):
    assert kept.counts() == [STEPS] * 5
    counts = shrink(kept, 4.8)  # a tenth below the limit is made free
    assert counts == [17, 17, STEPS, STEPS, STEPS]
    times = [round(kept.timelines.path_of(name).stat().st_mtime) for name in kept.names]
    assert times == [1000, 1001, 1002, 1003, 1004], "they are as old as before"
    steps = kept.timelines.read(kept.names[0])
    assert [step.index for step in steps] == list(range(1, 34, 2))
    assert all(step.x_0 is not None and step.x_t is not None for step in steps)


def test_only_when_all_are_thin_do_the_oldest_go(kept):
    counts = shrink(kept, 0.85)
    assert counts[0] == 0
    assert all(0 < count <= STEPS_MIN + 1 for count in counts[2:])
    assert kept.limit.usage().bytes <= 0.85 * kept.whole


def test_rated_ones_come_last(kept):
    kept.rated.update(kept.names[:2])
    counts = shrink(kept, 2.4)
    assert counts[:2] == [STEPS, STEPS]
    assert max(counts[2:]) <= STEPS_MIN + 1
    counts = shrink(kept, 0.3)
    assert counts[2:] == [0, 0, 0]
    assert 0 < counts[1] < STEPS


def test_first_and_last_steps_stay_and_those_that_pictures_grew_from(kept):
    kept.points[kept.names[0]] = {6}
    shrink(kept, 1.6)
    indexes = [step.index for step in kept.timelines.read(kept.names[0])]
    assert len(indexes) < 17
    assert {1, 6, 7, STEPS} <= set(indexes)


def test_nothing_is_kept_where_nothing_is_allowed(kept):
    kept.rated.update(kept.names)
    assert shrink(kept, 0) == [0] * 5
    assert kept.timelines.keep(steps_of(2)) == ""


def test_the_limit_is_for_who_comes_next_and_a_damaged_one_is_the_default(tmp_path):
    limit = TimelineLimit(tmp_path)
    assert limit.bytes == DEFAULT_BYTES
    limit.set(5_000_000)
    assert TimelineLimit(tmp_path).bytes == 5_000_000
    (tmp_path / "limit").write_text("a lot")
    assert limit.bytes == DEFAULT_BYTES


def test_a_new_timeline_makes_room_for_itself(kept):
    shrink(kept, 5)
    before = kept.limit.usage()
    newest = kept.timelines.keep(steps_of(STEPS, side=32))
    kept.timelines.wait()
    usage = kept.limit.usage()
    assert before.count == 5
    assert usage.bytes <= usage.limit_bytes
    assert len(kept.timelines.read(newest)) == STEPS
    assert kept.counts()[0] < STEPS


def test_closing_does_not_wait_for_the_thinning(kept):
    stop = threading.Event()
    stop.set()
    kept.limit.set(1)
    assert kept.limit.thin(stop) == 5 * kept.whole


def test_a_damaged_timeline_stops_nothing(kept):
    kept.timelines.path_of(kept.names[0]).write_bytes(b"PK" * 4000)
    counts_after = lambda: [_count(kept.timelines, name) for name in kept.names[1:]]  # noqa: E731
    kept.timelines.use_limit(round(1.0 * kept.whole))
    kept.timelines.wait()
    assert kept.limit.usage().bytes <= kept.whole
    assert max(counts_after()) <= STEPS_MIN + 1


def natural(side):
    """A picture with the spectrum of photographs, whose power falls with the square of the frequency (Field 1987)."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    grey = rng.standard_normal((side, side))
    planes = [
        np.real(np.fft.ifft2(np.fft.fft2(grey + 0.3 * rng.standard_normal((side, side))) / frequency)) for _ in range(3)
    ]
    return Image.fromarray(
        np.stack([(p - p.mean()) / p.std() * 50 + 128 for p in planes], 2).clip(0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize("sharp", [False, True])
def test_thirty_steps_of_a_real_picture_at_512_take_less_than_400_kilobytes(sharp):
    """The frames a run at 512x512 tells: x_0 at 256 pixels, x_t at one pixel a latent.

    sharp: every x_0 with all the detail there can be in 256 pixels, from the first step on.
    """
    rng = np.random.default_rng(0)
    picture = natural(256)
    steps = []
    for place in range(30):
        sigma = 1 - place / 30
        detail = 256 if sharp else 16 + 4 * place  # a preview has less of it than a pixel each
        x_0 = np.asarray(picture.resize((detail, detail)).resize((256, 256), Image.Resampling.BICUBIC), np.float32)
        small = np.asarray(picture.resize((64, 64)), np.float32) - 128
        x_t = 128 + (1 - sigma) * small + sigma * 64 * rng.standard_normal((64, 64, 3))
        shown = [
            Frame(width=a.shape[1], height=a.shape[0], rgb=a.clip(0, 255).astype(np.uint8).tobytes())
            for a in (x_0, x_t)
        ]
        level = {"timestep": 999.0 - place, "alpha": 1 - sigma, "sigma": sigma, "stage": "main"}
        steps.append(TimelineStep(index=place + 1, x_0=shown[0], x_t=shown[1], **level))
    size = len(packed(steps))
    print(f"{size / 1000:.0f} KB")
    assert 100_000 < size < 400_000
