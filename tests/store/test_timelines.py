import dataclasses
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from desktop.errors import KnownError
from desktop.messages import Frame, TimelineStep
from desktop.store.timeline_export import export
from desktop.store.timelines import Timelines, packed

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def frame(rng, side, noise):
    """A smooth picture with as much noise on it as a step has left."""
    y, x = np.mgrid[0:side, 0:side] / side
    smooth = np.stack([x, y, (x + y) / 2], axis=2) * 200 + 20
    pixels = (smooth + noise * 90 * rng.standard_normal((side, side, 3))).clip(0, 255).astype(np.uint8)
    return Frame(width=side, height=side, rgb=pixels.tobytes())


def steps_of(count, side=64, noisy_side=16, first=1):
    rng = np.random.default_rng(1)
    return tuple(
        TimelineStep(
            index=first + place,
            timestep=999 - 30.0 * place,
            alpha=(place / count) or None,
            sigma=1 - place / count,
            stage="main",
            x_0=frame(rng, side, 0.2 * (1 - place / count)),
            x_t=frame(rng, noisy_side, 1 - place / count),
        )
        for place in range(count)
    )


@pytest.fixture
def timelines(tmp_path):
    timelines = Timelines(tmp_path / "timelines")
    yield timelines
    timelines.close()


def test_the_steps_come_back_with_their_frames_and_levels(timelines):
    kept = steps_of(6, first=4)
    name = timelines.keep(kept)
    timelines.close()
    found = timelines.read(name)
    assert [step.index for step in found] == [4, 5, 6, 7, 8, 9]
    assert [(step.timestep, step.alpha, step.sigma, step.stage) for step in found] == [
        (step.timestep, step.alpha, step.sigma, step.stage) for step in kept
    ]
    assert found[0].change is None
    assert all(0 < step.change < 0.2 for step in found[1:])
    for before, after in zip(kept, found, strict=True):
        apart = np.frombuffer(before.x_0.rgb, np.uint8).astype(int) - np.frombuffer(after.x_0.rgb, np.uint8)
        assert np.abs(apart).mean() < 16  # the noise is what a lossy picture loses


def test_thirty_steps_at_512_take_less_than_400_kilobytes():
    assert len(packed(steps_of(30, side=256, noisy_side=64))) < 400_000


def test_a_step_without_a_picture_is_kept_without_one(timelines):
    step = TimelineStep(index=1, timestep=5.0, alpha=None, sigma=None, stage="prior", x_0=None, x_t=None)
    name = timelines.keep([step])
    timelines.close()
    assert timelines.read(name) == (step,)
    assert step.log_snr is None


def test_steps_that_cannot_be_written_cost_no_other_timeline(timelines):
    torn = Frame(width=4, height=4, rgb=b"")
    (step,) = steps_of(1)
    timelines.keep([dataclasses.replace(step, x_0=torn)])
    assert len(timelines.read(timelines.keep(steps_of(2)))) == 2


def test_a_timeline_that_is_gone_or_has_no_name_is_told(timelines):
    for name in ("0" * 32, "../../etc/passwd", "", None):
        with pytest.raises(KnownError, match="timeline"):
            timelines.read(name)


@same_folder
@given(data=st.data())
def test_no_damage_does_more_than_lose_the_timeline(timelines, data):
    name = timelines.keep(steps_of(2, side=16))
    timelines.close()
    path = timelines.path_of(name)
    content = bytearray(path.read_bytes())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=9)
    ):
        content[place] = value
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert len(timelines.read(name)) <= 2
    except KnownError as error:
        assert "timeline" in error.message


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"[]",
        b'{"version": 2, "steps": []}',
        b'{"version": 1, "steps": [{"timestep": "x", "stage": ""}]}',
        b'{"version": 1, "steps": [{"timestep": 1, "stage": "", "x_0": "nowhere"}]}',
        b'{"version": 1, "steps": [{"timestep": 1, "stage": "", "alpha": NaN}]}',
        b'{"version": 1, "steps": [{"timestep": 1, "stage": "", "index": Infinity}]}',
        b'{"version": 1, "steps": [{"timestep": 1, "stage": "", "sigma": 1' + b"0" * 400 + b"}]}",
        b'{"version": 1, "steps": ' + b"[" * 50_000,
    ],
)
def test_an_index_of_nonsense_is_named(timelines, index):
    path = timelines.path_of("a" * 32)
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.json", index)
    with pytest.raises(KnownError, match="damaged"):
        timelines.read("a" * 32)


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_a_film_has_every_step_and_the_picture(tmp_path, ending):
    picture = Image.new("RGB", (64, 64), "red")
    export(tmp_path / f"film{ending}", steps_of(5), picture)
    with Image.open(tmp_path / f"film{ending}") as film:
        assert film.n_frames == 6
        assert film.size == (64, 64)


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("kind", ["x_0", "x_t"])
def test_a_strip_shows_some_steps_side_by_side(tmp_path, ending, kind):
    export(tmp_path / f"strip{ending}", steps_of(20), Image.new("RGB", (96, 64)), kind)
    with Image.open(tmp_path / f"strip{ending}") as strip:
        assert strip.width > 8 * strip.height


def test_another_ending_or_no_frames_is_told(tmp_path):
    picture = Image.new("RGB", (64, 64))
    with pytest.raises(KnownError, match=r"cannot be written as \.exe"):
        export(tmp_path / "film.exe", steps_of(2), picture)
    with pytest.raises(KnownError, match="no frames"):
        export(tmp_path / "film.gif", (), picture)
