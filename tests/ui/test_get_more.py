import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from desktop.library.catalogue import Fit, catalogue, find
from desktop.library.download import State
from desktop.library.machine import Machine
from desktop.ui.get_more import GetMore
from tests.ui.download_parts import GB, FakeDownloads, download

LEFT = Qt.MouseButton.LeftButton
LAPTOP = Machine(ram_bytes=16 * GB)
DESKTOP = Machine(ram_bytes=32 * GB, device_bytes=8 * GB)


@pytest.fixture
def downloads():
    return FakeDownloads()


@pytest.fixture
def page(qtbot, downloads):
    page = GetMore(downloads, LAPTOP)
    qtbot.addWidget(page)
    page.resize(760, 600)
    page.show()
    qtbot.waitUntil(lambda: page.complete)
    yield page
    page.wait()


def card(page, name):
    return next(card for card in page.cards if card.entry.name == name)


def words(widget):
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def ask(qtbot, page, name):
    with qtbot.waitSignal(page._asker.done):
        qtbot.mouseClick(card(page, name).get, LEFT)


def type_(qtbot, page, text):
    page.edit.setText(text)
    qtbot.mouseClick(page.look, LEFT)


def test_every_model_is_there_and_those_that_fit_come_first(page):
    fits = [card.fit for card in page.cards]
    assert len(fits) == len(catalogue())
    assert fits == sorted(fits, key=list(Fit).index)
    assert set(fits) == {Fit.YES, Fit.NO}
    assert not card(page, "qwen-image").isVisibleTo(page)  # folded away
    page._large.set_open(True)
    assert card(page, "qwen-image").isVisibleTo(page)
    assert "Too large for this machine" in words(card(page, "qwen-image"))


def test_a_card_says_what_a_model_is_good_at_and_what_it_costs(page):
    entry = find("sdxl")
    said = words(card(page, "sdxl"))
    for text in (entry.title, entry.good_at, "Fits this machine", "About 6.9 GB", "9.0 GB of memory", "RAIL++-M"):
        assert text in said
    assert "terms to accept" in words(card(page, "sd-3.5-medium"))


def test_another_machine_is_another_verdict(page, qtbot):
    page.set_machine(DESKTOP)
    qtbot.waitUntil(lambda: page.complete)
    assert card(page, "sdxl").fit is Fit.OFFLOAD
    assert "Fits with offload, slower" in words(card(page, "sdxl"))
    assert "8.0 GB on the graphics card and 32.0 GB beside it" in words(page)


def test_the_licence_is_shown_before_anything_is_fetched(page, qtbot, downloads):
    ask(qtbot, page, "sdxl")
    assert page.box.text == "2.0 GB from someone/sdxl\nLicence: Apache-2.0"
    assert downloads.got == []
    with qtbot.waitSignal(page.link_wanted) as wanted:
        qtbot.mouseClick(page.box._licence, LEFT)
    assert wanted.args == ["https://www.apache.org/licenses/LICENSE-2.0"]
    with qtbot.waitSignal(page.started):
        qtbot.mouseClick(page.box._fetch, LEFT)
    assert downloads.got == [("someone/sdxl",)]
    assert not page.box.isVisibleTo(page)


def test_no_is_an_answer(page, qtbot, downloads):
    ask(qtbot, page, "sdxl")
    assert not card(page, "sdxl").get.isVisible()
    qtbot.mouseClick(page.box._not_now, LEFT)
    assert card(page, "sdxl").get.isVisible()
    assert not page.box.isVisible()
    assert downloads.got == []


def test_any_repository_can_be_typed(page, qtbot, downloads):
    with qtbot.waitSignal(page._asker.done):
        page.edit.setText(" someone/model ")
        qtbot.keyClick(page.edit, Qt.Key.Key_Return)
    assert downloads.asked == ["someone/model"]
    assert "someone/someone-model" in page.box.text
    with qtbot.waitSignal(page.started):
        qtbot.mouseClick(page.box._fetch, LEFT)
    assert page.edit.text() == ""


def test_nothing_typed_asks_nothing(page, qtbot, downloads):
    qtbot.mouseClick(page.look, LEFT)
    assert downloads.asked == []


def test_no_connection_is_told_where_it_was_asked_and_can_be_tried_again(page, qtbot, downloads):
    with qtbot.waitSignal(page._asker.failed):
        type_(qtbot, page, "offline")
    assert page.box.error == "No connection to the hub. What you have works without one."
    assert not page.box._token.isVisible()
    with qtbot.waitSignal(page._asker.failed):
        qtbot.mouseClick(page.box._again, LEFT)
    assert downloads.asked == ["offline", "offline"]


def test_a_token_is_asked_for_where_one_is_needed(page, qtbot, downloads):
    downloads.note = "It is forgotten when Safelight closes."
    with qtbot.waitSignal(page._asker.failed):
        type_(qtbot, page, "gated")
    assert page.box._token.isVisible()
    with qtbot.waitSignal(page.link_wanted) as wanted:
        qtbot.mouseClick(page.box._licence, LEFT)
    assert wanted.args == ["https://hub/gated"]
    page.box._token.edit.setText("hf_secret")
    with qtbot.waitSignal(page._asker.done):
        qtbot.mouseClick(page.box._token.button, LEFT)
    assert downloads.tokens == ["hf_secret"]
    assert page.box._token.edit.text() == ""
    assert "someone/gated" in page.box.text
    assert downloads.note in page.box.text


def test_a_bug_is_told_too(page, qtbot):
    with qtbot.waitSignal(page._asker.failed):
        type_(qtbot, page, "bug")
    assert "by accident" in page.box.error


def test_no_room_is_told_before_anything_is_fetched(page, qtbot, downloads):
    downloads.full = True
    ask(qtbot, page, "sdxl")
    with qtbot.waitSignal(page._getter.failed):
        qtbot.mouseClick(page.box._fetch, LEFT)
    assert page.box.error == "There is no room for it. Free some space."


def test_asking_about_another_lets_the_first_be(page, qtbot):
    ask(qtbot, page, "sdxl")
    ask(qtbot, page, "sd-turbo")
    assert card(page, "sdxl").get.isVisible()
    assert "someone/sd-turbo" in page.box.text
    assert page.box.parent() is card(page, "sd-turbo")


def test_a_card_being_read_stays_where_it_is_until_it_is_answered(page, qtbot):
    ask(qtbot, page, "sdxl")
    asked = card(page, "sdxl")
    page.set_machine(DESKTOP)
    assert card(page, "sdxl") is asked
    qtbot.mouseClick(page.box._not_now, LEFT)
    qtbot.waitUntil(lambda: page.complete)
    assert card(page, "sdxl").fit is Fit.OFFLOAD


def test_a_card_says_what_became_of_it(page):
    repo = find("sdxl").repos[0]
    page.on_download(download(repo=repo))
    assert card(page, "sdxl").state == "On its way"
    assert not card(page, "sdxl").get.isVisible()
    page.on_download(download(State.REMOVED, repo=repo))
    assert card(page, "sdxl").get.isVisible()
    page.on_download(download(State.DONE, repo=repo))
    assert card(page, "sdxl").state == "On this machine"
    page.set_here(frozenset())
    assert card(page, "sdxl").get.isVisible()


def test_a_cascade_is_here_once_all_of_it_is(page):
    first, second = find("deepfloyd-if").repos
    page.set_here(frozenset({first}))
    assert card(page, "deepfloyd-if").state == ""
    page.set_here(frozenset({first, second}))
    assert card(page, "deepfloyd-if").state == "On this machine"


def test_the_keyboard_goes_on_where_the_button_was(page, qtbot, downloads):
    page.activateWindow()
    get = card(page, "sdxl").get
    get.setFocus()
    with qtbot.waitSignal(page._asker.done):
        qtbot.keyClick(get, Qt.Key.Key_Space)
    assert page.box._fetch.hasFocus()
    qtbot.keyClick(page.box._fetch, Qt.Key.Key_Tab)
    assert page.box._licence.hasFocus()
    qtbot.keyClick(page.box._licence, Qt.Key.Key_Tab)
    assert page.box._not_now.hasFocus()
    qtbot.keyClick(page.box._not_now, Qt.Key.Key_Space)
    assert get.hasFocus()
    assert downloads.got == []


def test_an_answer_takes_nobody_out_of_the_field(page, qtbot):
    page.activateWindow()
    page.edit.setFocus()
    page.edit.setText("someone/model")
    with qtbot.waitSignal(page._asker.done):
        qtbot.keyClick(page.edit, Qt.Key.Key_Return)
    assert page.box._fetch.isVisible()
    assert page.edit.hasFocus()
