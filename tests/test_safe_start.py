"""A start that died is noticed by the next one."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from desktop.safe_start import StartMark


@pytest.fixture
def path(tmp_path):
    return tmp_path / "starting"


def test_a_start_that_came_to_its_end_leaves_nothing(path):
    mark = StartMark(path)
    assert not mark.begin()
    assert path.exists()
    mark.done()
    mark.done()
    assert not path.exists()
    assert not StartMark(path).begin()


def test_a_start_that_was_killed_is_noticed_once(path):
    code = "import os, sys; from pathlib import Path; from desktop.safe_start import StartMark; "
    code += "StartMark(Path(sys.argv[1])).begin(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.exists()
    mark = StartMark(path)
    assert mark.begin()
    mark.done()
    assert not StartMark(path).begin()


@pytest.fixture
def other(path):
    """Another process that is starting."""
    code = "import sys; from pathlib import Path; from desktop.safe_start import StartMark; "
    code += "mark = StartMark(Path(sys.argv[1])); print(mark.begin(), flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "False\n"
        yield process


@pytest.mark.parametrize("set_by", [-86400, 0, 86400])
def test_another_window_that_is_starting_has_not_died_whatever_the_clock_says(path, other, monkeypatch, set_by):
    began, now = psutil.Process(other.pid).create_time(), time.time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began + set_by)
    monkeypatch.setattr(time, "time", lambda: now + set_by)
    mark = StartMark(path)
    assert not mark.begin()
    mark.done()
    assert path.exists(), "it is the other one's"
    other.kill()
    other.wait()
    assert StartMark(path).begin()


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_another_process_of_the_same_number_is_not_that_start(path, hours):
    path.write_text(f"{os.getppid()} {time.time() + hours * 3600}")
    assert StartMark(path).begin()


def test_a_disk_that_refuses_the_mark_stops_no_start(tmp_path):
    mark = StartMark(tmp_path / "gone" / "starting")
    assert not mark.begin()
    mark.done()
