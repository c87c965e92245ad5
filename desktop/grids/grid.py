"""The pictures of a grid: which requests they are, and in what order they are drawn."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.errors import KnownError
from desktop.grids.axis import CELLS_MAX, Axis, axis_from, named
from desktop.messages import Branch, GenerationRequest, Lora

_FREE_IN_A_BRANCH = ("seed", "guidance", "scheduler", "words")
_FIELDS = {"guidance": "guidance_scale"}  # where a setting is not called as in a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """base: what all pictures share. x: across. y: down; None for a single row. requests: row by row."""

    base: GenerationRequest
    x: Axis
    y: Axis | None
    requests: tuple[GenerationRequest, ...]

    @property
    def columns(self) -> int:
        return len(self.x.values)

    @property
    def rows(self) -> int:
        return 1 if self.y is None else len(self.y.values)

    @property
    def row_labels(self) -> tuple[str, ...]:
        return ("",) if self.y is None else self.y.labels

    def at(self, column: int, row: int) -> GenerationRequest:
        return self.requests[row * self.columns + column]

    def places(self, request: GenerationRequest) -> tuple[tuple[int, int], ...]:
        """(column, row) of every cell that shows this picture."""
        return tuple(
            (place % self.columns, place // self.columns)
            for place, other in enumerate(self.requests)
            if other == request
        )

    @property
    def order(self) -> tuple[GenerationRequest, ...]:
        """Every picture once, row by row; those of one model together, as loading one takes longest."""
        models = list(dict.fromkeys(request.model for request in self.requests))
        return tuple(sorted(dict.fromkeys(self.requests), key=lambda request: models.index(request.model)))

    def to_json(self) -> dict[str, object]:
        return {"x": self.x.to_json(), "y": None if self.y is None else self.y.to_json()}

    def kept(self) -> dict[str, object]:
        """All it takes to make the same grid again, by grid_from."""
        return self.to_json() | {"base": self.base.to_json()}


def grid_from(data: Mapping[str, Any]) -> Grid:
    """What kept gave. Raises KnownError, LookupError, TypeError or ValueError where it is damaged."""
    y = data["y"]
    return make_grid(
        GenerationRequest.from_json(data["base"]), axis_from(data["x"]), None if y is None else axis_from(y)
    )


def make_grid(base: GenerationRequest, x: Axis, y: Axis | None = None) -> Grid:
    """Raises KnownError where the axes do not go together, or a value makes no picture."""
    axes = (x,) if y is None else (x, y)
    count = len(x.values) * (1 if y is None else len(y.values))
    if count > CELLS_MAX:
        raise KnownError(
            f"{len(x.values)} × {len(y.values) if y else 1} are {count} pictures, and a grid holds {CELLS_MAX}",
            "Use fewer values on one of the axes.",
        )
    for axis in axes:
        _check(base, axis)
    if y is not None and x.setting == y.setting and (x.setting != "words" or x.values[0] == y.values[0]):
        raise KnownError(f"Both axes vary {named(x.setting)}", "Choose another setting for one of them.")
    down: tuple[object, ...] = (None,) if y is None else y.values
    requests = tuple(
        _changed(base, [(x, across)] if y is None else [(x, across), (y, below)])
        for below in down
        for across in x.values
    )
    return Grid(base=base, x=x, y=y, requests=requests)


def from_step(trunk: GenerationRequest, step: int, **changes: object) -> GenerationRequest:
    """What the pictures of a grid share that grow from a step of another one. Raises KnownError."""
    return trunk.replace(branch=Branch(trunk=trunk, step=step), **changes)


def steps_to_take(request: GenerationRequest) -> int:
    """How many steps a picture costs, as far as can be said before: what a branch shares is there already."""
    if request.branch is not None:
        return max(1, request.steps - request.branch.step)
    return request.steps if request.start_picture is None else max(1, int(request.steps * request.strength))


def _check(base: GenerationRequest, axis: Axis) -> None:
    if base.branch is not None and axis.setting not in _FREE_IN_A_BRANCH:
        raise KnownError(
            f"A grid that begins at a step of a picture cannot vary {named(axis.setting)}",
            "Vary the seed, the guidance, the scheduler or the words of the prompt.",
        )
    if axis.setting == "strength" and base.start_picture is None:
        raise KnownError("There is no start picture whose strength could vary", "Add one, or vary something else.")
    if axis.setting == "lora" and not base.loras:
        raise KnownError("There is no LoRA whose weight could vary", "Add one, or vary something else.")
    if axis.setting == "words" and str(axis.values[0]) not in base.prompt:
        raise KnownError(
            f"The prompt has no {str(axis.values[0])[:60]!r}",
            "The first value is what stands in the prompt, and the others take its place.",
        )


def _changed(base: GenerationRequest, values: list[tuple[Axis, object]]) -> GenerationRequest:
    changes: dict[str, object] = {}
    words: dict[str, str] = {}
    for axis, value in values:
        if axis.setting == "words":
            words[str(axis.values[0])] = str(value)
        elif axis.setting == "lora":
            changes["loras"] = (Lora(file=base.loras[0].file, weight=float(value)), *base.loras[1:])
        else:
            changes[_FIELDS.get(axis.setting, axis.setting)] = value
    if words:  # both at once, so that what one puts there is not taken away by the other
        longest_first = sorted(words, key=len, reverse=True)
        pattern = re.compile("|".join(re.escape(word) for word in longest_first))
        changes["prompt"] = pattern.sub(lambda found: words[found[0]], base.prompt)
    return base.replace(**changes)
