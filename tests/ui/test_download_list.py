import threading

import pytest
from PySide6.QtCore import Qt

from desktop.library.download import State
from desktop.ui.download_bridge import DownloadBridge
from desktop.ui.download_list import DownloadList
from tests.ui.download_parts import GB, FakeDownloads, download

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def downloads():
    return FakeDownloads()


@pytest.fixture
def page(qtbot, downloads):
    page = DownloadList(downloads)
    qtbot.addWidget(page)
    page.resize(700, 300)
    yield page
    page.wait()


def test_it_is_seen_only_while_something_is_on_its_way(page):
    assert page.isHidden()
    page.on_download(download())
    assert page.isVisible()
    page.on_download(download(State.REMOVED))
    assert page.isHidden()
    assert page.cards == ()


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (download(), "1.0 GB of 4.0 GB"),
        (download(bytes_per_s=12.4e6, seconds_left=242.0), "1.0 GB of 4.0 GB · 12 MB/s · 4 min 2 s left"),
        (download(State.WAITING, done_bytes=0), "4.0 GB · waits for its turn"),
        (
            download(State.WAITING, message="The hub asks to wait", hint="It goes on by itself."),
            "1.0 GB of 4.0 GB · The hub asks to wait. It goes on by itself.",
        ),
        (download(State.CHECKING), "All of it is here; it is being checked"),
        (download(State.PAUSED), "Paused at 1.0 GB of 4.0 GB"),
        (download(State.FAILED, message="It broke", hint="Try again."), "Stopped at 1.0 GB of 4.0 GB"),
    ],
)
def test_a_card_says_how_far_it_is(page, record, status):
    page.on_download(record)
    (card,) = page.cards
    assert card._status.text() == status
    assert card._bar.value() == (0 if record.done_bytes == 0 else 250)


def test_it_is_paused_and_gone_on_with(page, qtbot, downloads):
    page.on_download(download())
    (card,) = page.cards
    assert "Pause" in card._go.text()
    qtbot.mouseClick(card._go, LEFT)
    page.on_download(download(State.PAUSED))
    assert "Go on" in card._go.text()
    qtbot.mouseClick(card._go, LEFT)
    assert downloads.told == [("pause", "model"), ("resume", "model")]


def test_what_failed_says_why_and_is_tried_again(page, qtbot, downloads):
    page.on_download(download(State.FAILED, message="It broke", hint="Try again."))
    (card,) = page.cards
    assert card._error.text() == "It broke. Try again."
    assert "Try again" in card._go.text()
    qtbot.mouseClick(card._go, LEFT)
    page.on_download(download())
    assert downloads.told == [("resume", "model")]
    assert card._error.isHidden()


def test_removing_can_be_taken_back(page, qtbot, downloads):
    page.on_download(download())
    (card,) = page.cards
    qtbot.mouseClick(card._remove, LEFT)
    page.on_download(download(State.PAUSED))
    assert "Removed" in card._status.text()
    qtbot.mouseClick(card._go, LEFT)  # undo
    assert card._status.text() == "Paused at 1.0 GB of 4.0 GB"
    assert card._remove.isVisible()
    assert downloads.told == [("pause", "model")]


def test_what_nobody_takes_back_is_removed(page, qtbot, downloads):
    page.on_download(download(State.PAUSED))
    (card,) = page.cards
    qtbot.mouseClick(card._remove, LEFT)
    card._doom.setInterval(1)
    qtbot.waitUntil(lambda: ("remove", "model") in downloads.told)


def test_a_window_that_closes_meanwhile_removes_nothing(page, qtbot, downloads):
    page.on_download(download())
    qtbot.mouseClick(page.cards[0]._remove, LEFT)
    page.wait()
    assert not page.cards[0]._doom.isActive()
    assert ("remove", "model") not in downloads.told


def test_a_token_is_asked_for_and_used(page, qtbot, downloads):
    page.on_download(download(State.FAILED, message="Refused", needs_token=True))
    (card,) = page.cards
    card._token.edit.setText("hf_secret")
    qtbot.keyClick(card._token.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: downloads.told == [("resume", "model")])
    assert downloads.tokens == ["hf_secret"]


def test_notes_that_cannot_be_read_can_only_be_removed(page):
    page.on_download(download(State.FAILED, message="Damaged", total_bytes=0, done_bytes=0))
    (card,) = page.cards
    assert card._go.isHidden()
    assert card._remove.isVisibleTo(card)


def test_a_finished_one_is_told_and_goes(page, qtbot):
    page.on_download(download())
    with qtbot.waitSignal(page.finished) as finished:
        page.on_download(download(State.DONE, done_bytes=4 * GB, path="/models/model"))
    assert finished.args[0].path == "/models/model"
    assert page.cards == ()


def test_of_many_records_the_newest_of_each_arrives(qtbot):
    bridge = DownloadBridge()
    seen = []
    bridge.changed.connect(seen.append)

    def post():
        for done in range(1000):
            bridge.post(download(done_bytes=done))
        bridge.post(download(key="other"))

    thread = threading.Thread(target=post)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert [(d.key, d.done_bytes) for d in seen] == [("model", 999), ("other", GB)]
    bridge.post(download())
    bridge.close()
    bridge.post(download())
    qtbot.wait(1)
    assert len(seen) == 2
    bridge.deleteLater()
