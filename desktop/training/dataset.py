"""The packed pictures: all that a training machine needs to read, in one file.

Pictures stay WebP (256x256, with alpha) and are decoded when they are used; names, keywords and colours go along, so
that neither the network nor the archives are needed any more.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from desktop.errors import KnownError
from desktop.training import checkpoint, colours, pictures, sets
from desktop.training.nouns import Noun

FILE_NAME = "pictures.safetensors"
BYTES_MAX = 60 * 2**20
DECODED_MAX = 3000  # pictures kept decoded: 256 KB each


class Dataset:
    """nouns: what the pictures show; styles: keys of sets.SETS, in a fixed order; words: lines of ordinary English."""

    def __init__(
        self, nouns: tuple[Noun, ...], styles: tuple[str, ...], packed: dict[tuple[str, str], bytes], words: list[str]
    ) -> None:
        self.nouns, self.styles, self.words = nouns, styles, words
        self._packed = packed
        self._codes = [sets.plain_code(noun.emoji) for noun in nouns]
        self.source = functools.lru_cache(DECODED_MAX)(self._source)

    def styles_of(self, noun: int) -> tuple[str, ...]:
        return tuple(style for style in self.styles if (style, self._codes[noun]) in self._packed)

    def _source(self, noun: int, style: str) -> np.ndarray:
        """(H, W, 4) uint8, premultiplied alpha. Raises: KnownError where the picture is damaged."""
        return pictures.decode(self._packed[style, self._codes[noun]])

    def save(self, path: Path) -> int:
        """Write the packed file; returns its bytes. Raises: KnownError where it is too large or cannot be written."""
        rows, blobs, at = [], [], 0
        for (style, code), data in sorted(self._packed.items()):
            rows.append([style, code, at, at + len(data)])
            blobs.append(data)
            at += len(data)
        if at > BYTES_MAX:
            raise KnownError(f"The packed pictures are {at >> 20} MB large", hint="Choose fewer sets: --sets 3d,flat")
        tensor = torch.frombuffer(bytearray(b"".join(blobs)), dtype=torch.uint8)
        nouns = [asdict(noun) for noun in self.nouns]
        counters = {"rows": rows, "nouns": nouns, "styles": list(self.styles), "words": self.words}
        checkpoint.store(path, {"bytes": tensor}, counters)
        return path.stat().st_size


def load(path: Path) -> Dataset:
    """What Dataset.save() wrote. Raises: KnownError where it is damaged."""
    tensors, counters = checkpoint.load(path)
    whole = tensors["bytes"].numpy().tobytes()
    try:
        packed = {(style, code): whole[start:end] for style, code, start, end in counters["rows"]}
        nouns = tuple(
            Noun(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
            for row in counters["nouns"]
        )
        return Dataset(nouns, tuple(counters["styles"]), packed, list(counters["words"]))
    except (KeyError, TypeError, ValueError) as error:
        hint = f"Delete {path} and start again."
        raise KnownError(f"The packed pictures {path.name} are damaged", hint=hint) from error


def pack(nouns: Sequence[Noun], styles: Sequence[str], work: Path, words: list[str], *, quality: int = 0) -> Dataset:
    """Every picture of `nouns` that the sets have, skin tones of the first set only; nouns that none has are left out.
    quality: of WebP, 1..100; 0 keeps the bytes as they come. Raises: KnownError as sets.read.
    """
    codes = {sets.plain_code(noun.emoji): noun for noun in nouns}
    called = {code: (noun.slug, noun.name, *noun.also) for code, noun in codes.items()}
    packed = {}
    for place, style in enumerate(styles):
        wanted = [code for code, noun in codes.items() if place == 0 or not noun.toned]
        for code, data in sets.read(sets.SETS[style], work, wanted, called):
            packed[style, code] = _again(data, quality) if quality else data
    there = {code for _, code in packed}
    kept = tuple(_with_colour(noun, code, styles, packed) for code, noun in codes.items() if code in there)
    if not kept:
        raise KnownError("The sets hold no picture of what shall be drawn", hint="Name another set: --sets 3d")
    return Dataset(kept, tuple(styles), packed, words)


def _with_colour(noun: Noun, code: str, styles: Sequence[str], packed: dict[tuple[str, str], bytes]) -> Noun:
    """With the main colour of its picture in the first set that has one, where no colours are listed."""
    if noun.colours:
        return noun
    data = next(packed[style, code] for style in styles if (style, code) in packed)
    return replace(noun, colours=(colours.main_colour(pictures.reduced(pictures.decode(data), 64)),))


def _again(data: bytes, quality: int) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
        picture.convert("RGBA").save(buffer, "WEBP", quality=quality, alpha_quality=quality, method=6)
    return buffer.getvalue()
