"""The training pictures as arrays, and the small changes of size, place and tilt they are seen with."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from desktop.errors import KnownError
from desktop.training import archive

SIZE = 128  # side of a training picture in pixels
SOURCE_SIDE_MAX = 512
MARGIN = 0.86  # the pictures touch their frame; this leaves air around them

PASTELS = {  # name in the caption -> RGB
    "blue": (190, 216, 245),
    "pink": (250, 208, 220),
    "yellow": (252, 238, 180),
    "green": (200, 232, 200),
    "gray": (214, 214, 218),
}
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a picture is laid into the square: scale is of the square's side, shift in pixels, angle in degrees."""

    scale: float = MARGIN
    shift: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    background: tuple[int, int, int] = WHITE


def decode(data: bytes) -> np.ndarray:
    """A WebP or PNG as (H, W, 4) uint8 with premultiplied alpha.
    Raises: KnownError where it is no picture or larger than SOURCE_SIDE_MAX.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as picture:
                if max(picture.size) > SOURCE_SIDE_MAX:
                    raise ValueError("too large")
                return np.asarray(picture.convert("RGBA").convert("RGBa")).copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise KnownError("A training picture cannot be read", hint="Delete the archive and start again.") from error


def load(work: Path) -> dict[str, bytes]:
    """Code points ("1f34e", "2708-fe0f") to WebP bytes, for every picture of the package."""
    found = {}
    for name, data in archive.members(archive.fetch(archive.FLUENT, work)):
        if name.startswith("assets/") and name.endswith(".webp"):
            found[name.removeprefix("assets/").removesuffix(".webp")] = data
    if not found:
        raise KnownError("The picture package holds no pictures", hint="Delete its archive and start again.")
    return found


def lay(source: np.ndarray, view: View, size: int = SIZE) -> np.ndarray:
    """source: (H, W, 4) uint8, premultiplied. Returns (size, size, 4) likewise, without the view's background.
    Drawn at twice the size and halved, so that a tilted edge stays smooth.
    """
    height, width = source.shape[:2]
    big = 2 * size
    picture = Image.frombytes("RGBa", (width, height), source.tobytes())
    factor = height / (big * view.scale)
    angle = np.deg2rad(view.angle)
    cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
    dx, dy = size + 2 * view.shift[0], size + 2 * view.shift[1]
    matrix = (cos, sin, width / 2 - cos * dx - sin * dy, -sin, cos, height / 2 + sin * dx - cos * dy)
    drawn = picture.transform((big, big), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    drawn = drawn.resize((size, size), Image.Resampling.BOX)
    return np.frombuffer(drawn.tobytes(), np.uint8).reshape(size, size, 4)


def onto(laid: np.ndarray, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    """laid: (..., H, W, 4) uint8, premultiplied. Returns (..., H, W, 3) uint8 on a plain colour."""
    paper = np.asarray(background, np.float32)
    flat = laid[..., :3] + paper * (1 - laid[..., 3:].astype(np.float32) / 255)
    return np.clip(np.rint(flat), 0, 255).astype(np.uint8)


def render(source: np.ndarray, view: View, size: int = SIZE) -> np.ndarray:
    """lay() and onto() in one: (size, size, 3) uint8."""
    return onto(lay(source, view, size), view.background)


def random_view(rng: np.random.Generator, *, strength: float = 1.0) -> View:
    """A mild change: scale within 8 %, shift within 5 pixels, tilt within 7 degrees at strength 1.
    Never mirrored: a small denoiser that is shown both ways round draws a snail with two heads.
    """
    return View(
        scale=MARGIN * float(1 + 0.08 * strength * rng.uniform(-1, 1)),
        shift=(float(5 * strength * rng.uniform(-1, 1)), float(5 * strength * rng.uniform(-1, 1))),
        angle=float(7 * strength * rng.uniform(-1, 1)),
    )


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 to (..., 3, H, W) float32 in -1..1."""
    return np.ascontiguousarray(np.moveaxis(pixels.astype(np.float32) / 127.5 - 1, -1, -3))


def to_pixels(unit: np.ndarray) -> np.ndarray:
    """(..., 3, H, W) float in -1..1 to (..., H, W, 3) uint8, rounded."""
    return np.clip(np.rint((np.moveaxis(unit, -3, -1) + 1) * 127.5), 0, 255).astype(np.uint8)
