import threading

import pytest
from PySide6.QtCore import Qt

from desktop.errors import KnownError
from desktop.library.catalogue import find
from desktop.library.download import State
from desktop.messages import EngineReady
from desktop.ui.models_page import ModelsPage
from tests.ui.download_parts import FakeDownloads, download
from tests.ui.window_parts import LARGE, SMALL, Models, drop


@pytest.fixture
def models():
    return Models(SMALL)


@pytest.fixture
def page(qtbot, models):
    page = ModelsPage(models)
    qtbot.addWidget(page)
    page.set_current("starter")
    page.show_models(models.list())
    page.resize(900, 600)
    page.show()
    yield page
    page.wait()


def words(card):
    from PySide6.QtWidgets import QLabel

    return [label.text() for label in card.findChildren(QLabel) if not label.isHidden()]


def test_a_card_says_what_a_model_is(page):
    assert words(page.cards[0]) == [
        "Built-in starter",
        "In use",
        "Small icon-like pictures.",
        "Built in · Stable Diffusion · 61 MB · 128 × 128",
        "Starts with 20 steps, guidance 4, DDIM",
        "/models/starter",
    ]


def test_a_long_title_and_a_long_path_are_one_line_each_and_whole_in_the_tool_tip(page, models):
    from dataclasses import replace

    from PySide6.QtWidgets import QLabel

    title, path = "A title as long as a sentence " * 6, "/home/somebody/a folder/" * 9 + "model.safetensors"
    before = page.cards[0].height()
    page.show_models((replace(SMALL, title=title, path=path),))
    page.layout().activate()
    (card,) = page.cards
    for text in (title, path):
        (label,) = [label for label in card.findChildren(QLabel) if label.text() == text]
        assert label.toolTip() == text
        assert label.width() < card.width() < label.fontMetrics().horizontalAdvance(text)
    assert card.sizeHint().height() == before


def test_a_folder_is_added_beside_the_gui_thread_and_shown(page, qtbot):
    with qtbot.waitSignal(page.added) as added:
        page.add("/models/large")
        assert not page.add_button.isEnabled()
    assert added.args == [LARGE]
    assert [card.model.name for card in page.cards] == ["starter", "large"]
    assert page.add_button.isEnabled()


def test_a_folder_that_is_no_model_is_told_on_the_page(page, qtbot):
    with qtbot.waitSignal(page._background.failed):
        page.add("/models/broken")
    assert page._error.text() == "This folder is no model. Choose the one that holds model_index.json."
    assert len(page.cards) == 1
    with qtbot.waitSignal(page.added):
        page.add("/models/large")
    assert not page._error.isVisible()


def test_a_model_that_is_here_and_broken_says_why_it_is_not_among_the_others(page, qtbot, models):
    qtbot.waitUntil(lambda: not page._checking)
    assert page.faults.isHidden()
    models.check_all = lambda: {"starter": None, "half": KnownError("Part of the weights is missing", "Get it again.")}
    page.show_models(models.list())
    qtbot.waitUntil(page.faults.isVisible)
    assert (
        page.faults.text() == "Here as well, and cannot be used:\nhalf: Part of the weights is missing. Get it again."
    )
    models.check_all = lambda: {"starter": None}
    page.show_models(models.list())
    qtbot.waitUntil(page.faults.isHidden)


class SlowCheck:
    """Lasts until it may end; knows how often it was begun."""

    def __init__(self):
        self.begun, self.begins, self.may_end = 0, threading.Event(), threading.Event()

    def __call__(self):
        self.begun += 1
        self.begins.set()
        assert self.may_end.wait(30)
        return {"half": KnownError(f"Found by check {self.begun}", "Get it again.")}


def test_models_are_checked_once_at_a_time_and_again_for_what_changed_meanwhile(page, qtbot, models):
    qtbot.waitUntil(lambda: not page._checking)
    models.check_all = check = SlowCheck()
    for _ in range(3):
        page.show_models(models.list())
        assert check.begins.wait(30)
    assert check.begun == 1
    check.may_end.set()
    qtbot.waitUntil(lambda: "Found by check 2" in page.faults.text())
    assert check.begun == 2


def test_a_check_that_failed_is_logged_and_does_not_keep_the_next_from_running(page, qtbot, models, caplog):
    qtbot.waitUntil(lambda: not page._checking)
    models.check_all = lambda: 1 / 0
    with qtbot.waitSignal(page._checker.failed):
        page.show_models(models.list())
    assert "the models could not be checked" in caplog.text
    models.check_all = lambda: {"half": KnownError("Part of it is missing", "Get it again.")}
    page.show_models(models.list())
    qtbot.waitUntil(page.faults.isVisible)


def test_closing_does_not_wait_for_a_check(page, qtbot, models):
    qtbot.waitUntil(lambda: not page._checking)
    models.check_all = check = SlowCheck()
    page.show_models(models.list())
    page.wait()
    assert any(thread.name == "model-checker" for thread in threading.enumerate()), "it did not wait for its end"
    check.may_end.set()


def test_closing_ends_what_reads_whole_files_of_the_disk(qtbot, models):
    downloads = FakeDownloads()
    downloads.slow = True
    page = ModelsPage(models, downloads)
    qtbot.addWidget(page)
    qtbot.waitUntil(lambda: page.get_more.complete)
    page.get_more.box.agreed.emit()
    page.wait()
    assert sorted(downloads.stopped) == ["get", "reopen"]


def test_what_nobody_foresaw_is_told_too(page, qtbot, models):
    models.add = lambda path: 1 / 0
    with qtbot.waitSignal(page._background.failed):
        page.add("/models/large")
    assert "division by zero" in page._error.text()


def test_a_dropped_folder_or_weights_file_is_added_and_any_other_file_is_not(page, qtbot, tmp_path):
    for name in ("file.txt", "model.safetensors"):
        (tmp_path / name).write_text("x")
    assert not drop(page, tmp_path / "file.txt")
    for path in (tmp_path, tmp_path / "model.safetensors"):
        with qtbot.waitSignal(page.added):
            assert drop(page, path)


def test_a_model_is_used_from_its_card(page, qtbot, models):
    page.show_models((SMALL, LARGE))
    small, large = page.cards
    assert small._use.isHidden()
    with qtbot.waitSignal(page.use_wanted) as wanted:
        qtbot.mouseClick(large._use, Qt.MouseButton.LeftButton)
    assert wanted.args == ["large"]
    page.set_current("large")
    assert not small._use.isHidden()
    assert "In use" in words(large)


def test_the_folder_of_a_model_can_be_opened(page, qtbot):
    with qtbot.waitSignal(page.folder_wanted) as wanted:
        page.cards[0].folder_clicked.emit("/models/starter")
    assert wanted.args == ["/models/starter"]


@pytest.fixture
def shop(qtbot, models):
    """The page as the program has it, with a download left over and one model of the catalogue here."""
    downloads = FakeDownloads(download(State.PAUSED, key="left"), here=find("sd-turbo").repos)
    page = ModelsPage(models, downloads)
    qtbot.addWidget(page)
    page.show_models(models.list())
    page.resize(900, 600)
    page.show()
    qtbot.waitUntil(lambda: page.get_more.complete and len(page.downloads.cards) == 1)
    yield page
    page.wait()


def test_what_an_earlier_run_left_is_there_to_go_on_with(shop):
    (card,) = shop.downloads.cards
    assert card.download.key == "left"
    assert "Go on" in card._go.text()
    states = {card.entry.name: card.state for card in shop.get_more.cards}
    assert states["sd-turbo"] == "On this machine"
    assert states["sdxl"] == ""


def test_a_fetched_model_appears_above_and_is_told(shop, qtbot, models):
    models.models.append(LARGE)
    with qtbot.waitSignal(shop.added) as added:
        shop.on_download(download(State.DONE, key="left", path=LARGE.path))
    assert added.args == [LARGE]
    assert [card.model.name for card in shop.cards] == ["starter", "large"]
    assert shop.downloads.isHidden()


def test_what_fits_is_judged_anew_once_the_device_is_known(shop, qtbot):
    assert shop.get_more._judged.isHidden()
    shop.set_device(EngineReady(device="A card", device_bytes=10**9))
    qtbot.waitUntil(lambda: shop.get_more.complete)
    assert {card.fit.value for card in shop.get_more.cards} == {"no"}
    assert "1.0 GB on the graphics card" in shop.get_more._judged.text()


def test_what_is_fetched_and_is_no_model_by_itself_is_told(shop):
    shop.on_download(download(State.DONE, key="left", path="/models/q4.gguf"))
    assert shop._reading.text() == "A model is here now: /models/q4.gguf"
    assert len(shop.cards) == 1


def test_what_stands_in_the_way_of_its_use_is_told(shop):
    shop.on_download(
        download(State.DONE, key="left", path="/models/half", message="Its prior is missing", hint="Get it.")
    )
    assert shop._error.text() == "Its prior is missing. Get it."


def test_downloads_that_cannot_be_read_are_told_and_the_page_works_on(qtbot, models):
    class Unreadable(FakeDownloads):
        def reopen(self, stop):
            raise PermissionError(13, "Permission denied")

    page = ModelsPage(models, Unreadable())
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(page._error.isVisible)
    assert "cannot be read" in page._error.text() and "Permission denied" in page._error.text()
    assert page.add_button.isEnabled()
    page.wait()
