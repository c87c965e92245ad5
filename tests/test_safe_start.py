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


def test_another_window_that_is_starting_has_not_died(path):
    path.write_text(f"{os.getppid()} {time.time()}")
    mark = StartMark(path)
    assert not mark.begin()
    mark.done()
    assert path.exists(), "it is the other one's"


def test_another_process_of_the_same_number_is_not_that_start(path):
    path.write_text(f"{os.getppid()} {psutil.Process(os.getppid()).create_time() - 60}")
    assert StartMark(path).begin()


@pytest.mark.parametrize("text", ["", "x", "1", "1 2 3", "-5 0", "99999999999999999999 1", "1 nan"])
def test_a_damaged_mark_counts_as_a_start_that_died(path, text):
    path.write_text(text)
    assert StartMark(path).begin()


def test_a_disk_that_refuses_the_mark_stops_no_start(tmp_path):
    mark = StartMark(tmp_path / "gone" / "starting")
    assert not mark.begin()
    mark.done()
