"""A tiny picture package and a recipe that trains in seconds."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from PIL import Image, ImageDraw

from desktop.training import archive
from desktop.training.denoiser import DenoiserSettings
from desktop.training.nouns import Noun
from desktop.training.starter import Recipe
from desktop.training.vae import VaeSettings

NOUNS = (
    Noun(name="apple", emoji="1f34e", colours=("red",), keywords=("fruit",)),
    Noun(name="sun", emoji="2600-fe0f", colours=("yellow", "orange"), also=("star",)),
)


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


def work_folder(folder: Path) -> Path:
    """A work folder that holds all archives, so that nothing is fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"1f34e": "red", "2600-fe0f": "gold", "1f438": "green", "1f433": "blue"}
    files = {f"assets/{name}.webp": picture(colour) for name, colour in pictures.items()}
    pack(folder / archive.archive_name(archive.FLUENT), files)
    names = json.dumps({"🍎": {"name": "red apple"}, "☀️": {"name": "sun"}}).encode()
    words = json.dumps({"🍎": ["red_apple", "fruit", "mac"], "☀️": ["sun", "weather"]}).encode()
    pack(folder / archive.archive_name(archive.UNICODE), {"data-by-emoji.json": names})
    pack(folder / archive.archive_name(archive.EMOJILIB), {"dist/emoji-en-US.json": words})
    return folder


def recipe(work: Path, *, vae_steps: int = 8, denoiser_steps: int = 8) -> Recipe:
    return Recipe(
        work=work,
        nouns=NOUNS,
        vae_steps=vae_steps,
        denoiser_steps=denoiser_steps,
        views=3,
        shelf_views=2,
        size=32,
        vocabulary=600,
        vae_settings=VaeSettings(widths=(8, 8, 8, 8), batch=2, crop=16, whole_batch=1, whole_every=2),
        denoiser_settings=DenoiserSettings(
            widths=(16, 32), groups=4, text_width=16, text_layers=1, text_heads=2, batch=3
        ),
    )
