"""A tiny picture package and a recipe that trains in seconds."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from PIL import Image, ImageDraw

from desktop.training import archive
from desktop.training.classifier import ClassifierSettings
from desktop.training.dataset import Dataset
from desktop.training.denoiser import DenoiserSettings
from desktop.training.nouns import Noun
from desktop.training.recipe import Recipe
from desktop.training.vae import VaeSettings

NOUNS = (
    Noun(name="apple", emoji="1f34e", colours=("red",), keywords=("fruit", "round", "orchard")),
    Noun(
        name="sun", emoji="2600-fe0f", colours=("yellow", "orange"), also=("star",), keywords=("weather", "hot", "sky")
    ),
    Noun(name="frog", emoji="1f438", colours=("green",), keywords=("pond", "jump", "toad")),
)
SHADES = {"1f34e": "red", "2600-fe0f": "gold", "1f438": "green"}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive as npm would."""
    with tarfile.open(path, "w:gz") as made:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return path


def picture(colour: str, side: int = 64) -> bytes:
    """A disc on nothing, as lossless WebP."""
    drawn = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(drawn).ellipse((4, 8, side - 6, side - 10), fill=colour)
    buffer = io.BytesIO()
    drawn.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def dataset(styles: tuple[str, ...] = ("3d", "flat"), nouns: tuple[Noun, ...] = NOUNS) -> Dataset:
    """Packed pictures: discs of one colour each."""
    packed = {
        (style, noun.emoji.replace("-fe0f", "")): picture(SHADES[noun.emoji], 64 if style == "3d" else 48)
        for style in styles
        for noun in nouns
    }
    return Dataset(nouns, styles, packed, ["a red apple", "frog pond jump"])


def archives(folder: Path) -> Path:
    """All archives that the stage `pack` reads, in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"assets/{name}.webp": picture(colour) for name, colour in SHADES.items()}
    pack(folder / archive.archive_name(archive.FLUENT), files)
    body = '<circle cx="16" cy="16" r="12" fill="#d03040"/>'
    icons = {"prefix": "x", "width": 32, "height": 32, "icons": {"red-apple": {"body": body}, "frog": {"body": body}}}
    chars = {"1f34e": "red-apple", "1f438": "frog", "1f9ff": "gone"}
    pack(
        folder / archive.archive_name(archive.FLAT),
        {"icons.json": json.dumps(icons).encode(), "chars.json": json.dumps(chars).encode()},
    )
    names = {
        "🍎": {"name": "red apple"},
        "☀️": {"name": "sun"},
        "👋": {"name": "waving hand", "skin_tone_support": True},
    }
    pack(folder / archive.archive_name(archive.UNICODE), {"data-by-emoji.json": json.dumps(names).encode()})
    words = {"🍎": ["red_apple", "fruit", "mac"], "☀️": ["sun", "weather"]}
    pack(folder / archive.archive_name(archive.EMOJILIB), {"dist/emoji-en-US.json": json.dumps(words).encode()})
    return folder


def work_folder(folder: Path) -> Path:
    """A work folder with packed pictures, so that nothing is fetched."""
    dataset().save(folder / "pictures.safetensors")
    return folder


def recipe(work: Path, **changes: object) -> Recipe:
    """From random weights, unless `start` is given."""
    settings = {
        "start": None,
        "begun": "All networks began with random weights.",
        "scenes": 24,
        "shelf": 6,
        "drawing_workers": 1,
        "size": 32,
        "vocabulary": 600,
        "vae": VaeSettings(widths=(8, 8, 8, 8), batch=2, crop=16, whole_batch=2, whole_every=2, portion=1),
        "vae_steps": 6,
        "denoiser": DenoiserSettings(
            widths=(16, 32), groups=4, text_width=16, text_layers=1, text_heads=2, batch=4, portion=2
        ),
        "denoiser_steps": 7,
        "classifier": ClassifierSettings(widths=(8, 16), batch=8, portion=4),
        "classifier_steps": 5,
        "sheet_minutes": 0.0,
    }
    return Recipe(work=work, **{**settings, **changes})
