"""The prompt panel's values as plain JSON, so that they are there again after a restart."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from desktop.errors import KnownError

if TYPE_CHECKING:
    from desktop.ui.prompt_panel import PromptPanel


def as_json(panel: "PromptPanel") -> dict[str, object]:
    """A request's JSON without model and seed, with the count and the names of the folds that are open."""
    try:
        width, height = panel.size_fields.value()
    except KnownError:
        width, height = (panel.model.width, panel.model.height) if panel.model else (128, 128)
    return {
        "prompt": panel.prompt.toPlainText(),
        "negative_prompt": panel.negative.toPlainText(),
        "steps": panel.steps.value,
        "guidance_scale": panel.guidance.value,
        "scheduler": panel.scheduler.currentData() or "",
        "width": width,
        "height": height,
        "start_picture": panel.start_picture.sha,
        "strength": panel.strength.value,
        "count": panel.count.value,
        "open": [name for name, fold in _folds(panel).items() if fold.open],
    }


def restore(panel: "PromptPanel", data: Mapping[str, object]) -> None:
    """Somebody may have edited the settings: what is of the wrong type or does not fit is passed over."""
    opened = data.get("open")
    for name, fold in _folds(panel).items():
        fold.set_open(isinstance(opened, list) and name in opened)
    for name, edit in (("prompt", panel.prompt), ("negative_prompt", panel.negative)):
        text = data.get(name)
        if isinstance(text, str):
            edit.set_text(text)
    for name, slider in (
        ("steps", panel.steps),
        ("guidance_scale", panel.guidance),
        ("strength", panel.strength),
        ("count", panel.count),
    ):
        number = data.get(name)
        if isinstance(number, int | float) and not isinstance(number, bool) and number == number:
            slider.set_value(number)
    panel.advanced.choose_scheduler(data.get("scheduler"))
    width, height = data.get("width"), data.get("height")
    if isinstance(width, int) and isinstance(height, int) and panel.model is not None:
        before = panel.size_fields.value()
        panel.set_size(width, height)
        try:
            panel.size_fields.value()
        except KnownError:  # another model's size
            panel.set_size(*before)
    sha = data.get("start_picture")
    if isinstance(sha, str) and len(sha) == 64:
        panel.start_picture.set_sha(sha)


def _folds(panel: "PromptPanel"):
    return {"negative": panel.negative_fold, "more": panel.more_fold}
