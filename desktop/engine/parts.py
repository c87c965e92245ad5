"""A model's parts in memory, and the pipelines they make."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A model's parts in memory.

    components: everything the pipeline class takes but its scheduler, the optional ones as None.
    options: its other arguments. config: the folder all of it was described by.
    """

    pipeline_class: str
    components: dict[str, Any]
    options: dict[str, Any]
    scheduler_class: str
    scheduler_config: dict[str, Any]
    config: Path


def make_scheduler(parts: Parts) -> Any:
    import diffusers

    return getattr(diffusers, parts.scheduler_class).from_config(parts.scheduler_config)


def pipeline(parts: Parts, class_name: str | None = None) -> Any:
    """The parts as a pipeline. class_name: another class that takes the same parts, such as image-to-image."""
    import diffusers

    cls = getattr(diffusers, class_name or parts.pipeline_class)
    given = parts.components | parts.options | {"scheduler": make_scheduler(parts)}
    taken = inspect.signature(cls.__init__).parameters
    made = cls(**{name: part for name, part in given.items() if name in taken})
    made.set_progress_bar_config(disable=True)
    return made
