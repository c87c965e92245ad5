"""The prompt panel's values as plain JSON, so that they are there again after a restart."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.limits import ADDED_MAX

if TYPE_CHECKING:
    from desktop.messages import Lora
    from desktop.ui.prompt_panel import PromptPanel


def as_json(panel: PromptPanel) -> dict[str, object]:
    """A request's JSON without model and seed, with the count and the names of the folds that are open."""
    try:
        width, height = panel.size_fields.value()
    except KnownError:
        width, height = (panel.model.width, panel.model.height) if panel.model else (256, 256)
    files = panel.added if panel.added_fold.body is not None else None
    return {
        "prompt": panel.prompt.toPlainText(),
        "negative_prompt": panel.negative.toPlainText(),
        "steps": panel.steps.value,
        "guidance_scale": panel.guidance.value,
        "scheduler": panel.scheduler.currentData() or "",
        "width": width,
        "height": height,
        "start_picture": panel.start_picture.sha,
        "mask": panel.start_picture.mask,
        "loras": [{"file": lora.file, "weight": lora.weight} for lora in files.loras] if files else [],
        "embeddings": list(files.embeddings) if files else [],
        "strength": panel.strength.value,
        "count": panel.count.value,
        "open": [name for name, fold in _folds(panel).items() if fold.open],
    }


def restore(panel: PromptPanel, data: Mapping[str, object]) -> None:
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
    sha, mask = data.get("start_picture"), data.get("mask")
    if isinstance(sha, str) and len(sha) == 64:
        panel.start_picture.set_sha(sha, mask if isinstance(mask, str) and len(mask) == 64 else None)
    loras, embeddings = _loras(data.get("loras")), data.get("embeddings")
    paths = [path for path in embeddings if isinstance(path, str)] if isinstance(embeddings, list) else []
    if loras or paths:
        panel.added.set_files(loras[:ADDED_MAX], paths[: ADDED_MAX - len(loras)])


def _loras(data: object) -> list[Lora]:
    from desktop.messages import Lora

    found = []
    for item in data if isinstance(data, list) else []:
        with contextlib.suppress(KnownError):
            found.append(Lora.from_json(item))
    return found


def _folds(panel: PromptPanel):
    return {"negative": panel.negative_fold, "more": panel.more_fold, "added": panel.added_fold}
