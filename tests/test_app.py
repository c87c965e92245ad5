"""The real window with the real built-in model, from the prompt to the picture and on to tomorrow."""

import math
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from desktop import settings
from desktop.app import App
from desktop.errors import KnownError
from desktop.grids import make_grid, parse_axis
from desktop.messages import GenerationRequest, Phase, Preview
from desktop.replay import difference
from desktop.settings import Settings, find_folders
from desktop.store.recipe import read_recipe, read_request
from desktop.ui.left_over import LeftOver
from desktop.ui.window_pages import GALLERY, NOISE

WAIT_MS = 180_000


@pytest.fixture
def start(qtbot):
    """Start the application as often as a test wants; each is closed as a user closes it."""
    running = []

    def start(engine=True):
        app = App(find_folders())
        running.append(app)
        app.window.resize(1280, 800)
        app.window.show()
        app.show_pictures()
        if engine:
            app.start_engine()
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


def _generate(qtbot, app, prompt, steps=8):
    """Type the prompt and press the button; returns the previews and the saved record."""
    previews, shown, saved = [], [], []
    post = app.bridge.post

    def listen(event):
        """On the engine's thread: what arrives, before a busy window lets a newer one take its place."""
        if isinstance(event, Preview):
            previews.append(event)
        post(event)

    app.studio._emit_on = listen
    app.bridge.preview.connect(shown.append)
    app.bridge.saved.connect(saved.append)
    panel = app.window.create_page.panel
    panel.steps.set_value(steps)
    panel.prompt.clear()
    qtbot.keyClicks(panel.prompt, prompt)
    with qtbot.waitSignal(app.bridge.saved, timeout=WAIT_MS):
        qtbot.mouseClick(panel.generate_button, Qt.MouseButton.LeftButton)
    app.bridge.preview.disconnect(shown.append)
    app.bridge.saved.disconnect(saved.append)
    app.studio._emit_on = post
    assert shown[-1] is previews[-1]  # the newest always wins
    return previews, saved[0].record


def _frame(preview, size):
    frame = preview.frame
    image = Image.frombytes("RGB", (frame.width, frame.height), frame.rgb)
    return image.resize(size, Image.Resampling.BICUBIC)


def test_a_picture_from_a_prompt_is_watched_and_found_again_tomorrow(qtbot, start):
    app = start()
    previews, record = _generate(qtbot, app, "a red apple", steps=8)
    assert len(previews) >= 8
    saved = Image.open(record.path).convert("RGB")
    first, last = (difference(_frame(p, saved.size), saved)[1] for p in (previews[0], previews[-1]))
    assert last > first
    assert last > 20  # dB; two unrelated pictures of the model are below 12
    assert read_request(record.path) == record.request
    start.close(app)

    again = start(engine=False)
    assert [r.path for r in again.studio.pictures.list()] == [record.path]
    again.window.show_page(GALLERY)
    assert again.window.gallery_page.model.rowCount() == 1
    assert [e.prompt for e in again.studio.history.recent()] == ["a red apple"]
    assert again.window.create_page.history_panel.model.rowCount() == 1


def test_a_finished_picture_shows_its_steps_and_another_grows_from_one_of_them(qtbot, start):
    app = start()
    timeline = app.window._timeline
    with qtbot.waitSignal(timeline._reader.done, timeout=WAIT_MS):
        _, record = _generate(qtbot, app, "a red apple", steps=6)
    assert timeline.bar.isVisible()
    assert timeline.bar.scrubber.count == 6
    timeline.bar.scrubber.setFocus()
    for _ in range(3):
        qtbot.keyClick(timeline.bar.scrubber, Qt.Key.Key_Left)
    timeline.bar.branch_button.click()
    _, same = _generate(qtbot, app, "a red apple", steps=6)
    assert same.request.branch.trunk == record.request
    assert Image.open(same.path).tobytes() == Image.open(record.path).tobytes()
    _, other = _generate(qtbot, app, "a lemon", steps=6)
    assert other.request.branch.step == 3
    assert Image.open(other.path).tobytes() != Image.open(record.path).tobytes()


def test_a_picture_is_verified_in_the_window(qtbot, start):
    app = start()
    _, record = _generate(qtbot, app, "a red apple", steps=4)
    with qtbot.waitSignal(app.bridge.verified, timeout=WAIT_MS) as told:
        app.window._timeline._on_verify(record)
    assert told.args[0].identical
    assert "every pixel is the same" in app.window.create_page.messages._title.text()
    assert len(app.studio.pictures.list()) == 1, "nothing was saved"


def test_the_words_of_a_picture_are_shown_over_it_and_nothing_is_saved(qtbot, start):
    app = start()
    _, record = _generate(qtbot, app, "a red apple", steps=4)
    page, attention = app.window.create_page, app.window._attention
    qtbot.waitUntil(lambda: page.preview.record == record)
    page.preview.setFocus()
    with qtbot.waitSignal(app.bridge.attention_seen, timeout=WAIT_MS) as told:
        page.preview._on_attention()
    assert told.args[0].identical
    qtbot.waitUntil(lambda: attention.view is not None and attention.view.words[2].hasFocus())
    assert [chip.text() for chip in attention.view.words] == ["a", "red", "apple"]
    assert attention.view.picture.heat.word == "apple"
    qtbot.keyClick(attention.view.words[2], Qt.Key.Key_Escape)
    assert attention.view is None
    attention.show(record)
    page.panel.prompt.setFocus()
    qtbot.keyClick(page.panel.prompt, Qt.Key.Key_Escape)
    assert attention.view is None, "wherever the focus is, as nothing runs that it could stop"
    assert len(app.studio.pictures.list()) == 1, "nothing was saved"


def test_two_settings_are_varied_in_a_grid_whose_sheet_comes_to_the_gallery(qtbot, start):
    app = start()
    page, grids = app.window.create_page, app.window._grids
    page.panel.steps.set_value(2)
    page.panel.prompt.set_text("a red apple")
    page.panel.grid_button.click()
    for row, setting, values in ((grids.card.x, "seed", "5, 6"), (grids.card.y, "words", "apple, pear")):
        row.setting.setCurrentIndex(row.setting.findData(setting))
        row.values.setText(values)
    with qtbot.waitSignal(app.bridge.saved, timeout=WAIT_MS):
        qtbot.keyClick(grids.card.y.values, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: grids.view.sheet is not None, timeout=WAIT_MS)
    records = app.studio.pictures.list()
    assert records[0].path == grids.view.sheet.path
    assert {(r.request.seed, r.request.prompt) for r in records[1:]} == {
        (seed, f"a red {fruit}") for seed in (5, 6) for fruit in ("apple", "pear")
    }
    first = grids.view.model.index(0, 0)
    with qtbot.waitSignal(page.preview.record_shown, timeout=WAIT_MS):
        grids.view.table.clicked.emit(first)
    assert page.preview.record == grids.view.model.cell(first).record


def test_what_waits_of_a_grid_when_the_window_closes_waits_tomorrow(qtbot, start):
    app = start(engine=False)
    base = GenerationRequest(prompt="a red apple", seed=5, steps=2)
    app.window._grids.start(make_grid(base, parse_axis("seed", "5, 6, 5"), parse_axis("steps", "2, 3")))
    qtbot.waitUntil(lambda: len(app.studio.queue.load()) == 4)
    start.close(app)
    again = start(engine=False)
    assert [(r.seed, r.steps) for r in again._queue.left_over] == [(5, 2), (6, 2), (5, 3), (6, 3)]


def test_a_grid_that_closing_interrupted_gets_its_sheet_when_its_pictures_are_made(qtbot, start):
    app = start()
    base = GenerationRequest(prompt="a red apple", seed=5, steps=1)
    app.bridge.saved.connect(lambda event: app.studio.engine.pause())
    with qtbot.waitSignal(app.bridge.saved, timeout=WAIT_MS):
        app.window._grids.start(make_grid(base, parse_axis("seed", "5, 6, 7")))
    qtbot.waitUntil(lambda: [r.seed for r in app.studio.queue.load()] == [6, 7])
    start.close(app)

    again = start()
    assert [record.request.seed for record in again.studio.pictures.list()] == [5]
    again._queue.decide(True)
    view = again.window._grids.view
    qtbot.waitUntil(lambda: view.sheet is not None, timeout=WAIT_MS)
    assert view.state == "3 of 3 pictures"
    names = [Path(record.path).name for record in again.studio.pictures.list()]
    assert names[0] == Path(view.sheet.path).name
    assert read_recipe(Path(view.sheet.path)).extra["grid"]["pictures"] == [names[:0:-1]]
    start.close(again)
    assert len(start(engine=False).studio.pictures.list()) == 4, "one sheet, and only once"


def test_a_paused_picture_goes_on_after_a_restart(qtbot, start):
    app = start()
    panel = app.window.create_page.panel
    panel.steps.set_value(60)
    qtbot.keyClicks(panel.prompt, "a boat")
    with qtbot.waitSignal(app.bridge.preview, timeout=WAIT_MS, check_params_cb=lambda event: event.step >= 3):
        qtbot.mouseClick(panel.generate_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(app.bridge.queue_changed, check_params_cb=lambda e: e.paused and not e.jobs[0].running):
        app.window.create_page.queue.pause_button.click()
    qtbot.waitUntil(lambda: len(app.studio.queue.load()) == 1)
    start.close(app)

    again = start()
    previews = []
    again.bridge.preview.connect(previews.append)
    with qtbot.waitSignal(again.bridge.saved, timeout=WAIT_MS):
        again._queue.decide(True)
    assert previews[0].step >= 3
    assert [record.request.prompt for record in again.studio.pictures.list()] == ["a boat"]


def test_the_prompt_can_be_typed_while_torch_is_still_being_imported(qtbot, start):
    app = start()
    seen = []
    app.bridge.phase.connect(seen.append)
    qtbot.keyClicks(app.window.create_page.panel.prompt, "a fox")
    assert app.window.create_page.panel.prompt.toPlainText() == "a fox"
    with qtbot.waitSignal(app.bridge.ready, timeout=WAIT_MS):
        pass
    assert seen[0].phase is Phase.IMPORTING


def test_what_waited_is_offered_again_after_a_restart(qtbot, start):
    app = start(engine=False)
    panel = app.window.create_page.panel
    qtbot.keyClicks(panel.prompt, "a boat")
    panel.count.set_value(3)
    qtbot.mouseClick(panel.generate_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(app.studio.queue.load()) == 3)
    app.studio.engine.start()
    start.close(app)

    again = start(engine=False)
    assert [r.prompt for r in again._queue.left_over] == ["a boat"] * 3
    (offer,) = again.window.findChildren(LeftOver)
    for width in (860, 1280):
        again.window.resize(width, 560)
        assert offer.isVisible(), "in a window with no room for the queue too"
    assert offer.accessibleName() == "3 pictures were still waiting when Safelight closed."
    qtbot.keyClick(offer.run, Qt.Key.Key_Space)
    assert not offer.isVisible()
    qtbot.waitUntil(lambda: again.window.create_page.queue._title.text() == "Queue (3)")
    again.studio.engine.start()


def test_a_comparison_that_still_ran_is_not_made_into_a_picture_by_the_next_start(qtbot, start):
    app = start(engine=False)
    app.studio.engine.submit(GenerationRequest(prompt="a boat", seed=1), save=lambda *what, **more: None)
    qtbot.waitUntil(lambda: len(app._queue._jobs) == 1)
    app._queue._keep()
    qtbot.waitUntil(lambda: app.studio.queue.load() == ())


def test_a_picture_dropped_on_the_window_becomes_the_start(qtbot, start, tmp_path):
    app = start(engine=False)
    Image.new("RGB", (50, 40), "teal").save(tmp_path / "dropped.png")
    _drop(app.window, tmp_path / "dropped.png")
    qtbot.waitUntil(lambda: app.window.create_page.panel.start_picture.sha is not None)
    request = _submitted(qtbot, app, "a boat")
    assert app.studio.starts.open(request.start_picture).getpixel((5, 5)) == (0, 128, 128)


def test_one_of_our_pictures_dropped_with_alt_restores_its_settings(qtbot, start, tmp_path):
    from desktop.store.recipe import write_png

    asked = GenerationRequest(prompt="a green frog", seed=123456789012, steps=7, guidance_scale=2.5, scheduler="euler")
    write_png(tmp_path / "ours.png", Image.new("RGB", (128, 128)), asked, {})
    app = start(engine=False)
    _drop(app.window, tmp_path / "ours.png", Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: app.window.create_page.panel.prompt.toPlainText() == "a green frog")
    assert _submitted(qtbot, app, None) == asked


def test_a_dropped_file_that_is_no_picture_is_refused_in_the_window(qtbot, start, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    app = start(engine=False)
    _drop(app.window, tmp_path / "notes.png")
    panel = app.window.create_page.panel
    qtbot.waitUntil(lambda: "not a picture" in panel.start_picture._error.text())
    assert panel.start_picture.sha is None


def _drop(window, path, modifiers=Qt.KeyboardModifier.NoModifier):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(600, 400), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, modifiers, QEvent.Type.Drop
    )
    window.dropEvent(event)


def _submitted(qtbot, app, prompt):
    panel = app.window.create_page.panel
    if prompt is not None:
        panel.prompt.clear()
        qtbot.keyClicks(panel.prompt, prompt)
    with qtbot.waitSignal(panel.submitted) as signal:
        qtbot.mouseClick(panel.generate_button, Qt.MouseButton.LeftButton)
    return signal.args[0][0]


def test_pictures_and_prompts_come_back_when_the_database_is_damaged(qtbot, start, tmp_path):
    app = start(engine=False)
    request = GenerationRequest(prompt="a green frog", seed=1)
    app.studio.pictures.save(request, Image.new("RGB", (128, 128)), seconds=1.0, made={})
    start.close(app)
    find_folders().database.write_bytes(b"not a database at all" * 1000)

    again = start()
    qtbot.waitUntil(lambda: "set aside" in again.window.create_page.messages.text, timeout=WAIT_MS)
    assert [r.request for r in again.studio.pictures.list()] == [request]
    assert [e.prompt for e in again.studio.history.recent()] == ["a green frog"]


def test_a_second_window_on_the_same_pictures_is_refused(qtbot, start):
    app = start(engine=False)
    with pytest.raises(KnownError, match="open already"):
        start(engine=False)
    start.close(app)
    start(engine=False)


def test_a_start_that_fails_halfway_is_put_away_and_the_next_one_works(qtbot, start):
    def refuse(*parts):
        raise KnownError("The disk is full")

    app = App(find_folders())
    qtbot.addWidget(app.window)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.window, "add_timeline", refuse)
        with pytest.raises(KnownError, match="The disk is full"):
            app.show_pictures()
    app.close()
    app.deleteLater()
    assert start(engine=False).gallery is not None


@pytest.mark.parametrize("stderr", [True, False])
def test_what_keeps_the_window_from_opening_reaches_the_terminal_as_words_alone(qapp, monkeypatch, capsys, stderr):
    from PySide6.QtWidgets import QMessageBox

    from desktop.program import _tell_without_the_window

    monkeypatch.setattr(QMessageBox, "exec", lambda box: 0)
    if not stderr:  # as for a program without a terminal on Windows
        monkeypatch.setattr(sys, "stderr", None)
    assert _tell_without_the_window(KnownError("/home/\x1b]0;evil\x07 is a file", "Name a folder.")) == ""
    told = "safelight: /home/\ufffd]0;evil\ufffd is a file. Name a folder.\n" if stderr else ""
    assert capsys.readouterr() == ("", told)


def test_an_error_in_the_window_is_told_and_the_window_stays(qtbot, start):
    from desktop.program import _on_bug

    app = start(engine=False)
    error = ZeroDivisionError("by accident")
    _on_bug(app, ZeroDivisionError, error, None)
    qtbot.waitUntil(lambda: "ZeroDivisionError" in app.window.create_page.messages.text)
    assert app.window.isVisible()


def test_psnr_is_what_it_should_be():
    black, grey = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), (51, 51, 51))
    assert difference(black, black) == (0, math.inf)
    largest, psnr = difference(black, grey)
    assert largest == 51
    assert psnr == pytest.approx(20 * math.log10(255 / 51))


def test_forgetting_what_was_left_over_keeps_what_waits_now(qtbot, start):
    app = start(engine=False)
    app.studio.queue.keep([GenerationRequest(prompt="an old boat", seed=1)])
    start.close(app)
    again = start(engine=False)
    again.studio.engine.submit(GenerationRequest(prompt="a new boat", seed=2))
    qtbot.waitUntil(lambda: [r.prompt for r in again.studio.queue.load()] == ["an old boat", "a new boat"])
    again._queue.decide(False)
    qtbot.waitUntil(lambda: [r.prompt for r in again.studio.queue.load()] == ["a new boat"])
    again.studio.engine.start()


def test_the_newest_picture_dissolves_by_the_schedule_of_the_model_in_use(qtbot, start):
    app = start()
    _generate(qtbot, app, "a red apple", steps=4)
    app.window.show_page(NOISE)
    page = app.window.noise_page
    with qtbot.waitSignal(page._noises.done, timeout=WAIT_MS):
        qtbot.mouseClick(page.empty.newest, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: page._schedule is not None, timeout=WAIT_MS)
    assert page.canvas.isVisible()
    assert app.studio.library.list()[0].title in page.panel.whose
    for view in ("latents", "guess"):
        before = page.canvas.image
        with qtbot.waitSignal(app.bridge.noise_seen, timeout=WAIT_MS):
            page.head.views.button(view).click()
        assert page.error.text() == ""
        assert page.canvas.image != before


def test_after_a_start_that_died_nothing_is_loaded_until_the_user_says_so(qtbot, start):
    folders = find_folders()
    folders.make()
    settings.save(folders.settings, Settings(theme="light", seen_welcome=True, panel={"prompt": "a boat"}))
    folders.starting.write_text("1 0")  # of a process that began after it
    app = start()
    bar = app._safe_mode
    assert bar.isVisible()
    assert not app.studio.engine._thread.is_alive()
    assert app.window.create_page.panel.prompt.toPlainText() == ""
    app.window.use_model("starter")
    app.window.create_page.panel.negative.set_text("rain")
    assert settings.load(folders.settings).theme == "light", "settings stay as they are"
    with qtbot.waitSignal(app.bridge.ready, timeout=WAIT_MS):
        bar.buttons["go_on"].click()
    panel = app.window.create_page.panel
    assert panel.prompt.toPlainText() == "a boat"
    assert panel.negative.toPlainText() == "rain", "what was typed meanwhile stays"
    assert panel.negative_fold.open
    assert app._safe_mode is None
    qtbot.waitUntil(lambda: not folders.starting.exists(), timeout=WAIT_MS)
    start.close(app)
    assert start(engine=False)._safe_mode is None


def test_what_is_typed_in_safe_mode_stays_when_the_user_goes_on(qtbot, start):
    folders = find_folders()
    folders.make()
    panel = {"prompt": "a boat", "negative_prompt": "rain", "steps": 9}
    settings.save(folders.settings, Settings(seen_welcome=True, panel=panel))
    folders.starting.write_text("1 0")
    app = start()
    panel = app.window.create_page.panel
    qtbot.keyClicks(panel.prompt, "a long new prompt")
    app.studio.engine.start = lambda warm_up: None
    app._safe_mode.buttons["go_on"].click()
    assert panel.prompt.toPlainText() == "a long new prompt"
    assert panel.negative.toPlainText() == "rain"
    assert panel.steps.value == 9


def test_a_picture_asked_for_before_the_engine_is_there_ends_the_start_as_well(qtbot, start):
    app = start(engine=False)
    with qtbot.waitSignal(app.bridge.saved, timeout=WAIT_MS):
        app.studio.engine.submit(GenerationRequest(prompt="a red apple", seed=1, steps=1))
        assert app._folders.starting.exists()
        app.start_engine()
    assert not app._folders.starting.exists()


def test_a_picture_stopped_before_the_engine_is_there_says_nothing_about_the_start(qtbot, start):
    app = start(engine=False)
    job = app.studio.engine.submit(GenerationRequest(prompt="a red apple", seed=1, steps=1))
    with qtbot.waitSignal(app.bridge.cancelled):
        app.studio.engine.cancel(job)
    assert app._folders.starting.exists()


def test_broken_settings_are_told_and_can_be_set_aside(qtbot, start):
    folders = find_folders()
    folders.make()
    folders.settings.write_text("{broken")
    app = start(engine=False)
    assert "settings.json are damaged" in app._safe_mode.accessibleName()
    app.window.close()
    assert folders.settings.read_text() == "{broken"
    app._safe_mode.buttons["aside"].click()
    assert folders.settings.with_suffix(".broken.json").read_text() == "{broken"
    assert app.window.toast.text == "The old settings are in settings.broken.json now"
    app.window.use_model("starter")
    assert settings.load(folders.settings) == app.window.settings


def test_after_broken_settings_are_set_aside_the_engine_works_as_the_settings_show(start):
    folders = find_folders()
    folders.make()
    folders.settings.write_text("{broken")
    folders.starting.write_text("1 0")  # of a process that began after it
    app = start()
    told = []
    app.studio.engine.set_modes = lambda **modes: told.append(modes)
    app.studio.engine.start = lambda warm_up: None
    app.window._menu.modes_chosen.emit("offload", "off")
    assert told == [{"memory": "offload", "compiling": "off"}]
    app._safe_mode.buttons["aside"].click()
    memory, compiling = app.window._menu.modes
    assert (memory, compiling) == (Settings().memory, Settings().compiling)
    assert told[1:] == [{"memory": memory, "compiling": compiling}]


def test_a_report_is_saved_without_prompts_and_shown(qtbot, start, tmp_path):
    app = start(engine=False)
    app.window.top_bar.report_wanted.emit()
    card = app.window._menu._cards["report"]
    assert card.focusWidget() is card.save
    for stop in (card._close, card.prompts):
        qtbot.keyClick(card, Qt.Key.Key_Tab)
        assert card.focusWidget() is stop
    qtbot.keyClick(card.prompts, Qt.Key.Key_Space)
    assert card.prompts.isChecked()
    qtbot.keyClick(card, Qt.Key.Key_Escape)
    app.studio.history.add(GenerationRequest(prompt="a secret plan", negative_prompt="my uncle", seed=1))
    app._folders.log.write_text("ERROR it failed on 'a secret plan' but 'my uncle'\n")
    with qtbot.waitSignal(app._reports.worker.done):
        app.window.report_chosen.emit((str(tmp_path / "report"), False))
    assert app.window.toast.text == "The report is saved as report.zip"
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        assert report.read("safelight.log").decode() == "ERROR it failed on '[prompt]' but '[prompt]'\n"
    with qtbot.waitSignal(app._reports.worker.failed):
        app.window.report_chosen.emit((str(tmp_path), False))
    assert "is a folder" in app.window.create_page.messages.text


def test_what_was_deleted_goes_to_the_trash_when_the_window_closes_or_at_the_next_start(start, monkeypatch, qtbot):
    trashed = []
    monkeypatch.setattr("desktop.studio.system_trash", lambda path: (trashed.append(path), Path(path).unlink()))
    app = start(engine=False)
    request = GenerationRequest(prompt="a green frog", seed=1)
    records = [app.studio.pictures.save(request, Image.new("RGB", (8, 8)), seconds=1.0, made={}) for _ in range(4)]
    app.studio.pictures.delete([records[0].id])
    start.close(app)
    assert trashed == [records[0].path]
    with monkeypatch.context() as hurry:
        hurry.setattr("desktop.store.deletions.Deletions.begin", lambda self, ids=None: None)  # there is no time
        app = start(engine=False)
        app.studio.pictures.delete([records[1].id])
        start.close(app)
    assert len(trashed) == 1
    app = start(engine=False)
    app.gallery.delete([records[2]])
    qtbot.waitUntil(lambda: trashed == [records[0].path, records[1].path])
    assert app.gallery.undo_delete()
    assert app.studio.pictures.list() == (records[3], records[2])
