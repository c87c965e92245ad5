import dataclasses
import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

from desktop.limits import SEED_MAX
from desktop.messages import TASKS, Lora
from desktop.ui.prompt_panel import PromptPanel
from tests.ui.window_parts import LARGE, SHA, SMALL, History, Starts, drop, look_at, request, write_picture

Key = Qt.Key


@pytest.fixture
def starts():
    return Starts()


@pytest.fixture
def panel(qtbot, starts):
    panel = PromptPanel(History("an old prompt"), starts, look_at)
    qtbot.addWidget(panel)
    panel.set_model(SMALL)
    panel.resize(320, 760)
    panel.show()
    yield panel
    panel.wait()


@pytest.fixture
def sent(panel):
    requests = []
    panel.submitted.connect(requests.extend)
    return requests


def test_pressing_the_button_sends_what_was_set(panel, sent, qtbot):
    qtbot.keyClicks(panel.prompt, "a fox")
    panel.negative.set_text("text")
    panel.steps.set_value(12)
    panel.guidance.set_value(6.5)
    panel.seed.set_seed(42)
    panel.seed.set_locked(True)
    panel.sizes.picked.emit((96, 128))
    panel.scheduler.setCurrentIndex(panel.scheduler.findData("euler"))
    qtbot.mouseClick(panel.generate_button, Qt.MouseButton.LeftButton)
    assert sent == [
        request(
            "a fox",
            42,
            negative_prompt="text",
            steps=12,
            guidance_scale=6.5,
            width=96,
            height=128,
            scheduler="euler",
        )
    ]


def test_enter_in_the_prompt_sends_it(panel, sent, qtbot):
    qtbot.keyClicks(panel.prompt, "a fox")
    qtbot.keyClick(panel.prompt, Key.Key_Return)
    assert [r.prompt for r in sent] == ["a fox"]


def test_a_number_still_being_typed_counts(panel, sent, qtbot):
    panel.prompt.set_text("a fox")
    panel.steps._field.clear()
    qtbot.keyClicks(panel.steps._field, "33")
    qtbot.keyClick(panel.prompt, Key.Key_Return)
    assert sent[0].steps == 33


def test_a_count_gives_as_many_requests_with_seeds_in_a_row(panel, sent):
    panel.prompt.set_text("a fox")
    panel.count.set_value(3)
    panel.seed.set_seed(10)
    panel.seed.set_locked(True)
    panel.submit()
    assert [r.seed for r in sent] == [10, 11, 12]


def test_seeds_in_a_row_begin_again_after_the_largest(panel, sent):
    panel.prompt.set_text("a fox")
    panel.count.set_value(2)
    panel.seed.set_seed(SEED_MAX)
    panel.seed.set_locked(True)
    panel.submit()
    assert [r.seed for r in sent] == [SEED_MAX, 0]


def test_an_open_lock_takes_a_new_seed_each_time_and_shows_it(panel, sent):
    panel.prompt.set_text("a fox")
    panel.submit()
    panel.submit()
    assert sent[0].seed != sent[1].seed
    assert panel.seed.field.text() == str(sent[1].seed)


def test_a_typed_seed_is_locked_and_kept(panel, sent, qtbot):
    panel.prompt.set_text("a fox")
    qtbot.keyClicks(panel.seed.field, str(2**63 + 5))
    assert panel.seed.locked
    panel.submit()
    panel.submit()
    assert [r.seed for r in sent] == [2**63 + 5] * 2


def test_the_dice_roll_a_seed_that_stays(panel, sent, qtbot):
    panel.prompt.set_text("a fox")
    qtbot.mouseClick(panel.seed._dice, Qt.MouseButton.LeftButton)
    rolled = int(panel.seed.field.text())
    panel.submit()
    assert sent[0].seed == rolled


def test_an_empty_prompt_is_told_under_the_prompt(panel, sent):
    panel.prompt.set_text("  ")
    panel.submit()
    assert sent == []
    assert panel.prompt_error.isVisible()
    assert "prompt is empty" in panel.prompt_error.text()
    panel.prompt.set_text("a fox")
    assert not panel.prompt_error.isVisible()


def test_a_much_too_long_negative_prompt_is_told_under_it_and_shown(panel, sent):
    panel.prompt.set_text("a fox")
    panel.negative.setPlainText("x" * 10_001)
    panel.submit()
    assert sent == []
    assert panel.negative_error.isVisible()
    assert panel.negative_fold.open


@pytest.mark.parametrize("seed", ["-1", "abc", "1.5", str(2**64), "²"])
def test_what_is_no_seed_is_told_under_the_seed(panel, sent, qtbot, seed):
    panel.prompt.set_text("a fox")
    qtbot.keyClicks(panel.seed.field, seed)
    panel.submit()
    assert sent == []
    assert seed in panel.seed_error.text()


@pytest.mark.parametrize("width", ["100", "8", "99999", "", "wide"])
def test_a_size_the_model_cannot_draw_is_told_under_the_fields(panel, sent, width):
    panel.prompt.set_text("a fox")
    panel.size_fields.width_field.setText(width)
    panel.submit()
    assert sent == []
    assert panel.more_fold.open
    assert "width" in panel.size_error.text()


def test_a_wrong_multiple_names_the_two_nearest_right_ones(panel, qtbot):
    panel.more_fold.set_open(True)
    panel.size_fields.width_field.clear()
    qtbot.keyClicks(panel.size_fields.width_field, "100")
    assert "96 or 104" in panel.size_error.text()
    panel.size_fields.width_field.clear()
    qtbot.keyClicks(panel.size_fields.width_field, "104")
    assert not panel.size_error.isVisible()


def test_without_a_model_nothing_is_sent(qtbot, starts):
    panel = PromptPanel(None, starts, look_at)
    qtbot.addWidget(panel)
    sent = []
    panel.submitted.connect(sent.append)
    panel.prompt.set_text("a fox")
    panel.submit()
    assert sent == []
    assert "No model" in panel.footer.error.text()


def test_another_model_brings_its_own_defaults(panel, sent):
    panel.prompt.set_text("a fox")
    panel.set_model(LARGE)
    panel.submit()
    made = sent[0]
    assert (made.model, made.width, made.height) == ("large", 512, 512)
    assert (made.steps, made.guidance_scale, made.scheduler) == (30, 7.5, "dpmpp_2m")


def test_what_was_chosen_by_hand_stays_with_another_model(panel, sent):
    panel.prompt.set_text("a fox")
    panel.steps.set_value(11)
    panel.scheduler.setCurrentIndex(panel.scheduler.findData("euler"))
    panel.set_model(LARGE)
    panel.submit()
    assert (sent[0].steps, sent[0].scheduler) == (11, "euler")


def test_using_settings_again_gives_the_same_request(panel, sent, starts, qtbot, tmp_path):
    starts.path = write_picture(tmp_path / "start.png")
    old = request(
        "an owl",
        2**64 - 1,
        negative_prompt="text",
        steps=9,
        guidance_scale=2.25,
        scheduler="euler",
        width=128,
        height=96,
        start_picture=SHA,
        strength=0.35,
        mask="f" * 64,
        loras=(Lora(file="/files/lora a.safetensors", weight=0.333), Lora(file="/files/lora b.safetensors")),
        embeddings=("/files/word.safetensors",),
    )
    panel.set_model(dataclasses.replace(SMALL, tasks=TASKS))
    with qtbot.waitSignal(panel.start_picture.changed):
        panel.set_request(old)
    panel.submit()
    assert sent == [old]
    assert panel.seed.locked


def test_settings_for_a_variation_leave_the_seed_open(panel, sent):
    panel.set_request(request("an owl", 5), keep_seed=False)
    panel.submit()
    assert sent[0].seed != 5


def test_what_stands_in_the_panel_survives_a_restart(panel, qtbot, starts):
    loras = (Lora(file="/files/lora a.safetensors", weight=0.5),)
    panel.set_request(request("an owl", steps=9, width=96, height=128, scheduler="euler", loras=loras))
    panel.count.set_value(4)
    panel.more_fold.set_open(True)
    kept = json.loads(json.dumps(panel.request_json()))
    again = PromptPanel(None, starts, look_at)
    qtbot.addWidget(again)
    again.set_model(SMALL)
    again.restore(kept)
    assert again.request_json() == kept
    assert again.more_fold.open
    assert again.added.loras == loras
    again.wait()
    assert "seed" not in kept


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"prompt": 5, "steps": "many", "width": None, "open": "all", "start_picture": 3, "mask": [], "loras": 7},
        {"loras": [{"file": 3}, "x", {"file": "a", "weight": 1e9}], "embeddings": [None, {}]},
        {"steps": -5, "guidance_scale": float("inf"), "width": 7, "height": 10**9, "scheduler": "no such"},
    ],
)
def test_damaged_settings_leave_a_panel_that_works(panel, sent, damaged):
    panel.restore(damaged)
    panel.prompt.set_text("a fox")
    panel.submit()
    assert (sent[0].width, sent[0].height) == (128, 128)


def test_a_dropped_picture_becomes_the_start_of_the_next_run(panel, sent, qtbot, tmp_path):
    picture = write_picture(tmp_path / "start.png")
    panel.prompt.set_text("a fox")
    assert not panel.strength.isVisible()
    with qtbot.waitSignal(panel.start_picture.changed):
        assert drop(panel.start_picture._area, picture)
    assert panel.strength.isVisible()
    panel.strength.set_value(0.4)
    panel.submit()
    assert (sent[0].start_picture, sent[0].strength) == (SHA, 0.4)


def test_removing_the_start_picture_draws_from_noise_again(panel, sent, qtbot, tmp_path):
    with qtbot.waitSignal(panel.start_picture.changed):
        panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    panel.prompt.set_text("a fox")
    with qtbot.waitSignal(panel.start_picture.changed):
        qtbot.mouseClick(panel.start_picture._remove, Qt.MouseButton.LeftButton)
    panel.submit()
    assert sent[0].start_picture is None
    assert not panel.strength.isVisible()


def test_a_file_that_is_no_picture_is_told_under_the_box_and_changes_nothing(panel, qtbot, tmp_path):
    with qtbot.waitSignal(panel.start_picture.changed):
        panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    with qtbot.waitSignal(panel.start_picture._background.failed):
        panel.start_picture.load(str(text))
    assert "notes.txt is not a picture" in panel.start_picture._error.text()
    assert panel.start_picture.sha == SHA


def test_a_run_does_not_start_while_its_start_picture_is_still_read(panel, sent, qtbot, tmp_path):
    panel.prompt.set_text("a fox")
    panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    panel.submit()
    assert sent == []
    assert "still being read" in panel.start_error.text()
    qtbot.waitUntil(lambda: panel.start_picture.sha == SHA)
    panel.submit()
    assert len(sent) == 1


def test_a_picture_that_was_removed_while_read_does_not_come_back(panel, tmp_path, qtbot):
    panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    panel.start_picture.clear()
    panel.wait()
    assert panel.start_picture.sha is None
    assert not panel.start_picture.busy


def test_the_way_out_is_there_only_while_something_runs(panel, qtbot):
    assert not panel.stop_button.isVisible()
    panel.set_running(True)
    with qtbot.waitSignal(panel.stop_requested):
        qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
    assert panel.generate_button.text() == "Generate"
    panel.set_running(False)
    assert not panel.stop_button.isVisible()


def test_the_panel_does_not_scroll_at_the_usual_height(panel, qtbot, tmp_path):
    with qtbot.waitSignal(panel.start_picture.changed):
        panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    panel.negative_fold.set_open(True)
    panel.more_fold.set_open(True)
    panel.resize(300, 756)
    assert panel._bar.maximum() == 0


def test_the_tab_key_reaches_everything_in_the_order_it_stands_in(panel, qtbot, tmp_path):
    with qtbot.waitSignal(panel.start_picture.changed):
        panel.start_picture.load(str(write_picture(tmp_path / "start.png")))
    panel.negative_fold.set_open(True)
    panel.more_fold.set_open(True)
    panel.set_running(True)
    panel.set_model(LARGE)
    panel.prompt.setFocus()
    names = []
    while True:
        widget = panel.focusWidget()
        names.append(widget.accessibleName() or widget.text())
        panel.focusNextPrevChild(True)
        if panel.focusWidget() is panel.prompt:
            break
    assert list(dict.fromkeys(names)) == [
        "Prompt",
        "Negative prompt",
        "Start picture",
        "Remove the start picture",
        "Strength",
        "512 × 512, square 1:1",
        "Steps",
        "Guidance",
        "Seed",
        "Lock the seed",
        "Roll a new seed and keep it",
        "Count",
        "Advanced",
        "Scheduler",
        "Width in pixels",
        "Height in pixels",
        "LoRA and embeddings",
        "Generate",
        "Vary two settings",
        "Stop",
    ]


def test_everything_that_takes_the_focus_has_a_name(panel):
    panel.negative_fold.set_open(True)
    panel.more_fold.set_open(True)
    names, widget = [], panel.prompt
    while True:
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            names.append(widget.accessibleName() or getattr(widget, "text", lambda: "")())
        widget = widget.nextInFocusChain()
        if widget is panel.prompt:
            break
    assert "" not in names


def test_every_label_teaches(panel):
    panel.more_fold.set_open(True)
    untaught = [
        w.accessibleName()
        for w in panel.findChildren(QWidget)
        if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus and not _tip(w)
    ]
    assert untaught == []


def _tip(widget):
    while widget is not None and not widget.toolTip():
        widget = widget.parentWidget()
    return widget.toolTip() if widget is not None else ""


def test_what_a_model_cannot_do_is_not_offered(panel, qtbot):
    import dataclasses

    sent = []
    panel.submitted.connect(sent.append)
    panel.prompt.set_text("a fox")
    panel.negative.set_text("blurry")
    panel.set_model(
        dataclasses.replace(SMALL, name="karlo", tasks=("text_to_image",), negative_prompt=False, fixed_size=True)
    )
    assert not panel.negative_fold.isVisibleTo(panel)
    assert not panel.start_picture.isEnabled()
    assert not panel.size_fields.isEnabled()
    panel.submit()
    assert sent[0][0].negative_prompt == ""
    panel.set_model(SMALL)
    assert panel.negative_fold.isVisibleTo(panel)
    assert panel.start_picture.isEnabled()
    panel.submit()
    assert sent[1][0].negative_prompt == "blurry"


def take(panel, qtbot, path):
    with qtbot.waitSignal(panel.added.changed):
        panel.added.take(path)


def test_a_lora_is_added_weighted_and_taken_off(panel, sent, qtbot):
    panel.prompt.set_text("a fox")
    panel.added_fold.set_open(True)
    take(panel, qtbot, "/files/lora a.safetensors")
    take(panel, qtbot, "/files/word.safetensors")
    assert panel.added_fold.header.text() == "LoRA and embeddings (2)"
    first, second = panel.added._rows
    assert first._words.text() == "Say in the prompt: in crayon"
    first._weight._field.clear()
    qtbot.keyClicks(first._weight._field, "0.8")
    panel.submit()
    assert sent[-1].loras == (Lora(file="/files/lora a.safetensors", weight=0.8),)
    assert sent[-1].embeddings == ("/files/word.safetensors",)
    first.findChild(QToolButton).click()
    second.findChild(QToolButton).click()
    panel.submit()
    assert (sent[-1].loras, sent[-1].embeddings) == ((), ())
    assert panel.added_fold.header.text() == "LoRA and embeddings"


def test_the_same_lora_twice_is_there_once(panel, qtbot):
    take(panel, qtbot, "/files/lora a.safetensors")
    panel.added.take("/files/lora a.safetensors")
    assert len(panel.added.loras) == 1


def test_several_files_chosen_at_once_are_all_taken(panel, qtbot):
    paths = [f"/files/lora {number}.safetensors" for number in range(5)]
    for path in paths:
        panel.added.take(path)
    qtbot.waitUntil(lambda: [lora.file for lora in panel.added.loras] == paths)


def test_a_file_that_is_no_lora_is_named(panel, qtbot):
    panel.added.take("/files/model.safetensors")
    qtbot.waitUntil(lambda: panel.added._error.text() != "")
    assert "model.safetensors is a whole model" in panel.added._error.text()
    assert panel.added.loras == ()


def test_a_lora_of_another_model_says_so_when_the_model_changes(panel, qtbot):
    take(panel, qtbot, "/files/lora-of-starter.safetensors")
    (row,) = panel.added._rows
    assert row._error.text() == ""
    with qtbot.waitSignal(panel.added._checker.done):
        panel.set_model(LARGE)
    assert "made for another model" in row._error.text()
    with qtbot.waitSignal(panel.added._checker.done):
        panel.set_model(SMALL)
    assert row._error.text() == ""
