import threading

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.ui.thumbnails import WAITING_MAX, ThumbnailLoader


class Source:
    """Makes plain pictures; waits at a gate where one is given."""

    def __init__(self, gate=None):
        self.asked = []
        self.gate = gate

    def get(self, path, side):
        if self.gate is not None:
            self.gate.wait(10)
        self.asked.append((path, side))
        if path.startswith("gone"):
            raise KnownError("It is gone")
        return Image.new("RGB", (side, side // 2), (250, 10, 20))


@pytest.fixture
def loader_of(qapp):
    made = []

    def make(source, **more):
        made.append(ThumbnailLoader(source, **more))
        return made[-1]

    yield make
    for loader in made:
        loader.close()


def test_a_thumbnail_comes_later_and_stays(qtbot, loader_of):
    source = Source()
    loader = loader_of(source)
    with qtbot.waitSignal(loader.loaded) as told:
        assert loader.pixmap("a", 100) is None
        assert loader.pixmap("a", 100) is None  # asked for once
    assert told.args == ["a"]
    pixmap = loader.pixmap("a", 100)
    assert (pixmap.width(), pixmap.height()) == (128, 64)
    assert pixmap.toImage().pixelColor(3, 3).getRgb()[:3] == (250, 10, 20)
    assert source.asked == [("a", 128)]


def test_a_small_picture_is_enlarged_to_the_size_that_is_shown(qtbot, loader_of):
    class Small:
        def get(self, path, side):
            return Image.new("RGB", (32, 64), "red")

    loader = loader_of(Small())
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap("a", 180)
    assert (loader.pixmap("a", 180).width(), loader.pixmap("a", 180).height()) == (96, 192)


def test_another_size_stands_in_until_the_right_one_is_there(qtbot, loader_of):
    loader = loader_of(Source())
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap("a", 128)
    with qtbot.waitSignal(loader.loaded):
        assert loader.pixmap("a", 300).width() == 128
    assert loader.pixmap("a", 300).width() == 384


def test_what_was_asked_for_last_is_made_first(qtbot, loader_of):
    gate = threading.Event()
    source = Source(gate)
    loader = loader_of(source)
    for name in "abcd":
        loader.pixmap(name, 128)
    loader.pixmap("b", 128)  # seen again
    with qtbot.waitSignals([loader.loaded] * 4):
        gate.set()
    rest = [path for path, _ in source.asked if path != source.asked[0][0]]
    assert rest[0] == "b" or source.asked[0][0] == "b"
    assert rest[-1] in ("a", "b", "c") and len(source.asked) == 4


def test_a_gone_picture_is_broken_until_it_is_forgotten(qtbot, loader_of):
    source = Source()
    loader = loader_of(source)
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap("gone", 128)
    assert loader.is_broken("gone")
    assert loader.pixmap("gone", 128) is None
    assert len(source.asked) == 1
    loader.forget("gone")
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap("gone", 128)
    assert len(source.asked) == 2


def test_memory_has_a_limit(qtbot, loader_of):
    loader = loader_of(Source(), bytes_max=3 * 128 * 64 * 4)
    for name in "abcde":
        with qtbot.waitSignal(loader.loaded):
            loader.pixmap(name, 128)
    assert loader.pixmap("e", 128) is not None
    with qtbot.waitSignal(loader.loaded):
        assert loader.pixmap("a", 128) is None


def test_what_scrolled_by_is_forgotten(qtbot, loader_of):
    gate = threading.Event()
    source = Source(gate)
    loader = loader_of(source)
    for number in range(WAITING_MAX + 50):
        loader.pixmap(f"picture {number}", 128)
    with qtbot.waitSignals([loader.loaded] * WAITING_MAX):
        gate.set()
    assert len(source.asked) <= WAITING_MAX + 1
    assert (f"picture {WAITING_MAX + 49}", 128) in source.asked
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap("picture 5", 128)


def test_closing_stops_at_once_and_for_good(loader_of):
    gate = threading.Event()
    source = Source(gate)
    loader = loader_of(source)
    for name in "abcdef":
        loader.pixmap(name, 128)
    threading.Timer(0.05, gate.set).start()
    loader.close()
    assert len(source.asked) <= 1
    loader.pixmap("g", 128)
    assert not any(thread.name == "thumbnails" for thread in threading.enumerate())
