"""The things the starter model shall draw, chosen before it was trained."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from desktop.training import archive

# Keywords that do not name or describe the picture: moods, brands, slang, and words that are true of everything.
_DULL = """
nature face cute activity entertainment comic th shipit idea butt bottom phallic terrorism evil lgbt gay pride nasa nba
mac nemo oreo olaf whippy mr kod ftw staffmode pencil2 typos love like wild hot female head medium one program creepy
side deploy leader danger magic party
"""
DULL = frozenset(_DULL.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """emoji: code points of its picture, as the picture package names its file; colours: its main ones, first first;
    also: other names for the same thing; keywords: words that go with it.
    """

    name: str
    emoji: str
    colours: tuple[str, ...]
    also: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


def chosen() -> tuple[Noun, ...]:
    """The list in nouns.json, without keywords."""
    rows = json.loads(resources.files("desktop.training").joinpath("nouns.json").read_text("utf-8"))
    return tuple(
        Noun(
            name=row["name"],
            emoji=row["emoji"],
            colours=tuple(row["colours"]),
            also=tuple(row["also"]),
        )
        for row in rows
    )


def with_keywords(nouns: tuple[Noun, ...], work: Path) -> tuple[Noun, ...]:
    """The same nouns with the plain one-word keywords that emojilib has for their pictures.
    Raises: KnownError as archive.member.
    """
    words = json.loads(archive.member(archive.fetch(archive.EMOJILIB, work), "dist/emoji-en-US.json"))
    taken = {name for noun in nouns for name in (noun.name, *noun.also)}
    found = []
    for noun in nouns:
        sign = "".join(chr(int(part, 16)) for part in noun.emoji.split("-"))
        listed = words.get(sign) or words.get(sign.replace("\ufe0f", "")) or []
        plain = (word.lower() for word in listed if word.isascii() and word.isalpha())
        kept = tuple(word for word in plain if word not in DULL and word not in taken)
        found.append(replace(noun, keywords=kept))
    return tuple(found)
