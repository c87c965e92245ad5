import errno
import os
import threading

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.store.thumbs import Thumbnails


@pytest.fixture
def picture(tmp_path):
    image = Image.effect_mandelbrot((400, 200), (-2, -1, 1, 1), 50).convert("RGB")
    image.save(tmp_path / "p.png")
    return tmp_path / "p.png"


def test_a_thumbnail_fits_the_side_and_is_made_once(folders, picture):
    thumbs = Thumbnails(folders.thumbnails)
    assert thumbs.get(picture, 100).size == (100, 50)
    (kept,) = folders.thumbnails.iterdir()
    before = kept.read_bytes()
    assert thumbs.get(picture, 100).size == (100, 50)
    assert kept.read_bytes() == before
    assert thumbs.get(picture, 50).size == (50, 25)


def test_a_small_picture_is_given_as_it_is(folders, picture):
    assert Thumbnails(folders.thumbnails).get(picture, 512).size == (400, 200)
    assert list(folders.thumbnails.iterdir()) == []


def test_a_changed_picture_gets_a_new_thumbnail(folders, picture):
    thumbs = Thumbnails(folders.thumbnails)
    thumbs.get(picture, 100)
    Image.new("RGB", (300, 300), "red").save(picture)
    assert thumbs.get(picture, 100).size == (100, 100)


def test_a_damaged_thumbnail_is_made_again(folders, picture):
    thumbs = Thumbnails(folders.thumbnails)
    thumbs.get(picture, 100)
    (kept,) = folders.thumbnails.iterdir()
    kept.write_bytes(b"broken")
    assert thumbs.get(picture, 100).size == (100, 50)


def test_a_missing_picture_is_a_known_error(folders, tmp_path):
    with pytest.raises(KnownError, match="not there any more"):
        Thumbnails(folders.thumbnails).get(tmp_path / "none.png", 100)


def test_a_full_disk_still_gives_a_thumbnail(folders, picture, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    assert Thumbnails(folders.thumbnails).get(picture, 100).size == (100, 50)
    assert list(folders.thumbnails.iterdir()) == []


def test_the_cache_never_grows_beyond_its_limit(folders, picture):
    thumbs = Thumbnails(folders.thumbnails, bytes_max=30_000)
    for side in range(60, 160):
        thumbs.get(picture, side)
        assert sum(p.stat().st_size for p in folders.thumbnails.iterdir()) <= 30_000
    assert len(list(folders.thumbnails.iterdir())) > 1


def test_threads_share_the_cache(folders, picture):
    thumbs = Thumbnails(folders.thumbnails, bytes_max=20_000)
    sizes = []
    threads = [
        threading.Thread(
            target=lambda: sizes.extend(thumbs.get(picture, side).width for side in range(60, 90)),
            name=f"thumbnails {n}",
        )
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sizes) == sorted(list(range(60, 90)) * 3)


def test_what_was_made_of_a_picture_can_be_removed(folders, picture):
    thumbs = Thumbnails(folders.thumbnails)
    other = picture.with_name("other.png")
    other.write_bytes(picture.read_bytes())
    for path, side in ((picture, 64), (picture, 128), (other, 64)):
        thumbs.get(path, side)
    thumbs.forget_all([picture])
    assert len(list(folders.thumbnails.iterdir())) == 1
    thumbs.forget_all([other, "never there"])
    assert list(folders.thumbnails.iterdir()) == []
    folders.thumbnails.rmdir()
    thumbs.forget_all([other])
