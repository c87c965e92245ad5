"""The whole way in the real window: a model from a hub on loopback, fetched, left, gone on with and used."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from desktop.app import App
from desktop.settings import find_folders
from desktop.ui.window_pages import MODELS
from tests.library.conftest import hub_server  # noqa: F401 - a fixture
from tests.library.hub_server import Fault, Repo
from tests.models import write_stable_diffusion

REPO = "someone/tiny-sd"
UNET = "unet/diffusion_pytorch_model.safetensors"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = write_stable_diffusion(tmp_path_factory.mktemp("tiny") / "tiny")
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture
def hub(hub_server, tiny, monkeypatch):  # noqa: F811
    monkeypatch.setattr("desktop.library.tokens._keyring", lambda: None)
    monkeypatch.setattr("desktop.library.tokens._from_hub_program", lambda: "")
    hub_server.repos[REPO] = Repo(tiny, card={"license": "apache-2.0"})
    return hub_server


@pytest.fixture
def start(qtbot):
    """A window without its engine, as often as a test wants one; each is closed as a user closes it."""
    running = []

    def start():
        app = App(find_folders())
        running.append(app)
        app.window.resize(1280, 800)
        app.window.show()
        app.show_pictures()
        return app

    def close(app):
        running.remove(app)
        app.window.close()
        app.close()
        app.window.deleteLater()
        app.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    start.close = close
    yield start
    for app in list(running):
        close(app)


def _get(qtbot, app):
    app.window.show_page(MODELS)
    page = app.window.models_page
    page.get_more.edit.setText(REPO)
    qtbot.keyClick(page.get_more.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.get_more.box._fetch.isVisible(), timeout=WAIT_MS)
    assert "Licence: Apache-2.0" in page.get_more.box.text
    qtbot.mouseClick(page.get_more.box._fetch, Qt.MouseButton.LeftButton)
    return page


def test_a_model_is_looked_up_fetched_and_used(qtbot, start, hub):
    app = start()
    page = _get(qtbot, app)
    with qtbot.waitSignal(page.added, timeout=WAIT_MS) as added:
        pass
    assert added.args[0].name == "tiny-sd"
    assert [card.model.name for card in page.cards] == ["starter", "tiny-sd"]
    assert app.window.toast.text == "tiny-sd is ready to use"
    assert page.downloads.isHidden()
    qtbot.mouseClick(page.cards[1]._use, Qt.MouseButton.LeftButton)
    assert app.window.settings.model == "tiny-sd"


def test_a_window_closed_in_the_middle_goes_on_with_it_next_time(qtbot, start, hub, tiny):
    hub.faults[UNET] = [Fault("hold", after=3000)]
    app = start()
    page = _get(qtbot, app)
    qtbot.waitUntil(hub.held.is_set, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(page.downloads.cards) == 1, timeout=WAIT_MS)
    start.close(app)

    again = start()
    assert again.window.toast.text == "A model was not fetched to its end"
    assert [model.name for model in again.studio.library.list()] == ["starter"]
    again.window.toast.click()
    page = again.window.models_page
    qtbot.waitUntil(lambda: len(page.downloads.cards) == 1, timeout=WAIT_MS)
    hub.seen.clear()
    with qtbot.waitSignal(page.added, timeout=WAIT_MS):
        qtbot.mouseClick(page.downloads.cards[0]._go, Qt.MouseButton.LeftButton)
    (range_,) = [seen[2] for seen in hub.seen if seen[1].startswith("/store")]
    assert 0 < int(range_.removeprefix("bytes=").removesuffix("-")) <= 3000
    assert [card.model.name for card in page.cards] == ["starter", "tiny-sd"]


def test_looking_at_the_page_asks_nobody(qtbot, start, hub):
    app = start()
    app.window.show_page(MODELS)
    qtbot.waitUntil(lambda: app.window.models_page.get_more.complete)
    app.window.models_page._opener.wait()
    assert hub.seen == []


def test_a_hub_that_hangs_does_not_keep_the_window_open(qtbot, start, hub):
    hub.faults["model_index.json"] = [Fault("hold", after=3)]
    app = start()
    app.window.show_page(MODELS)
    page = app.window.models_page
    page.get_more.edit.setText(REPO)
    qtbot.keyClick(page.get_more.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(hub.held.is_set, timeout=WAIT_MS)
    start.close(app)  # while the hub still holds its answer back
    assert not hub.release.is_set()
    hub.release.set()


def test_what_fetches_is_not_imported_with_the_window():
    code = (
        "import sys, desktop.app, desktop.studio, desktop.ui.models_page, desktop.library.downloads\n"
        "late = {'requests', 'huggingface_hub', 'keyring', 'filelock', 'torch'} & sys.modules.keys()\n"
        "assert not late, late"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
