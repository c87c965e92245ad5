"""The steps as an MP4, by the ffmpeg of the machine where there is one."""

import itertools
import shutil
import subprocess
import sys
import tracemalloc

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.store import film
from desktop.store.timeline_export import export, film_endings
from tests.store.test_timelines import steps_of

present = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="this machine has no ffmpeg")


@present
@pytest.mark.parametrize("size", [(65, 43), (512, 512)])
def test_an_mp4_plays_all_steps_and_stays_on_the_picture(tmp_path, size):
    path = tmp_path / "film.mp4"
    export(path, steps_of(5), Image.new("RGB", size, (200, 30, 30)))
    assert ".mp4" in film_endings()
    raw = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    ).stdout
    width, height = (side // 2 * 2 for side in size)
    frames = len(raw) / (3 * width * height)
    assert frames == 5 * 3 + 38  # 120 ms a step and 1.5 s of the picture, at 25 a second
    assert all(abs(raw[-3 + place] - value) < 12 for place, value in enumerate((200, 30, 30)))
    about = subprocess.run(["ffmpeg", "-i", path], capture_output=True, text=True).stderr
    assert "yuv420p" in about


@present
def test_a_film_is_handed_over_frame_by_frame():
    pictures = [Image.new("RGB", (256, 256), (n, 0, 0)) for n in range(60)]
    tracemalloc.start()
    try:
        film.mp4(pictures, [120] * 60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000, "all of them are 35 MB"


@present
def test_a_film_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(film, "WAIT_SECONDS", 0.3)
    with pytest.raises(KnownError, match="too long"):
        film._feed([sys.executable, "-c", "import time; time.sleep(60)"], itertools.repeat(bytes(10**6)), None)


@present
def test_a_film_that_ffmpeg_refuses_says_why(monkeypatch):
    monkeypatch.setattr(film, "RATE", 0)
    with pytest.raises(KnownError, match="ffmpeg could not write the film"):
        film.mp4([Image.new("RGB", (8, 8))], [120])


def test_without_ffmpeg_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert film_endings() == (".gif", ".webp")
    with pytest.raises(KnownError, match="needs ffmpeg") as refused:
        export(tmp_path / "film.mp4", steps_of(2), Image.new("RGB", (64, 64)))
    assert "Install ffmpeg" in refused.value.hint
    assert "GIF and WebP" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_ffmpeg_that_does_not_start_is_told(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/nowhere/at/all\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if film.ffmpeg() is None:
        pytest.skip("another system, where programs have another ending")
    with pytest.raises(KnownError, match="could not be run"):
        film.mp4([Image.new("RGB", (8, 8))], [120])
