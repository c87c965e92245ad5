"""What one training picture shows: one thing or two, their colours, sizes and places, and the paper behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from desktop.training import colours, holdout, pictures
from desktop.training.dataset import Dataset
from desktop.training.pictures import MARGIN, PASTELS, WHITE, View

SMALL = 0.48  # scale of a thing that is called small
HALF = 0.47  # and of each of two side by side
PLACES = {  # words -> centre, as shares of the side
    "on the left": (0.27, 0.5),
    "on the right": (0.73, 0.5),
    "at the top": (0.5, 0.27),
    "at the bottom": (0.5, 0.73),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """noun: index in the dataset; style: a key of sets.SETS; paint: of colours.PAINTS, "" for its own; x, y: its centre
    and scale: its side, as shares of the picture's; angle in degrees.
    """

    noun: int
    style: str
    paint: str = ""
    x: float = 0.5
    y: float = 0.5
    scale: float = MARGIN
    angle: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """placed: from the back to the front, one or two; arrangement: "alone", "beside" (the first on the left) or "on"
    (the second on the first); size: "" or "small"; place: "" or a key of PLACES; background: a key of PASTELS, or ""
    for white.
    """

    placed: tuple[Placed, ...]
    arrangement: str = "alone"
    size: str = ""
    place: str = ""
    background: str = ""

    @property
    def style(self) -> str:
        return self.placed[0].style

    def as_row(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Scene:
        return cls(**{**row, "placed": tuple(Placed(**placed) for placed in row["placed"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares of the scenes. styles: weights by set, missing ones 1; tilt in degrees, shift and stretch are shares."""

    beside: float = 0.26
    on: float = 0.09
    painted: float = 0.4
    painted_in_pairs: float = 0.15
    coloured_paper: float = 0.2
    small: float = 0.1
    placed: float = 0.12
    styles: tuple[tuple[str, float], ...] = ()
    tilt: float = 3.5
    shift: float = 0.02
    stretch: float = 0.04


def random_scene(dataset: Dataset, noun: int, rng: np.random.Generator, mix: Mix, *, held_out: bool = False) -> Scene:
    """A scene of the thing, alone or with another. held_out: whether combinations kept for measuring may come up."""
    kind = rng.random()
    style = _style(dataset, noun, rng, mix)
    background = str(rng.choice(list(PASTELS))) if rng.random() < mix.coloured_paper else ""
    if kind < mix.beside + mix.on:
        other = _companion(dataset, noun, style, rng, held_out)
        if other is not None:
            first, second = (noun, other) if rng.random() < 0.5 else (other, noun)
            painted = int(rng.integers(2)) if rng.random() < mix.painted_in_pairs else -1
            paints = [
                _paint(dataset, thing, rng, held_out) if place == painted else ""
                for place, thing in enumerate((first, second))
            ]
            build = beside if kind < mix.beside else upon
            shifted = tuple(moved(one, rng, mix) for one in build(first, second, style, *paints))
            return Scene(placed=shifted, arrangement="beside" if kind < mix.beside else "on", background=background)
    paint = _paint(dataset, noun, rng, held_out) if rng.random() < mix.painted else ""
    draw = rng.random()
    size = "small" if draw < mix.small or (draw < mix.small + mix.placed and rng.random() < 0.4) else ""
    place = str(rng.choice(list(PLACES))) if mix.small <= draw < mix.small + mix.placed else ""
    one = alone(noun, style, paint=paint, size=size, place=place)
    return Scene(placed=(moved(one, rng, mix),), size=size, place=place, background=background)


def alone(noun: int, style: str, *, paint: str = "", size: str = "", place: str = "") -> Placed:
    x, y = PLACES.get(place, (0.5, 0.5))
    scale = SMALL if size else 0.53 if place else MARGIN
    return Placed(noun=noun, style=style, paint=paint, x=x, y=y, scale=scale)


def beside(left: int, right: int, style: str, left_paint: str = "", right_paint: str = "") -> tuple[Placed, Placed]:
    return (
        Placed(noun=left, style=style, paint=left_paint, x=0.26, scale=HALF),
        Placed(noun=right, style=style, paint=right_paint, x=0.74, scale=HALF),
    )


def upon(below: int, above: int, style: str, below_paint: str = "", above_paint: str = "") -> tuple[Placed, Placed]:
    return (
        Placed(noun=below, style=style, paint=below_paint, y=0.715, scale=0.52),
        Placed(noun=above, style=style, paint=above_paint, y=0.27, scale=0.46),
    )


def draw(scene: Scene, dataset: Dataset, size: int) -> np.ndarray:
    """(size, size, 3) uint8."""
    paper = np.asarray(PASTELS.get(scene.background, WHITE), np.uint8)
    drawn = np.broadcast_to(paper, (size, size, 3))
    for placed in scene.placed:
        source = pictures.reduced(dataset.source(placed.noun, placed.style), placed.scale * size)
        if placed.paint:
            source = colours.repaint(source, placed.paint)
        shift = ((placed.x - 0.5) * size, (placed.y - 0.5) * size)
        laid = pictures.lay(source, View(scale=placed.scale, shift=shift, angle=placed.angle), size)
        drawn = pictures.onto(laid, drawn)
    return np.ascontiguousarray(drawn)


def stream(dataset: Dataset, count: int, seed: int, mix: Mix, *, held_out: bool = False) -> Callable[[int], Scene]:
    """Scene by number, 0..count-1: each number has its own random numbers, and all things come up equally often."""
    shuffle = np.random.default_rng((seed, 11))
    laps = -(-count // len(dataset.nouns))
    order = np.concatenate([shuffle.permutation(len(dataset.nouns)) for _ in range(laps)])

    def scene(number: int) -> Scene:
        rng = np.random.default_rng((seed, 12, number))
        return random_scene(dataset, int(order[number]), rng, mix, held_out=held_out)

    return scene


def _style(dataset: Dataset, noun: int, rng: np.random.Generator, mix: Mix) -> str:
    there = dataset.styles_of(noun)
    weights = np.array([dict(mix.styles).get(style, 1.0) for style in there])
    return str(rng.choice(there, p=weights / weights.sum()))


def _companion(dataset: Dataset, noun: int, style: str, rng: np.random.Generator, held_out: bool) -> int | None:
    name = dataset.nouns[noun].name
    for _ in range(20):
        other = int(rng.integers(len(dataset.nouns)))
        allowed = held_out or not holdout.pair(name, dataset.nouns[other].name)
        if other != noun and allowed and style in dataset.styles_of(other):
            return other
    return None


def _paint(dataset: Dataset, noun: int, rng: np.random.Generator, held_out: bool) -> str:
    thing = dataset.nouns[noun]
    if not thing.repaintable:
        return ""
    new = (name for name in colours.PAINTS if name not in thing.colours)
    free = [name for name in new if held_out or not holdout.colour(thing.name, name)]
    return str(rng.choice(free)) if free else ""


def moved(placed: Placed, rng: np.random.Generator, mix: Mix) -> Placed:
    """A little shifted, scaled and tilted; never mirrored: a small denoiser that is shown both ways round draws a snail
    with two heads.
    """
    part = placed.scale / MARGIN
    return Placed(
        noun=placed.noun,
        style=placed.style,
        paint=placed.paint,
        x=placed.x + float(mix.shift * part * rng.uniform(-1, 1)),
        y=placed.y + float(mix.shift * part * rng.uniform(-1, 1)),
        scale=placed.scale * float(1 + mix.stretch * rng.uniform(-1, 1)),
        angle=float(mix.tilt * rng.uniform(-1, 1)),
    )
