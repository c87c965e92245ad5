"""What a person might type for a picture: its name, keywords, colours and the style, in a handful of forms."""

from __future__ import annotations

import numpy as np

from desktop.training.nouns import Noun

EMPTY_SHARE = 0.1  # of the captions, so that guidance has something to steer away from
STYLES = ("3d", "icon", "3d icon", "emoji", "a small picture", "illustration", "cute", "glossy")
WHITE_WORDS = ("on a white background", "white background", "isolated on white")


def article(words: str) -> str:
    return "an" if words[:1] in "aeiou" else "a"


def caption(noun: Noun, rng: np.random.Generator, background: str = "") -> str:
    """One caption of a picture of `noun`; empty in EMPTY_SHARE of the cases.
    background: a colour of pictures.PASTELS, or "" for white, which is named only now and then.
    """
    if rng.random() < EMPTY_SHARE:
        return ""
    name = noun.name if not noun.also or rng.random() < 0.7 else str(rng.choice(noun.also))
    colours = _colours(noun, rng) if rng.random() < 0.4 else ""
    thing = f"{colours} {name}" if colours and colours.split()[-1] not in name.split() else name
    parts = [thing if _is_many(name) or rng.random() < 0.4 else f"{article(thing)} {thing}"]
    opening = rng.random()
    if opening < 0.08:
        parts[0] = f"a picture of {parts[0]}"
    elif opening < 0.12:
        parts[0] = f"a photo of {parts[0]}"
    if noun.keywords and rng.random() < 0.3:
        count = int(rng.integers(1, 1 + min(3, len(noun.keywords))))
        parts += [str(word) for word in rng.choice(noun.keywords, count, replace=False)]
    if rng.random() < 0.3:
        parts.append(str(rng.choice(STYLES)))
    if background:
        parts.append(f"on a {background} background")
    elif rng.random() < 0.2:
        parts.append(str(rng.choice(WHITE_WORDS)))
    joined = ", ".join(parts)
    return joined.capitalize() if rng.random() < 0.1 else joined


def plain(noun: Noun) -> str:
    """The caption that sheets and tallies are drawn with: "a red apple", "cherries"."""
    return noun.name if _is_many(noun.name) else f"{article(noun.name)} {noun.name}"


def _colours(noun: Noun, rng: np.random.Generator) -> str:
    if len(noun.colours) > 1 and rng.random() < 0.3:
        return " and ".join(noun.colours[:2])
    return noun.colours[0]


def _is_many(name: str) -> bool:
    return name in {
        "bread",
        "broccoli",
        "cheese",
        "cherries",
        "coffee",
        "corn",
        "fire",
        "fries",
        "grapes",
        "popcorn",
    } or (name in {"chocolate", "french fries", "sunglasses", "glasses"})
