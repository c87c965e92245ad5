import io
import random
import subprocess
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import KnownError
from desktop.training import archive, pictures
from tests.training.makers import pack, picture


def test_members_come_back_without_the_leading_folder(tmp_path):
    path = pack(tmp_path / "a.tgz", {"assets/1.webp": b"one", "readme": b"two"})
    assert dict(archive.members(path)) == {"assets/1.webp": b"one", "readme": b"two"}


def test_a_missing_member_is_a_known_error(tmp_path):
    with pytest.raises(KnownError, match=r"has no words\.json"):
        archive.member(pack(tmp_path / "a.tgz", {"readme": b"two"}), "words.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return pack(
        tmp_path_factory.mktemp("tar") / "a.tgz", {f"{n}.bin": random.Random(n).randbytes(2304) for n in range(4)}
    )


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 0.9))
def test_a_cut_archive_is_a_known_error_or_gives_whole_members_only(whole, share):
    cut = whole.with_name("cut.tgz")
    cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    found = []
    with pytest.raises(KnownError):
        found.extend(archive.members(cut))
    assert all(len(data) == 2304 for _, data in found)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=600))
def test_any_bytes_are_a_known_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("noise") / "a.tgz"
    path.write_bytes(data)
    with pytest.raises(KnownError):
        list(archive.members(path))


def test_links_and_names_that_lead_outside_are_skipped(tmp_path):
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as made:
        for name in ("../evil", "/etc/evil", "package/../../evil", "package/a\\b", "package/good"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            made.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    assert [name for name, _ in archive.members(path)] == ["good"]


def test_an_oversized_member_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MEMBER_BYTES_MAX", 10)
    with pytest.raises(KnownError, match="larger than a picture package"):
        list(archive.members(pack(tmp_path / "a.tgz", {"big": bytes(11)})))


def test_a_bomb_of_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "ARCHIVE_BYTES_MAX", 100)
    with pytest.raises(KnownError, match="larger than a picture package"):
        list(archive.members(pack(tmp_path / "a.tgz", {str(n): bytes(30) for n in range(9)})))


def test_without_npm_the_hint_says_what_to_put_where(tmp_path, monkeypatch):
    def absent(*_args, **_options):
        raise FileNotFoundError("npm")

    monkeypatch.setattr(subprocess, "run", absent)
    with pytest.raises(KnownError, match=r"npm.*not installed") as caught:
        archive.fetch(archive.FLUENT, tmp_path / "work")
    assert archive.archive_name(archive.FLUENT) in caught.value.hint


def test_a_failed_fetch_is_a_known_error(tmp_path, monkeypatch):
    def failed(command, **_options):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", failed)
    with pytest.raises(KnownError, match="could not be fetched"):
        archive.fetch(archive.EMOJILIB, tmp_path)


def test_what_is_already_there_is_not_fetched_again(tmp_path):
    path = pack(tmp_path / archive.archive_name(archive.UNICODE), {"a": b"b"})
    assert archive.fetch(archive.UNICODE, tmp_path) == path


@pytest.mark.parametrize("data", [b"", b"RIFF", picture("red")[:60], picture("red", side=520)])
def test_a_broken_or_huge_picture_is_a_known_error(data):
    with pytest.raises(KnownError, match="cannot be read"):
        pictures.decode(data)
