"""The whole window, with fakes of the engine and the library and a real store."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from desktop.errors import KnownError
from desktop.messages import Cancelled, EngineReady, Failed, Lora, QueueChanged, Saved, Started
from desktop.settings import Settings
from desktop.ui import theme
from desktop.ui.bridge import Bridge
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_strip import GalleryStrip
from desktop.ui.history_panel import HistoryPanel
from desktop.ui.main_window import MainWindow
from desktop.ui.window_pages import CREATE, GALLERY, MODELS, NOISE
from tests.ui.gallery_parts import Shelf
from tests.ui.window_parts import SHA, Engine, Models, Starts, job, preview, request, write_picture

Key = Qt.Key


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "data")
    yield shelf
    shelf.database.close_all()


@pytest.fixture
def open_window(qapp, shelf):
    """Open the window as often as a test wants; each is closed as a user closes it."""
    opened = []

    def open_window(models=None, **changes):
        gallery = Gallery(shelf.pictures, shelf.thumbs)
        kept = []
        engine = Engine()
        window = MainWindow(
            engine=engine,
            models=models or Models(),
            history=shelf.history,
            starts=Starts(),
            recall=recall,
            settings=Settings(**({"seen_welcome": True, "theme": "dark"} | changes)),
            save_settings=kept.append,
            folders=shelf.folders,
            gallery=gallery,
            picture_strip=GalleryStrip(gallery),
            history_panel=HistoryPanel(shelf.history),
        )
        bridge = Bridge(window)
        window.connect_bridge(bridge)
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        parts = SimpleNamespace(
            window=window,
            engine=engine,
            bridge=bridge,
            gallery=gallery,
            kept=kept,
            page=window.create_page,
            panel=window.create_page.panel,
        )
        opened.append(parts)
        return parts

    yield open_window
    for parts in opened:
        parts.window.close()
        parts.bridge.close()
        parts.gallery.close()
        parts.window.deleteLater()
        parts.gallery.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def app(open_window):
    return open_window()


def recall(path):
    if "stranger" in str(path):
        return request("theirs", 3, model="/somewhere/else")
    if "ours" in str(path):
        return request("an old picture", 11, steps=5)
    raise KnownError("This picture has no recipe of Safelight", "Drop it without Alt to start from it.")


def tell(app, *events):
    for event in events:
        app.bridge.post(event)
    QCoreApplication.processEvents()


def run(app, job_id="job0"):
    """A job is running."""
    tell(app, QueueChanged(jobs=(job(0, running=True), job(1))), Started(job_id=job_id, request=request()))


def drop_on(window, path, modifiers=Qt.KeyboardModifier.NoModifier):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(QPointF(600, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, modifiers)
    window.dropEvent(event)


def test_it_opens_with_the_cursor_in_the_prompt(app):
    assert app.window.focusWidget() is app.panel.prompt
    assert app.window.pages.currentIndex() == CREATE


def test_typing_and_enter_send_a_request_to_the_engine(app, qtbot):
    qtbot.keyClicks(app.window.focusWidget(), "a fox")
    qtbot.keyClick(app.panel.prompt, Key.Key_Return)
    assert [r.prompt for r in app.engine.submitted] == ["a fox"]


def test_an_example_is_written_into_the_prompt_and_made(app):
    app.page.preview.example_chosen.emit("a red apple")
    assert app.panel.prompt.text == "a red apple"
    assert [r.prompt for r in app.engine.submitted] == ["a red apple"]


def test_the_way_of_a_picture_from_start_to_disk(app, shelf, qtbot):
    run(app)
    assert app.panel.stop_button.isVisible()
    tell(app, preview(step=9, seconds_left=4))
    assert app.page.progress.text == "Step 9 of 20, 4 s left"
    assert app.page.queue._title.text() == "Queue (2)"
    saved = shelf.save("a fox", seed=7)
    with qtbot.waitSignal(app.page.preview._loader.done):
        tell(app, Saved(job_id="job0", record=saved), QueueChanged(jobs=()))
    assert app.page.preview.record == saved
    assert not app.page.progress._stop.isVisible()
    assert not app.panel.stop_button.isVisible()
    assert app.page.picture_strip.model.rowCount() == 1


def test_escape_stops_the_running_job_and_nothing_else(app, qtbot):
    qtbot.keyClick(app.panel.prompt, Key.Key_Escape)
    assert app.engine.cancelled == []
    run(app)
    qtbot.keyClick(app.panel.prompt, Key.Key_Escape)
    assert app.engine.cancelled == ["job0"]
    tell(app, Cancelled(job_id="job0", request=request(), step=3), QueueChanged(jobs=()))
    qtbot.keyClick(app.panel.prompt, Key.Key_Escape)
    assert app.engine.cancelled == ["job0"]


def test_a_job_that_still_waits_for_torch_can_be_stopped(app, qtbot):
    tell(app, QueueChanged(jobs=(job(0), job(1))))
    assert app.panel.stop_button.isVisible()
    assert app.page.progress._stop.isVisible()
    qtbot.keyClick(app.panel.prompt, Key.Key_Escape)
    assert app.engine.cancelled == ["job0"]
    tell(app, Cancelled(job_id="job0", request=request(), step=0), QueueChanged(jobs=()))
    assert not app.panel.stop_button.isVisible()


def test_the_first_picture_is_awaited_in_words(app):
    app.panel.prompt.set_text("a fox")
    app.panel.submit()
    empty = app.page.preview._empty
    assert empty._title.text() == "Your picture will develop here"
    assert not empty._buttons[0].isVisible()
    run(app)
    tell(app, QueueChanged(jobs=()), Cancelled(job_id="job0", request=request(), step=0))
    assert empty._buttons[0].isVisible()


def test_an_older_picture_can_be_looked_at_while_one_develops(app, shelf, qtbot):
    old = shelf.save("an owl")
    run(app)
    with qtbot.waitSignal(app.page.preview._loader.done):
        app.page.show_record(old)
    tell(app, preview(step=2))
    assert app.page.preview.record == old
    assert app.page.progress._live.isVisible()
    qtbot.mouseClick(app.page.progress._live, Qt.MouseButton.LeftButton)
    tell(app, preview(step=3))
    assert app.page.preview.record is None


def test_a_failed_job_is_explained_and_the_window_goes_on(app):
    run(app)
    tell(app, Failed(job_id="job0", request=request(), message="Not enough memory", hint="Try 256 × 256."))
    assert app.page.messages.text == "Not enough memory"
    assert app.page.running is None
    app.panel.prompt.set_text("a fox")
    app.panel.submit()
    assert app.page.messages.text == ""


def test_a_bug_outside_any_job_leaves_the_running_job_alone(app):
    run(app)
    tell(app, Failed(job_id=None, request=None, message="oops", hint="", is_bug=True, details="Traceback"))
    assert app.page.messages.text == "This is a bug in Safelight: oops"
    assert app.page.running == "job0"


def test_the_device_is_named_when_the_engine_is_ready(app):
    tell(app, EngineReady(device="CPU (2 cores)"))
    assert app.window.top_bar._device.text() == "CPU (2 cores)"


@pytest.mark.parametrize(
    ("key", "page"), [(Key.Key_2, GALLERY), (Key.Key_3, MODELS), (Key.Key_4, NOISE), (Key.Key_1, CREATE)]
)
def test_pages_are_reached_by_key(app, qtbot, key, page):
    qtbot.keyClick(app.window, key, Qt.KeyboardModifier.ControlModifier)
    assert app.window.pages.currentIndex() == page
    assert app.window.top_bar.tab(page).isChecked()


def test_a_picture_dropped_anywhere_is_started_from(app, qtbot, tmp_path):
    with qtbot.waitSignal(app.panel.start_picture.changed):
        drop_on(app.window, write_picture(tmp_path / "start.png"))
    assert app.panel.start_picture.sha == SHA


def recall_by_drop(app, qtbot, path):
    drop_on(app.window, path, Qt.KeyboardModifier.AltModifier)
    told = [app.window._arrivals.recaller.done, app.window._arrivals.recaller.failed]
    with qtbot.waitSignal(told[1] if "other" in path else told[0]):
        pass
    QCoreApplication.processEvents()


def test_one_of_our_pictures_dropped_with_alt_restores_its_settings(app, qtbot):
    recall_by_drop(app, qtbot, "/pictures/ours.png")
    assert (app.panel.prompt.text, app.panel.steps.value) == ("an old picture", 5)
    assert app.panel.seed.field.text() == "11"


def test_a_stranger_s_picture_dropped_with_alt_is_explained(app, qtbot):
    recall_by_drop(app, qtbot, "/pictures/other.png")
    assert app.page.messages.text == "This picture has no recipe of Safelight"


def test_a_picture_s_model_that_is_not_in_the_library_is_named_and_not_opened(app, qtbot):
    recall_by_drop(app, qtbot, "/pictures/stranger.png")
    assert "/somewhere/else, is not among yours" in app.page.messages.text
    assert app.panel.prompt.text == "theirs"
    app.panel.submit()
    assert app.engine.submitted[-1].model == "starter"
    assert app.engine.warm == []


def test_a_dropped_lora_goes_on_the_model_in_use(app, qtbot):
    app.window.show_page(MODELS)
    with qtbot.waitSignal(app.panel.file_added):
        drop_on(app.window, "/files/lora crayon.safetensors")
    assert app.window.pages.currentIndex() == CREATE
    assert app.panel.added_fold.open
    app.panel.prompt.set_text("a fox")
    app.panel.submit()
    assert app.engine.submitted[-1].loras == (Lora(file="/files/lora crayon.safetensors"),)


def test_a_dropped_file_of_weights_that_is_no_lora_is_taken_for_a_model(app, qtbot):
    drop_on(app.window, "/files/whole.safetensors")
    qtbot.waitUntil(lambda: app.window.toast.text == "A large one is ready to use")
    assert app.window.pages.currentIndex() == MODELS


def test_a_dropped_folder_is_taken_for_a_model(app, qtbot, tmp_path):
    drop_on(app.window, tmp_path)
    qtbot.waitUntil(lambda: app.window.toast.text == "A large one is ready to use")
    assert app.window.pages.currentIndex() == MODELS


def test_a_chosen_model_is_loaded_ahead_and_remembered(app):
    app.window.use_model("large")
    assert app.engine.warm == ["large"]
    assert app.kept[-1].model == "large"
    app.panel.prompt.set_text("a fox")
    app.panel.submit()
    assert app.engine.submitted[0].model == "large"


def test_settings_of_a_picture_bring_its_model_along(app):
    app.gallery.use_settings.emit(request("an owl", 3, model="large", width=512, height=512))
    assert app.panel.model.name == "large"
    assert app.panel.prompt.text == "an owl"


def test_settings_of_a_picture_whose_model_is_gone_are_used_with_this_one(app):
    app.gallery.use_settings.emit(request("an owl", 3, model="gone"))
    assert "no model called gone" in app.page.messages.text
    assert app.panel.prompt.text == "an owl"
    assert app.panel.model.name == "starter"


def test_variations_are_made_at_once_with_other_seeds(app):
    app.gallery.make_variations.emit(request("an owl", 3))
    seeds = [r.seed for r in app.engine.submitted]
    assert len(set(seeds)) == 4
    assert 3 not in seeds


def test_deleting_a_picture_can_be_undone_by_key(app, shelf, qtbot):
    saved = shelf.save("an owl")
    app.gallery.reload()
    app.gallery.delete([saved])
    assert app.window.toast.text == "Picture moved to the trash"
    assert shelf.pictures.count() == 0
    app.page.picture_strip.setFocus()
    app.window.toast.setFocus()
    qtbot.keyClick(app.window, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert shelf.pictures.count() == 1


def test_undo_takes_back_the_last_thing_first(app, shelf):
    first, second = shelf.save("an owl", seed=1), shelf.save("a fox", seed=2)
    app.gallery.delete([first])
    app.gallery.delete([second])
    app.window.toast.click()
    assert [r.request.prompt for r in shelf.pictures.list()] == ["a fox"]
    app.window._pictures.undo()
    app.window._pictures.undo()
    assert shelf.pictures.count() == 2


def test_a_prompt_of_the_history_comes_back_with_a_click(app, shelf):
    entry = shelf.history.add(request("an owl", negative_prompt="text"))
    app.page.history_panel.chosen.emit(entry)
    assert (app.panel.prompt.text, app.panel.negative.text) == ("an owl", "text")


def test_a_picture_of_the_gallery_opens_over_the_window(app, shelf, qtbot):
    saved = shelf.save("an owl")
    app.window.show_page(GALLERY)
    app.gallery.open(saved)
    viewer = app.window._pictures._viewer
    assert viewer.isVisible()
    viewer.wait()
    qtbot.keyClick(viewer, Key.Key_Escape)
    assert not viewer.isVisible()


def test_the_right_side_folds_away_by_itself_where_there_is_no_room(app, qtbot):
    assert app.page.side.isVisible()
    app.window.resize(1099, 700)
    assert not app.page.side.isVisible()
    assert not app.window.top_bar.side.isEnabled()
    app.window.resize(1280, 800)
    assert app.page.side.isVisible()
    qtbot.keyClick(app.window, Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert not app.page.side.isVisible()


@pytest.mark.parametrize(("width", "panel"), [(1280, 301), (1920, 360), (900, 300)])
def test_the_prompt_panel_keeps_its_measure(app, width, panel):
    app.window.resize(width, 800)
    assert app.panel.width() == panel


def test_full_screen_shows_the_picture_alone_and_escape_leads_back(app, qtbot):
    qtbot.keyClick(app.page.preview, Key.Key_F)
    assert app.window.isFullScreen()
    hidden = (app.window.top_bar, app.panel, app.page.side, app.page.progress, app.page.picture_strip)
    assert not any(widget.isVisible() for widget in hidden)
    assert app.page.preview.isVisible()
    qtbot.keyClick(app.page.preview, Key.Key_Escape)
    assert not app.window.isFullScreen()
    assert all(widget.isVisible() for widget in hidden)


def test_the_letter_f_can_be_typed(app, qtbot):
    qtbot.keyClicks(app.panel.prompt, "fff??")
    assert app.panel.prompt.text == "fff??"
    assert not app.window.isFullScreen()


def test_a_question_mark_shows_all_keys_and_escape_closes_them(app, qtbot):
    run(app)
    qtbot.keyClicks(app.page.preview, "?")
    card = app.window._menu._cards["keys"]
    assert card.isVisible()
    qtbot.keyClick(app.window.focusWidget(), Key.Key_Escape)
    assert not card.isVisible()
    assert app.engine.cancelled == []


def test_the_first_start_says_what_this_is_and_typing_goes_on_meanwhile(open_window, qtbot):
    app = open_window(seen_welcome=False)
    assert app.page._welcome.isVisible()
    qtbot.keyClicks(app.window.focusWidget(), "a fox")
    qtbot.keyClick(app.panel.prompt, Key.Key_Return)
    assert app.page._welcome is None
    assert app.kept[-1].seen_welcome


def test_the_welcome_leads_to_the_models(open_window):
    app = open_window(seen_welcome=False)
    app.page._welcome.models_wanted.emit()
    assert app.window.pages.currentIndex() == MODELS


def test_what_was_set_is_there_again_after_a_restart(open_window):
    first = open_window()
    first.panel.prompt.set_text("an owl")
    first.panel.steps.set_value(13)
    first.panel.seed.set_seed(5)
    first.panel.seed.set_locked(True)
    first.window.use_model("large")
    first.window.resize(1300, 810)
    first.window.close()
    kept = first.kept[-1]
    second = open_window(model=kept.model, panel=kept.panel, seed_locked=kept.seed_locked)
    assert (second.panel.prompt.text, second.panel.steps.value) == ("an owl", 13)
    assert second.panel.model.name == "large"
    assert second.panel.seed.locked
    assert kept.geometry


@pytest.mark.parametrize("geometry", ["", "not base64!", "AAAA"])
def test_a_damaged_geometry_does_no_harm(open_window, geometry):
    assert open_window(geometry=geometry).window.isVisible()


def test_a_model_that_is_gone_gives_way_to_the_first_there_is(open_window):
    app = open_window(model="gone")
    assert app.panel.model.name == "starter"


def test_with_no_model_at_all_the_window_opens_and_says_what_to_do(open_window):
    models = Models()
    models.models.clear()
    app = open_window(models=models, panel={"prompt": "a fox", "width": 64, "height": 64})
    app.panel.submit()
    assert app.engine.submitted == []
    assert "Models page" in app.panel.footer.error.text()


def test_the_theme_changes_at_once_and_is_remembered(app, qapp):
    app.window.top_bar.theme_chosen.emit("light")
    assert not theme.tokens().dark
    assert app.kept[-1].theme == "light"
    theme.apply(qapp, "dark")


def test_settings_that_cannot_be_saved_are_told(app):
    def refuse(_):
        raise KnownError("The disk is full", "Free some space.")

    app.window._save_settings = refuse
    app.window.use_model("large")
    assert app.page.messages.text == "The disk is full"


@pytest.mark.parametrize("size", [(860, 560), (1280, 800), (1920, 1080)])
@pytest.mark.parametrize("mode", ["dark", "light"])
def test_nothing_is_cut_off(app, qapp, size, mode):
    theme.apply(qapp, mode)
    app.window.resize(*size)
    QCoreApplication.processEvents()
    assert (app.window.width(), app.window.height()) == size
    assert app.panel.generate_button.geometry().bottom() < app.panel.height()
    assert app.window.top_bar._menu_button.geometry().right() <= app.window.width()
    app.window.grab()
    theme.apply(qapp, "dark")


def test_the_gallery_tells_models_by_their_titles_also_one_that_comes_later(app):
    from tests.ui.window_parts import LARGE, SMALL

    models = app.window._models
    models.models.remove(LARGE)
    app.window.refresh_models()
    assert app.gallery.title_of(SMALL.name) == SMALL.title
    assert app.gallery.title_of(LARGE.name) == LARGE.name
    models.add(LARGE.path)
    app.window.refresh_models()
    assert app.gallery.title_of(LARGE.name) == LARGE.title


def test_a_long_title_and_a_long_device_share_the_bar_of_a_small_window(app):
    from dataclasses import replace

    from tests.ui.window_parts import SMALL

    title, device = "A title as long as a sentence, v9 inpainting, merged", "A graphics card with a long name (16 GB)"
    app.window._models.models.append(replace(SMALL, name="long", title=title))
    app.window.refresh_models()
    bar = app.window.top_bar
    bar.set_model("long")
    bar.set_device(device)
    app.window.resize(860, 560)
    QCoreApplication.processEvents()
    assert app.window.width() == 860
    assert bar.model.width() >= 150
    assert bar.model.shown_text.endswith("…")
    assert bar._device.width() >= 100
    assert bar._device.toolTip().startswith(device)
    assert bar._device.geometry().right() < bar._menu_button.geometry().left()
