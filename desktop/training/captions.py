"""What a person might type for a scene: names, keywords, colours, places, paper and style, in a handful of forms."""

from __future__ import annotations

import numpy as np

from desktop.training.dataset import Dataset
from desktop.training.nouns import Noun
from desktop.training.scenes import Placed, Scene
from desktop.training.sets import SETS

EMPTY_SHARE = 0.1  # of the captions, so that guidance has something to steer away from
KEYWORDS_SHARE = 0.12  # of the things drawn alone, which are then called by their keywords only
ALSO_SHARE = 0.3
OWN_COLOUR_SHARE = 0.25
KINDS = ("icon", "emoji", "a small picture", "illustration", "cute")  # true of every set
WHITE_WORDS = ("on a white background", "white background", "isolated on white")
MANY = frozenset({"bread", "broccoli", "cheese", "cherries", "chocolate", "coffee", "corn", "fire", "french fries"})
MANY |= {"fries", "glasses", "grapes", "popcorn", "scissors", "sunglasses"}  # all named without an article


def article(words: str) -> str:
    as_said = words.lower()
    return "an" if as_said[:1] in "aeiou" and not as_said.startswith(("uk", "uni")) else "a"


def with_article(words: str, name: str = "") -> str:
    """ "an orange cat", "cherries". name: the noun in `words`, where a colour stands before it."""
    return words if (name or words) in MANY or (name or words).startswith("flag of ") else f"{article(words)} {words}"


def plain(noun: Noun, paint: str = "") -> str:
    """The caption that sheets and scores are drawn with: "a red apple", "cherries"."""
    return with_article(f"{paint} {noun.name}".strip(), noun.name)


def caption(scene: Scene, dataset: Dataset, rng: np.random.Generator) -> str:
    """One caption of a scene; empty in EMPTY_SHARE of the cases."""
    if rng.random() < EMPTY_SHARE:
        return ""
    parts = [_subject(scene, dataset, rng)]
    if len(scene.placed) == 1:
        noun = dataset.nouns[scene.placed[0].noun]
        plainly = not (scene.size or scene.place or scene.placed[0].paint)
        if len(noun.keywords) > 1 and plainly and rng.random() < KEYWORDS_SHARE:
            count = int(rng.integers(2, 1 + min(4, len(noun.keywords))))
            parts = [str(word) for word in rng.choice(noun.keywords, count, replace=False)]
        else:
            if scene.place:
                parts[0] += f" {scene.place}"
            if noun.keywords and rng.random() < 0.2:
                count = int(rng.integers(1, 1 + min(3, len(noun.keywords))))
                parts += [str(word) for word in rng.choice(noun.keywords, count, replace=False)]
    style = SETS[scene.style]
    if rng.random() < style.named:
        parts.append(str(rng.choice(style.words, p=_first_often(len(style.words)))))
    elif rng.random() < 0.15:
        parts.append(str(rng.choice(KINDS)))
    if scene.background:
        parts.append(f"on a {scene.background} background")
    elif rng.random() < 0.15:
        parts.append(str(rng.choice(WHITE_WORDS)))
    joined = ", ".join(parts)
    return joined.capitalize() if rng.random() < 0.1 else joined


def _subject(scene: Scene, dataset: Dataset, rng: np.random.Generator) -> str:
    named = [_thing(placed, scene, dataset, rng) for placed in scene.placed]
    if scene.arrangement == "beside":
        form = rng.choice(("{} and {}", "{} next to {}", "{} beside {}", "{} on the left, {} on the right"), p=FORMS)
        return str(form).format(*named)
    if scene.arrangement == "on":
        return str(rng.choice(("{1} on {0}", "{1} on top of {0}"))).format(*named)
    opening = rng.random()
    return f"a picture of {named[0]}" if opening < 0.06 else f"a photo of {named[0]}" if opening < 0.09 else named[0]


FORMS = (0.6, 0.16, 0.12, 0.12)


def _thing(placed: Placed, scene: Scene, dataset: Dataset, rng: np.random.Generator) -> str:
    noun = dataset.nouns[placed.noun]
    name = noun.name if not noun.also or rng.random() >= ALSO_SHARE else str(rng.choice(noun.also))
    colour = placed.paint
    if not colour and noun.colours and noun.repaintable and rng.random() < OWN_COLOUR_SHARE:
        both = len(noun.colours) > 1 and rng.random() < 0.3
        colour = " and ".join(noun.colours[:2]) if both else noun.colours[0]
        if colour.split()[-1] in name.split():
            colour = ""
    words = " ".join(word for word in (scene.size, colour, name) if word)
    alone = len(scene.placed) == 1
    return words if alone and rng.random() < 0.35 else with_article(words, name)


def _first_often(count: int) -> list[float]:
    """The set's own word half of the time, the others alike."""
    return [0.5, *[0.5 / (count - 1)] * (count - 1)] if count > 1 else [1.0]
