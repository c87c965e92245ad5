import errno
import os

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.store.picture_file import pixels_digest, png_bytes
from desktop.store.starts import StartPictures


@pytest.fixture
def starts(folders):
    return StartPictures(folders.start_pictures)


def test_a_kept_picture_opens_by_its_fingerprint(starts, image):
    fingerprint = starts.keep(png_bytes(image))
    assert fingerprint == pixels_digest(image)
    assert starts.path_of(fingerprint).exists()
    assert starts.open(fingerprint).tobytes() == image.tobytes()


def test_the_same_picture_from_anywhere_is_kept_once(starts, image, tmp_path, folders):
    image.save(tmp_path / "a.bmp")
    assert starts.keep(tmp_path / "a.bmp") == starts.keep(image) == starts.keep(png_bytes(image))
    assert len(list(folders.start_pictures.iterdir())) == 1


def test_a_large_picture_is_made_smaller(starts):
    assert starts.open(starts.keep(Image.new("RGB", (3000, 1000)))).size == (2048, 683)


def test_a_lost_or_altered_picture_is_a_known_error(starts, image):
    fingerprint = starts.keep(image)
    starts.path_of(fingerprint).write_bytes(png_bytes(image.rotate(180)))
    with pytest.raises(KnownError, match="altered"):
        starts.open(fingerprint)
    starts.path_of(fingerprint).write_bytes(b"")
    with pytest.raises(KnownError):
        starts.open(fingerprint)
    starts.path_of(fingerprint).unlink()
    with pytest.raises(KnownError, match="not there any more"):
        starts.open(fingerprint)
    starts.path_of(fingerprint).write_bytes(b"broken")
    assert starts.open(starts.keep(image)).size == image.size


def test_a_fingerprint_cannot_name_another_file(starts):
    for name in ("../../etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n"):
        with pytest.raises(KnownError, match="fingerprint"):
            starts.open(name)


def test_a_full_disk_is_a_known_error(starts, image, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KnownError, match="disk is full"):
        starts.keep(image)
