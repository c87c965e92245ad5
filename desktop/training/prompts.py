"""The prompts that a model is scored on, always the same for the same things."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from desktop.training import captions, colours, holdout, scenes
from desktop.training.dataset import Dataset
from desktop.training.scenes import Scene

COUNTS = {"names": 300, "keywords": 100, "colours": 100, "pairs": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """kind: a key of COUNTS; things: indices of what has to be found; paint: of colours.PAINTS, for kind colours."""

    kind: str
    text: str
    things: tuple[int, ...]
    paint: str = ""


def choose(known: Dataset, *, limit: int = 0) -> tuple[Prompt, ...]:
    """All prompts; limit: at most so many of a kind, 0 for COUNTS. Each kind is a fixed draw, so a smaller limit takes
    the first of a larger one's.
    """
    found: list[Prompt] = []
    for kind, made in (
        ("names", _names(known)),
        ("keywords", _shuffled(_keywords(known))),
        ("colours", _shuffled(_colours(known))),
        ("pairs", _shuffled(_pairs(known))),
    ):
        found += list(itertools.islice(made, min(limit or COUNTS[kind], COUNTS[kind])))
    return tuple(found)


def renders_scene(prompt: Prompt, known: Dataset) -> Scene:
    """What a perfect drawing of the prompt shows, in the first style that there is."""
    style = known.styles_of(prompt.things[0])[0]
    if len(prompt.things) > 1:
        return Scene(placed=scenes.beside(*prompt.things, style), arrangement="beside")
    return Scene(placed=(scenes.alone(prompt.things[0], style, paint=prompt.paint),))


def _shuffled(prompts: Iterable[Prompt]) -> list[Prompt]:
    return sorted(prompts, key=lambda one: hashlib.blake2b(one.text.encode(), digest_size=8).digest())


def _names(known: Dataset) -> list[Prompt]:
    """Each thing by its name first, then by its other names and in other words."""
    rounds = ([], [], [])
    for place, noun in enumerate(known.nouns):
        rounds[0].append(Prompt(kind="names", text=captions.plain(noun), things=(place,)))
        for name in noun.also:
            text = captions.with_article(name)
            rounds[1].append(Prompt(kind="names", text=text, things=(place,)))
        rounds[2].append(Prompt(kind="names", text=f"a picture of {captions.plain(noun)}", things=(place,)))
    return [prompt for prompts in rounds for prompt in _shuffled(prompts)]


def _keywords(known: Dataset) -> Iterable[Prompt]:
    """Three keywords of a thing, its rarest, where no other thing has them all."""
    owners: dict[str, set[int]] = {}
    for place, noun in enumerate(known.nouns):
        for word in noun.keywords:
            owners.setdefault(word, set()).add(place)
    for place, noun in enumerate(known.nouns):
        words = sorted(dict.fromkeys(noun.keywords), key=lambda word: (len(owners[word]), word))[:3]
        if len(words) == 3 and set.intersection(*(owners[word] for word in words)) == {place}:
            yield Prompt(kind="keywords", text=", ".join(words), things=(place,))


def _colours(known: Dataset) -> Iterable[Prompt]:
    for place, noun in enumerate(known.nouns):
        for paint in colours.PAINTS:
            if noun.repaintable and paint not in noun.colours and holdout.colour(noun.name, paint):
                yield Prompt(kind="colours", text=captions.plain(noun, paint), things=(place,), paint=paint)


def _pairs(known: Dataset) -> Iterable[Prompt]:
    for first, second in itertools.combinations(range(len(known.nouns)), 2):
        if holdout.pair(known.nouns[first].name, known.nouns[second].name):
            text = f"{captions.plain(known.nouns[first])} and {captions.plain(known.nouns[second])}"
            yield Prompt(kind="pairs", text=text, things=(first, second))
