"""What a report holds, and what it never does."""

import errno
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
    (tmp_path / "r.txt.zip").write_text("the user's own")
    assert check_target(tmp_path / "r.txt") == tmp_path / "r.txt-2.zip"
    assert check_target(tmp_path / "r.txt.zip") == tmp_path / "r.txt.zip", "named in full"


def test_a_report_that_cannot_be_written_leaves_the_file_that_was_there(folders, tmp_path, monkeypatch):
    (tmp_path / "r.zip").write_text("the user's own")

    def full(*what):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(KnownError, match="disk is full"):
        write_report(tmp_path / "r.zip", folders, device="", prompts=[])
    assert (tmp_path / "r.zip").read_text() == "the user's own"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["r.zip"]


NAMES = [
    "/data/pictures/2026-11/2026-11-23_014502_anna-maria_seed42.png' is gone",
    "'C:\\\\data\\\\2026-11-23_014502_anna-maria_seed42_2.png'",
    "/data/.2026-11-23_014502_anna-maria-in-her-bes.x7.part",
    "2026-11-23_014502_\\u732b-anna_seed1.png: no room",
    "/out/2026-11-23_014502_picture_seed42_03-anna.png",
]


def test_the_names_of_pictures_tell_no_prompt(folders, tmp_path):
    folders.log.write_text("\n".join(f"2026-11-23 01:45:02,100 ERROR worker: {name}" for name in NAMES))
    write_report(tmp_path / "r.zip", folders, device="", prompts=[])
    log = content(tmp_path / "r.zip")["safelight.log"]
    assert "anna" not in log
    assert "u732b" not in log
    assert log.count("[picture]") == log.count("2026-11-23 01:45:02,100 ERROR worker: ") == len(NAMES)
    assert "[picture].png' is gone" in log
    assert "[picture].png: no room" in log
    write_report(tmp_path / "r.zip", folders, device="", prompts=[], with_prompts=True)
    assert "anna-maria_seed42" in content(tmp_path / "r.zip")["safelight.log"]


def test_negative_prompts_are_taken_out_as_well(folders, tmp_path):
    folders.log.write_text("ERROR 'a face' without 'my uncle'\n")
    write_report(tmp_path / "r.zip", folders, device="", prompts=["a face"], negatives=["my uncle", ""])
    assert content(tmp_path / "r.zip")["safelight.log"] == "ERROR '[prompt]' without '[prompt]'\n"
