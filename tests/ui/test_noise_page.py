"""The noise page: any picture on its way into noise, by the real schedules of real configurations."""

import json
import math
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QImage

from desktop.errors import KnownError
from desktop.messages import NoiseSeen
from desktop.noising import Noising, as_pixels, model_schedule, scaled_values, seeded_noise
from desktop.settings import RESOURCES
from desktop.ui.noise_page import NoisePage
from desktop.ui.plot import nice_ticks
from tests.ui.window_parts import SMALL, Engine, Models, drop, frame

Key = Qt.Key
BUILTIN = replace(SMALL, path=str(RESOURCES / "models" / "starter"))


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def flow(tmp_path):
    """A model of the Flux family, as far as its schedule goes."""
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
    return replace(SMALL, name="flow", title="A flow model", path=str(model_folder(tmp_path / "flow", config)))


@pytest.fixture
def picture(tmp_path):
    """Every colour, no two pixels alike; 96 x 64."""
    across, down = np.meshgrid(np.linspace(0, 255, 96), np.linspace(0, 255, 64))
    pixels = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    path = tmp_path / "colours.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def make(qtbot, flow, engine):
    pages = []

    def make(noising=None, newest=lambda: "", model=BUILTIN):
        page = NoisePage(noising or Noising(Models(BUILTIN, flow)), newest, engine.look)
        qtbot.addWidget(page)
        pages.append(page)
        page.resize(1280, 756)
        page.show()
        with qtbot.waitSignal(page._schedules.done):
            page.set_model(model)
        return page

    yield make
    for page in pages:
        page.wait()


@pytest.fixture
def shown(make, qtbot, picture):
    """The page with a picture on it."""
    page = make()
    with qtbot.waitSignal(page._noises.done):
        page.load(str(picture))
    return page


def model_folder(path, scheduler, component="scheduler"):
    (path / component).mkdir(parents=True)
    index = {"_class_name": "FluxPipeline", component: ["diffusers", scheduler["_class_name"]]}
    (path / "model_index.json").write_text(json.dumps(index))
    (path / component / "scheduler_config.json").write_text(json.dumps(scheduler))
    return path


def go(page, qtbot, t):
    """To a timestep, until the newest is shown."""
    page.slider.set_value(t)
    qtbot.waitUntil(lambda: not page._computing)


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def test_without_a_picture_one_button_has_the_focus_and_the_schedule_is_there(make):
    page = make()
    assert page.empty.isVisible()
    assert not page.empty.newest.isVisible(), "nothing was made yet"
    page.setFocus()
    assert page.empty.choose.hasFocus()
    assert page.panel.whose == "Schedule of Built-in starter, 1000 timesteps"
    assert page.panel.curve.point() is not None
    assert not page.new_noise.isEnabled()


def tabbed(page, qtbot):
    """What the Tab key comes to, until it is where it began."""
    found = [page.window().focusWidget()]
    for _ in range(60):
        qtbot.keyClick(found[-1], Key.Key_Tab)
        if page.window().focusWidget() is found[0]:
            return found
        found.append(page.window().focusWidget())
    raise AssertionError("it never came back")


def test_the_tab_key_comes_to_everything_without_a_picture_and_with_one(make, qtbot, picture):
    page = make(newest=lambda: str(picture))
    page.activateWindow()
    page.setFocus()
    stops = tabbed(page, qtbot)
    assert page.empty.newest in stops
    assert any(page.panel.isAncestorOf(stop) for stop in stops)
    with qtbot.waitSignal(page._noises.done):
        qtbot.mouseClick(page.empty.newest, Qt.MouseButton.LeftButton)
    page.setFocus()
    stops = tabbed(page, qtbot)
    assert page.slider.isAncestorOf(stops[0])
    for part in (page.head, page.panel):
        assert any(part.isAncestorOf(stop) for stop in stops)
    assert page.new_noise in stops


def test_at_the_first_timestep_it_is_nearly_the_picture_and_at_the_last_nothing_of_it(shown, qtbot, picture):
    original = np.asarray(Image.open(picture))
    go(shown, qtbot, 0)
    first = pixels(shown.canvas.image)
    assert first.shape == original.shape
    assert np.abs(first.astype(int) - original).mean() < 4
    go(shown, qtbot, 999)
    noise = seeded_noise(shown.seed, original.shape)
    assert np.abs(pixels(shown.canvas.image).astype(int) - as_pixels(noise)).max() <= 1


@pytest.mark.parametrize("t", [0, 137, 640, 999])
def test_the_picture_is_the_formula_to_the_last_bit(shown, qtbot, picture, t):
    go(shown, qtbot, t)
    schedule = model_schedule(BUILTIN)
    x_0 = scaled_values(np.asarray(Image.open(picture)))
    x_t = math.sqrt(schedule.alpha_bar[t]) * x_0 + math.sqrt(1 - schedule.alpha_bar[t]) * seeded_noise(0, x_0.shape)
    assert np.abs(pixels(shown.canvas.image).astype(int) - as_pixels(x_t)).max() <= 1
    assert (pixels(shown.canvas.image) == as_pixels(schedule.noised(x_0, t, seeded_noise(0, x_0.shape)))).all()


def test_the_numbers_and_the_formula_say_the_timestep(shown, qtbot):
    go(shown, qtbot, 999)
    assert shown.panel.numbers.texts == ("999", "0.000", "1.000", "−∞")
    assert "ᾱ" in shown.panel.formula
    go(shown, qtbot, 0)
    assert shown.panel.numbers.texts[0] == "0"
    assert float(shown.panel.numbers.texts[1]) > 0.99


class Held:
    """Computes nothing before it is let go; writes down what it was asked for."""

    def __init__(self, real):
        self.real, self.asked, self.gate = real, [], threading.Event()

    def schedule_of(self, model):
        return self.real.schedule_of(model)

    def open(self, path):
        return self.real.open(path)

    def noised(self, picture, schedule, t, seed):
        self.asked.append(t)
        self.gate.wait(10)
        return self.real.noised(picture, schedule, t, seed)


def test_while_it_is_dragged_only_the_newest_is_computed_next(make, qtbot, picture):
    held = Held(Noising(Models(BUILTIN)))
    page = make(held)
    page.load(str(picture))
    qtbot.waitUntil(lambda: held.asked == [300])
    for t in range(301, 900):
        page.slider.set_value(t)
    held.gate.set()
    qtbot.waitUntil(lambda: not page._computing)
    assert held.asked == [300, 899]
    assert page.canvas.accessibleDescription() == "The picture with the noise of timestep 899"


def test_a_hand_on_the_slider_moves_the_point_of_the_curve(shown, qtbot):
    curve, slider = shown.panel.curve, shown.slider._slider
    places = []
    for share in (0.1, 0.5, 0.9):
        qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(share * slider.width()), 10))
        places.append(curve.point())
    assert places[0].x() < places[1].x() < places[2].x()
    assert places[0].y() < places[1].y() < places[2].y(), "alpha-bar falls"
    qtbot.waitUntil(lambda: not shown._computing)


def test_a_hand_on_the_curve_moves_the_slider(shown, qtbot):
    curve = shown.panel.curve
    qtbot.mousePress(curve, Qt.MouseButton.LeftButton, pos=QPoint(curve.width() - 1, 60))
    assert shown.t == 999
    qtbot.mouseMove(curve, QPoint(2, 60))
    qtbot.mousePress(curve, Qt.MouseButton.LeftButton, pos=QPoint(2, 60))
    assert shown.t == 0
    qtbot.waitUntil(lambda: not shown._computing)


def test_the_keyboard_goes_through_time(shown, qtbot):
    shown.setFocus()
    assert shown.slider.focusProxy().hasFocus()
    knob = shown.slider._slider
    for key, t in (
        (Key.Key_Home, 0),
        (Key.Key_Right, 1),
        (Key.Key_PageUp, 50),
        (Key.Key_End, 999),
        (Key.Key_Left, 998),
    ):
        qtbot.keyClick(knob, key)
        assert shown.t == t
    field = shown.slider._field
    field.selectAll()
    qtbot.keyClicks(field, "432")
    qtbot.keyClick(field, Key.Key_Return)
    assert shown.t == 432
    shown.panel.curves.button("alpha_bar").setFocus()
    qtbot.keyClick(shown.panel.curves.button("alpha_bar"), Key.Key_Right)
    assert shown.panel.curve.name == "log_snr"
    qtbot.waitUntil(lambda: not shown._computing)


@pytest.mark.parametrize("name", ["beta", "alpha_bar", "log_snr"])
def test_every_curve_is_the_schedule_s_own(shown, name):
    shown.panel.curves.button(name).click()
    expected = getattr(model_schedule(BUILTIN), name)[shown.t]
    assert shown.panel.curve.value == pytest.approx(expected)
    shown.panel.curve.grab()


def test_the_histogram_sums_to_one_and_becomes_the_normal_density(shown, qtbot):
    histogram = shown.panel.histogram
    spreads = []
    for t in (0, 500, 999):
        go(shown, qtbot, t)
        assert sum(histogram.shares) == pytest.approx(1)
        middles = np.linspace(-4, 4, 2 * len(histogram.shares) + 1)[1::2]
        spreads.append(float(np.dot(histogram.shares, middles**2)))
    assert spreads == sorted(spreads)
    assert spreads[-1] == pytest.approx(1, abs=0.03)
    of_picture = histogram.shares
    shown.panel.values.button("eps").click()
    assert sum(histogram.shares) == pytest.approx(1)
    assert histogram.shares == pytest.approx(of_picture, abs=1e-6), "at the last timestep x_t is the noise"
    histogram.grab()


def test_new_noise_is_other_noise_of_the_same_picture(shown, qtbot):
    go(shown, qtbot, 500)
    before, seed = shown.canvas.image, shown.seed
    with qtbot.waitSignal(shown._noises.done):
        qtbot.mouseClick(shown.new_noise, Qt.MouseButton.LeftButton)
    assert shown.seed != seed
    assert shown.canvas.image != before
    assert str(shown.seed) in shown.new_noise.toolTip()


def test_a_flow_model_has_its_own_formula_and_no_beta(shown, qtbot, flow, picture):
    go(shown, qtbot, 500)
    with qtbot.waitSignal(shown._noises.done):
        shown.set_model(flow)
    panel = shown.panel
    assert panel.whose == "Schedule of A flow model, 1000 timesteps"
    assert panel.curves.keys == ("sigma", "log_snr")
    assert "(1 − σ" in panel.formula
    assert any("2210.02747" in button.text() for button in panel.paper_buttons)
    assert shown.t == 500
    go(shown, qtbot, 999)
    assert panel.numbers.texts[1:] == ("0.000", "1.000", "−∞")
    go(shown, qtbot, 0)
    original = np.asarray(Image.open(picture))
    assert np.abs(pixels(shown.canvas.image).astype(int) - original).mean() < 2


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_is_no_picture_is_told_in_one_sentence_beside_it(make, qtbot, tmp_path, picture, first):
    page = make()
    if not first:
        with qtbot.waitSignal(page._noises.done):
            page.load(str(picture))
    bad = tmp_path / "notes.png"
    bad.write_bytes(b"no picture at all")
    with qtbot.waitSignal(page._pictures.failed):
        assert drop(page, bad)
    error = page.empty.error if first else page.error
    assert error.isVisible()
    assert error.text().startswith("notes.png is not a picture Safelight can read. ")
    assert page.canvas.isVisible() is not first, "what was shown stays"
    with qtbot.waitSignal(page._noises.done):
        assert drop(page, picture)
    assert not error.isVisible()


def test_a_folder_is_left_to_the_window(make, tmp_path):
    assert not drop(make(), tmp_path)


def test_a_large_picture_is_made_small(make, qtbot, tmp_path):
    path = tmp_path / "large.jpg"
    Image.new("RGB", (1600, 800), (20, 90, 200)).save(path)
    page = make()
    with qtbot.waitSignal(page._noises.done):
        drop(page, path)
    assert (page.canvas.image.width(), page.canvas.image.height()) == (512, 256)


def test_the_newest_picture_is_one_click_away(make, qtbot, picture):
    page = make(newest=lambda: str(picture))
    assert page.empty.newest.isVisible()
    with qtbot.waitSignal(page._noises.done):
        page.empty.newest.click()
    assert page.canvas.isVisible()


def test_a_small_picture_is_shown_in_whole_pixels(shown):
    target = shown.canvas.target()
    assert target.width() % 96 == 0
    assert target.width() >= 2 * 96
    assert shown.canvas.rect().contains(target)
    shown.canvas.grab()


def test_the_papers_open_only_when_they_are_clicked(shown, qtbot):
    opened = []
    shown.link_wanted.connect(opened.append)
    assert [button.text()[-10:] for button in shown.panel.paper_buttons] == ["2006.11239", "2010.02502", "2206.00364"]
    assert opened == []
    shown.panel.paper_buttons[0].click()
    assert opened == ["https://arxiv.org/abs/2006.11239"]


def test_a_model_whose_schedule_cannot_be_read_is_told(make, qtbot, tmp_path):
    gone = replace(SMALL, name="gone", title="One that is gone", path=str(tmp_path / "gone"))
    page = make(Noising(Models(BUILTIN, gone)))
    with qtbot.waitSignal(page._schedules.failed):
        page.set_model(gone)
    assert page.panel.whose == "One that is gone"
    assert page.panel.error.isVisible()
    assert page.panel.curve.point() is None, "no other model's curve stands under its name"
    assert not page.slider.isEnabled()
    with qtbot.waitSignal(page._schedules.done):
        page.set_model(BUILTIN)
    assert not page.panel.error.isVisible()
    assert page.slider.isEnabled()


def test_a_model_with_several_schedules_shows_the_first_and_one_with_none_says_so(tmp_path):
    ddpm = {"_class_name": "DDPMScheduler", "num_train_timesteps": 500}
    folder = model_folder(tmp_path / "karlo", ddpm, component="decoder_scheduler")
    assert model_schedule(replace(SMALL, path=str(folder))).timesteps == 500
    (folder / "decoder_scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(KnownError, match="does not say which noise"):
        model_schedule(replace(SMALL, path=str(folder)))


@pytest.mark.parametrize(("low", "high"), [(0, 999), (0, 1), (-12, 7.07), (0, 0.054), (0, 1.9), (0, 99_999), (0, 1e-9)])
def test_ticks_are_few_round_and_inside(low, high):
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize("size", [(860, 516), (1280, 756), (1920, 1036)])
def test_nothing_of_the_page_is_cut_off(shown, size):
    shown.resize(*size)
    QCoreApplication.processEvents()
    shown.grab()
    assert shown.panel.geometry().right() == size[0] - 1
    for widget in (shown.slider, shown.new_noise, shown._bring):
        assert widget.width() >= widget.minimumSizeHint().width()
    inner = shown.panel.curve.parentWidget()
    assert inner.width() <= shown.panel.width(), "no sideways scrolling"
    assert inner.minimumSizeHint().width() <= shown.panel.width()


def answer(question, grey=100, **more):
    return NoiseSeen(question=question, frame=frame(grey=grey), of_picture=(0.25, 0.75), of_noise=(0.5, 0.5), **more)


def test_the_model_is_asked_one_question_at_a_time_and_the_newest_next(shown, engine):
    assert engine.asked == []
    shown.head.views.button("latents").click()
    assert shown.head.status == "Asking the model…"
    for t in (400, 500, 600):
        shown.slider.set_value(t)
    assert [question.t for question in engine.asked] == [300]
    shown.on_seen(answer(engine.asked[0]))
    assert [question.t for question in engine.asked] == [300, 600]
    shown.on_seen(answer(engine.asked[1], grey=50))
    assert len(engine.asked) == 2
    assert shown.canvas.image.pixelColor(0, 0).red() == 50
    assert shown.canvas.accessibleDescription() == "The picture with the noise of timestep 600"
    assert shown.panel.histogram.shares == (0.25, 0.75)
    assert shown.head.status == ""


def test_the_guess_takes_a_prompt(shown, engine, qtbot):
    assert not shown.head.prompt.isVisible()
    shown.head.views.button("guess").click()
    assert shown.head.prompt.isVisible()
    assert engine.asked[-1].guess
    assert engine.asked[-1].prompt == ""
    shown.on_seen(answer(engine.asked[-1]))
    qtbot.keyClicks(shown.head.prompt, "a red apple")
    qtbot.keyClick(shown.head.prompt, Key.Key_Return)
    assert engine.asked[-1].prompt == "a red apple"
    assert engine.asked[-1].model == BUILTIN.name


def test_back_in_pixels_a_late_answer_changes_nothing(shown, engine, qtbot):
    shown.head.views.button("guess").click()
    with qtbot.waitSignal(shown._noises.done):
        shown.head.views.button("pixels").click()
    before = shown.canvas.image
    shown.on_seen(answer(engine.asked[-1]))
    assert shown.canvas.image == before
    assert not shown.head.prompt.isVisible()


def test_what_the_model_cannot_show_is_told_until_something_else_is_seen(shown, engine, qtbot):
    shown.head.views.button("latents").click()
    shown.on_seen(NoiseSeen(question=engine.asked[-1], message="It can be looked into in pixels only", hint="Choose."))
    assert shown.error.text() == "It can be looked into in pixels only. Choose."
    assert len(engine.asked) == 1, "the same question is not asked again"
    with qtbot.waitSignal(shown._noises.done):
        shown.head.views.button("pixels").click()
    assert not shown.error.isVisible()
