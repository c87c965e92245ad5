"""Settings survive crashes, other versions and nonsense."""

import errno
import json
import os

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from desktop import settings
from desktop.errors import KnownError
from desktop.files import write_atomically
from desktop.settings import BrokenSettings, Folders, Settings, find_folders


def test_settings_are_found_again(tmp_path):
    chosen = Settings(
        theme="light", model="mine", seed_locked=True, memory="offload", compiling="off", panel={"steps": 30}
    )
    settings.save(tmp_path / "settings.json", chosen)
    assert settings.load(tmp_path / "settings.json") == chosen


def test_a_missing_file_gives_the_defaults(tmp_path):
    assert settings.load(tmp_path / "settings.json") == Settings()


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "\udcff", "[" * 100_000])
def test_a_broken_file_is_told_and_stays_until_it_is_set_aside(tmp_path, text):
    path = tmp_path / "settings.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BrokenSettings, match="damaged"):
        settings.load(path)
    assert path.exists()
    aside = settings.set_aside(path)
    assert aside.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert settings.load(path) == Settings()
    assert settings.set_aside(path) is None


def test_one_bad_value_does_not_cost_the_others(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"theme": "pink", "model": "mine", "panel": 5, "from_another_version": 1}))
    assert settings.load(path) == Settings(model="mine")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_start_the_program(tmp_path, data):
    path = tmp_path / "settings.json"
    path.write_bytes(data)
    try:
        assert isinstance(settings.load(path), Settings)
    except BrokenSettings as error:
        assert error.hint


def test_the_data_folder_is_named_by_argument_before_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFELIGHT_DATA", str(tmp_path / "environment"))
    assert find_folders(str(tmp_path / "argument")).root == tmp_path / "argument"
    assert find_folders().root == tmp_path / "environment"


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KnownError, match="cannot write") as raised:
        Folders(root=tmp_path / "file" / "data").make()
    assert "--data" in raised.value.hint


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written"), (errno.EACCES, "cannot be written")],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file_whole(tmp_path, monkeypatch, call, code, words):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def refuse(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(KnownError, match=words):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["file"]
