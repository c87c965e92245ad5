"""The two commands of the README, on a checkout that is set up already."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BARE = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv" / ".set-up-for").exists(), reason="this checkout was not set up by packaging/test"
)


def _run(*arguments, **changes):
    return subprocess.run(
        [ROOT / "packaging" / "run", *arguments], capture_output=True, text=True, timeout=60, env=BARE | changes
    )


def test_a_second_start_installs_nothing():
    before = (ROOT / ".venv" / ".set-up-for").stat().st_mtime_ns
    done = _run("--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("safelight ")
    assert done.stderr == ""
    assert (ROOT / ".venv" / ".set-up-for").stat().st_mtime_ns == before


def test_where_there_is_no_display_run_names_the_other_form_in_one_line():
    done = _run()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert './packaging/run generate "a red apple"' in done.stderr


def test_arguments_reach_the_program_unchanged(tmp_path):
    done = _run("--data", str(tmp_path / "a folder"), "gallery", "search", 'it\'s "quoted" $HOME *')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a folder" / "safelight.sqlite3").exists()


@pytest.mark.parametrize(
    "script",
    ["packaging/run", "packaging/test", "packaging/setup.sh", "packaging/build", "packaging/try-installed", ".ci/run"],
)
def test_scripts_are_sound_shell(script):
    assert subprocess.run(["bash", "-n", ROOT / script]).returncode == 0
