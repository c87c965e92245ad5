"""The things the starter model shall draw, chosen before it was trained."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from desktop.training import archive

# Keywords that do not name or describe the picture: moods, brands, slang, and words that are true of everything.
_DULL = """
nature face cute activity entertainment comic th shipit idea butt bottom phallic terrorism evil lgbt gay pride nasa nba
mac nemo oreo olaf whippy mr kod ftw staffmode pencil2 typos love like wild hot female head medium one program creepy
side deploy leader danger magic party clipperton martin saint indicator letters regional symbol outlying
nation country banner
"""
DULL = frozenset(_DULL.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """emoji: code points of its picture, as the picture package names its file; colours: its main ones, first first;
    also: other names for the same thing; keywords: words that go with it; slug: its Unicode name.
    """

    name: str
    emoji: str
    colours: tuple[str, ...]
    also: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    slug: str = ""

    @property
    def toned(self) -> bool:
        """Whether it is another one with a skin tone."""
        return self.emoji.split("-")[-1] in TONES

    @property
    def repaintable(self) -> bool:
        """Whether it stays what it is in another colour: a red cat does, the flag of France and a dark hand do not."""
        return not (self.toned or self.name.startswith("flag of "))


def chosen() -> tuple[Noun, ...]:
    """The list in nouns.json, without keywords and Unicode names."""
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


def chosen_with_words(work: Path) -> tuple[Noun, ...]:
    """The list in nouns.json, with both. Raises: KnownError as archive.member."""
    slugs = {_plain(_code(sign)): entry["name"] for sign, entry in _unicode(work).items()}
    return with_keywords(tuple(replace(noun, slug=slugs.get(_plain(noun.emoji), "")) for noun in chosen()), work)


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


def every(work: Path) -> tuple[Noun, ...]:
    """Every emoji, under its Unicode name, with keywords; skin tones, flags and keycaps are said in plain words.

    Colours are left open: dataset.pack() finds them in the pictures. Names of nouns.json stand in place of Unicode's.
    Raises: KnownError as archive.member.
    """
    names = _unicode(work)
    known = {_plain(noun.emoji): noun for noun in chosen()}
    found: dict[str, Noun] = {}
    for sign, entry in names.items():
        code = _code(sign)
        listed = known.get(_plain(code))
        name = listed.name if listed else spoken(entry["name"])
        if name in found:
            continue
        also = listed.also if listed else ()
        colours = listed.colours if listed else ()
        found[name] = Noun(name=name, emoji=code, colours=colours, also=also, slug=entry["name"])
        if entry.get("skin_tone_support") and "\u200d" not in sign:
            for tone, word in TONES.items():
                toned = f"{name} with {word} skin"
                first = f"{ord(sign[0]):x}-{tone}"
                found[toned] = Noun(name=toned, emoji=first, colours=(), slug=f"{entry['name']}: {word} skin tone")
    return with_keywords(tuple(found.values()), work)


TONES = {"1f3fb": "light", "1f3fc": "medium light", "1f3fd": "medium", "1f3fe": "medium dark", "1f3ff": "dark"}
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def spoken(name: str) -> str:
    """A Unicode name as one would say it: "flag France" -> "flag of France", "keycap 3" -> "digit three"."""
    name = name.replace("\u201c", "").replace("\u201d", "").replace("\u2019", "'").replace(":", "")
    if name.startswith("flag "):
        return f"flag of {name.removeprefix('flag ')}"
    if name.startswith("keycap ") and name.removeprefix("keycap ").isdigit():
        number = int(name.removeprefix("keycap "))
        return f"digit {_DIGITS[number]}" if number < 10 else f"number {number}"
    return name.lower()


def _unicode(work: Path) -> dict[str, Any]:
    """What unicode-emoji-json says of each sign."""
    return json.loads(archive.member(archive.fetch(archive.UNICODE, work), "data-by-emoji.json"))


def _code(sign: str) -> str:
    return "-".join(f"{ord(part):x}" for part in sign)


def _plain(emoji: str) -> str:
    return emoji.replace("-fe0f", "")
