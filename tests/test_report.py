"""What a report holds, and what it never does."""

import json
import zipfile
from pathlib import Path

import pytest

from desktop.errors import KnownError
from desktop.report import check_target, write_report
from desktop.settings import Folders


@pytest.fixture
def folders(tmp_path):
    folders = Folders(root=tmp_path / "data")
    folders.make()
    folders.settings.write_text(json.dumps({"theme": "dark", "model": "starter", "panel": {"prompt": "my own face"}}))
    home = str(Path.home())
    folders.log.write_text(f"INFO start\nERROR {home}/x.png 'my own face' and \"my own\" fa\\u00e7ade, category\n")
    folders.log.with_name("safelight.log.1").write_text("INFO an older line\n")
    return folders


def content(path):
    with zipfile.ZipFile(path) as report:
        return {name: report.read(name).decode() for name in report.namelist()}


PROMPTS = ["my own face", "my own", "fa\u00e7ade", "cat", "", " ", "x"]


def test_a_report_tells_versions_and_device_and_no_prompt(folders, tmp_path):
    write_report(tmp_path / "r.zip", folders, device="CPU, 2 cores", prompts=PROMPTS)
    found = content(tmp_path / "r.zip")
    assert set(found) == {"about.txt", "settings.json", "safelight.log", "safelight.log.1"}
    assert "torch: " in found["about.txt"]
    assert "Device: CPU, 2 cores" in found["about.txt"]
    assert json.loads(found["settings.json"]) == {"theme": "dark", "model": "starter"}
    assert "my own" not in "".join(found.values())
    assert "'[prompt]' and \"[prompt]\" [prompt], category" in found["safelight.log"]
    assert str(Path.home()) not in "".join(found.values())


def test_prompts_are_added_where_that_was_ticked(folders, tmp_path):
    write_report(tmp_path / "r.zip", folders, device="", prompts=PROMPTS, with_prompts=True)
    found = content(tmp_path / "r.zip")
    assert found["prompts.txt"].startswith("my own face\n\nmy own\n\n")
    assert "my own face" in found["safelight.log"]
    assert json.loads(found["settings.json"])["panel"] == {"prompt": "my own face"}


def test_damaged_settings_and_no_log_still_give_a_report(tmp_path):
    folders = Folders(root=tmp_path)
    folders.settings.write_text("{my own face")
    write_report(tmp_path / "r.zip", folders, device="", prompts=[])
    found = content(tmp_path / "r.zip")
    assert set(found) == {"about.txt", "settings.json"}
    assert "my own" not in found["settings.json"]


def test_a_place_that_cannot_be_written_to_is_named(folders, tmp_path):
    with pytest.raises(KnownError, match="not a folder"):
        write_report(tmp_path / "none" / "r.zip", folders, device="", prompts=[])
    with pytest.raises(KnownError, match="is a folder"):
        check_target(tmp_path)
    assert check_target(tmp_path / "r.txt") == tmp_path / "r.txt.zip"
