"""The prompt panel's values as requests, and under which field to say what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QCoreApplication

from desktop.errors import KnownError
from desktop.limits import SEED_MAX

if TYPE_CHECKING:
    from desktop.messages import GenerationRequest
    from desktop.ui.inline_error import InlineError
    from desktop.ui.prompt_panel import PromptPanel

_Made = TypeVar("_Made")


class Wrong(Exception):
    """Which error line a KnownError belongs to."""

    def __init__(self, *, line: InlineError, error: KnownError) -> None:
        super().__init__(error.message)
        self.line, self.error = line, error


def requests(panel: PromptPanel) -> tuple[GenerationRequest, ...]:
    """As many as the panel asks for. Raises Wrong."""
    from desktop.messages import GenerationRequest

    if panel.model is None:
        raise Wrong(
            line=panel.footer.error,
            error=KnownError(_tr("No model is loaded"), _tr("Add one on the Models page.")),
        )
    if panel.start_picture.busy:
        raise Wrong(
            line=panel.start_error,
            error=KnownError(_tr("The start picture is still being read"), _tr("Try again in a moment.")),
        )
    for slider in (panel.steps, panel.guidance, panel.strength, panel.count):
        slider.commit()
    files = panel.added if panel.added_fold.body is not None else None
    if files is not None:
        files.commit()
    # Each part is tried with nothing else that could be wrong, to know which line to write under.
    prompt, negative = panel.prompt.text, panel.negative.text if panel.model.negative_prompt else ""
    _try(panel.prompt_error, lambda: GenerationRequest(prompt=prompt, seed=0))
    _try(panel.negative_error, lambda: GenerationRequest(prompt="x", negative_prompt=negative, seed=0))
    width, height = _try(panel.size_error, panel.size_fields.value)
    seed = _try(panel.seed_error, panel.seed.take)
    first = _try(
        panel.footer.error,
        lambda: (
            _grown(panel, prompt, negative, seed)
            if panel.branch is not None
            else GenerationRequest(
                prompt=prompt,
                negative_prompt=negative,
                model=panel.model.name,
                seed=seed,
                steps=panel.steps.value,
                guidance_scale=panel.guidance.value,
                scheduler=panel.scheduler.currentData(),
                width=width,
                height=height,
                start_picture=panel.start_picture.sha if "image_to_image" in panel.model.tasks else None,
                strength=panel.strength.value,
                mask=panel.start_picture.mask if "inpaint" in panel.model.tasks else None,
                loras=files.loras if files is not None else (),
                embeddings=files.embeddings if files is not None else (),
            )
        ),
    )
    return tuple(first.replace(seed=(seed + i) % (SEED_MAX + 1)) for i in range(panel.count.value))


def _grown(panel: PromptPanel, prompt: str, negative: str, seed: int) -> GenerationRequest:
    trunk = panel.branch.trunk
    return trunk.replace(
        prompt=prompt,
        negative_prompt=negative,
        guidance_scale=panel.guidance.value,
        scheduler=panel.scheduler.currentData() if panel.scheduler.isEnabled() else trunk.scheduler,
        seed=seed,
        branch=panel.branch,
    )


def _try(line: InlineError, make: Callable[[], _Made]) -> _Made:
    """Raises Wrong where `make` raises a KnownError."""
    try:
        return make()
    except KnownError as error:
        raise Wrong(line=line, error=error) from error


def _tr(text: str) -> str:
    return QCoreApplication.translate("PromptPanel", text)
