"""Lines of text in a picture, in the font that ships; letters it does not have come from one of the system's."""

import functools
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.settings import RESOURCES

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

Face = tuple[str, int]  # a font's file, and which of those in it
SHIPPED: Face = str(RESOURCES / "fonts" / "Inter-Medium.ttf"), 0
_SCRIPTS_MAX = 6  # on one picture
_ASKED_MAX = 300  # letters that are asked for at once
_WAIT_SECONDS = 5.0  # for the system's answer; making its cache anew takes longest
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
# Where there is no fontconfig: Chinese, Japanese, Korean, and what has nearly everything.
_FILES = (
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/YuGothM.ttc",
    "C:/Windows/Fonts/malgun.ttf",
    "C:/Windows/Fonts/simsun.ttc",
    "C:/Windows/Fonts/seguisym.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)


class Letters:
    """Measures and writes lines in one size, in pixels. faces: besides the shipped one, what faces_for found."""

    def __init__(self, size: int, faces: Sequence[Face] = ()) -> None:
        self.size = size
        self._faces = (SHIPPED, *faces)

    def length(self, text: str) -> float:
        """Pixels from the line's beginning to its end."""
        return sum(font.getlength(run) for run, font in self._runs(text))

    def elided(self, text: str, width: float) -> str:
        """As much of the line as fits, with an ellipsis where it ends before its end."""
        text = " ".join(text.split())
        if self.length(text) <= width:
            return text
        fits, too_many = 0, len(text)  # every longer beginning is wider, or as wide
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if self.length(text[:middle] + "…") <= width:
                fits = middle
            else:
                too_many = middle
        return text[:fits].rstrip() + "…"

    def write(self, draw: "ImageDraw", place: tuple[int, int], text: str, ink: str, anchor: str) -> None:
        """anchor: "lm", "mm" or "rm"; place is at the left end, the middle or the right end, at half the height."""
        runs = self._runs(text)
        if len(runs) == 1 and runs[0][1].path == SHIPPED[0]:
            draw.text(place, text, ink, runs[0][1], anchor=anchor)
            return
        ascent, descent = _font(SHIPPED, self.size).getmetrics()  # all on the line that the shipped font stands on
        x = place[0] - self.length(text) * {"l": 0, "m": 0.5, "r": 1}[anchor[0]]
        y = place[1] + (ascent - descent) / 2
        for run, font in runs:
            draw.text((x, y), run, ink, font, anchor="ls")
            x += font.getlength(run)

    def _runs(self, text: str) -> "list[tuple[str, FreeTypeFont]]":
        """The pieces of a line that one font has; what none has is left to the shipped one."""
        pieces: list[tuple[str, Face]] = []
        for letter in text:
            before = pieces[-1] if pieces else ("", SHIPPED)
            # A mark belongs to the letter it stands on, and a space to either side.
            stays = letter.isspace() or unicodedata.category(letter) in ("Mn", "Me", "Cf")
            face = before[1] if stays else next((face for face in self._faces if has(face, letter)), SHIPPED)
            if pieces and face == before[1]:
                pieces[-1] = before[0] + letter, face
            else:
                pieces.append((letter, face))
        return [(piece, _font(face, self.size)) for piece, face in pieces]


def faces_for(texts: Iterable[str]) -> tuple[Face, ...]:
    """Fonts of the system for the letters that the shipped one does not have; may wait for the system, for seconds."""
    missing = {letter for text in texts for letter in set(text) if not has(SHIPPED, letter)}
    found: list[Face] = []
    scripts: dict[str, set[str]] = {}
    for letter in missing:
        scripts.setdefault(unicodedata.name(letter, "").partition(" ")[0], set()).add(letter)
    # Kana and Hangul first, as their fonts have the ideographs in the shapes that go with them.
    for script in sorted(scripts, key=lambda script: (script == "CJK", -len(scripts[script])))[:_SCRIPTS_MAX]:
        wanted = {letter for letter in scripts[script] if not any(has(face, letter) for face in found)}
        face = _system_face(frozenset(sorted(wanted)[:_ASKED_MAX])) if wanted else None
        if face is not None:
            found.append(face)
    return tuple(found)


@functools.lru_cache(maxsize=8192)
def has(face: Face, letter: str) -> bool:
    """Whether it draws the letter, and not the box that stands for those it does not have."""
    if letter.isspace() or unicodedata.category(letter).startswith("C"):
        return True  # nothing is to be seen of it
    drawn = _font(face, 16).getmask(letter)
    box = _font(face, 16).getmask("\U0010ffff")  # never a letter
    return (drawn.size, bytes(drawn)) != (box.size, bytes(box))


@functools.lru_cache(maxsize=64)
def _font(face: Face, size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(face[0], size, index=face[1])


@functools.lru_cache(maxsize=64)
def _system_face(letters: frozenset[str]) -> Face | None:
    """The one that has most of them; None where none has any."""
    told = _from_fontconfig(letters)
    faces = told if told is not None else [(file, 0) for file in _FILES if Path(file).is_file()]
    counts = {face: sum(has(face, letter) for letter in letters) for face in faces if _opens(face)}
    best = max(counts, key=counts.__getitem__, default=None)
    return best if best is not None and counts[best] else None


def _from_fontconfig(letters: frozenset[str]) -> list[Face] | None:
    """None where there is no fontconfig."""
    program = shutil.which("fc-match")
    if program is None:
        return None
    wanted = " ".join(f"{ord(letter):x}" for letter in sorted(letters))
    try:
        told = subprocess.run(
            [program, "-f", "%{file}\n%{index}\n", f":charset={wanted}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT_SECONDS,
            check=True,
            creationflags=_NO_WINDOW,
        ).stdout
        file, index = os.fsdecode(told).splitlines()[:2]
        return [(file, int(index) & 0xFFFF)]  # above it stands which of a variable font's instances it is
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def _opens(face: Face) -> bool:
    """Fonts made of pictures, as for emoji, come in one size only."""
    try:
        _font(face, 16)
    except OSError:
        return False
    return True
