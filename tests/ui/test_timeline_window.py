"""What the window says of an export."""

from pathlib import Path

from desktop.ui import places
from tests.ui.test_main_window import open_window, shelf  # noqa: F401


def test_the_window_says_where_the_steps_are_and_shows_the_folder(open_window, monkeypatch):  # noqa: F811
    window = open_window().window
    window.add_timeline(lambda record: (), lambda *what: None, lambda path: None)
    wiring, seen = window._timeline, []
    monkeypatch.setattr(places, "reveal", seen.append)
    wiring.exporting.emit(Path("/films/fox.mp4"))
    assert "fox.mp4" in window.toast.text
    wiring.exported.emit(Path("/films/fox.mp4"))
    assert window.toast.text == "The steps are in fox.mp4"
    window.toast.click()
    assert seen == [Path("/films/fox.mp4")]
    wiring.exporting.emit(Path("/films/fox.mp4"))
    wiring.not_exported.emit()
    assert window.toast.text == ""
