"""A process that is killed while it draws: the next one ends in the same bytes, and nothing made before is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
STEPS = 160  # long enough that the state is written several times


def command(data, *arguments):
    return [sys.executable, "-m", "desktop", "--data", str(data), *arguments]


def run(data, *arguments):
    done = subprocess.run(command(data, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def drawing(data):
    arguments = ("generate", "a red apple", "--seed", "4", "--steps", str(STEPS), "--scheduler", "euler_ancestral")
    return subprocess.Popen(
        command(data, *arguments, "--json"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    process = drawing(tmp_path_factory.mktemp("whole"))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    import json

    return Image.open(json.loads(out.splitlines()[-1])["path"]).tobytes()


def kill_and_resume(data, whole, moment):
    """moment: 0 to 1 of the way from the first preview to the last."""
    earlier = run(data, "generate", "a lemon", "--steps", "2").strip()
    process = drawing(data)
    for line in process.stdout:  # the first step is done
        if '"preview"' in line:
            break
    began = time.monotonic()
    wanted = 2 + round(moment * (STEPS - 8))
    for line in process.stdout:
        if f'"step": {wanted},' in line:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    drawn = time.monotonic() - began
    assert "a red apple" in run(data, "queue", "list")
    events = run(data, "queue", "resume", "--json").splitlines()
    previews = [line for line in events if '"preview"' in line]
    assert run(data, "queue", "list") == ""
    pictures = run(data, "gallery", "search", "apple").split()
    assert len(pictures) == 1
    assert Image.open(pictures[0]).tobytes() == whole
    assert Path(earlier).exists()
    assert len(run(data, "gallery", "search", "lemon").split()) == 1
    if drawn > 5:  # a state was on disk by then
        assert len(previews) < STEPS


@pytest.mark.parametrize("moment", [0.15, 0.9])
def test_a_killed_run_ends_in_the_same_bytes(tmp_path, whole, moment):
    kill_and_resume(tmp_path, whole, moment)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_so_it_is_at_twenty_random_moments(tmp_path, whole, number):
    kill_and_resume(tmp_path, whole, random.Random(number).random())
