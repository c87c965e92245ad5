"""The training pictures as arrays, and the small changes of size, place and tilt they are seen with."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from desktop.errors import KnownError

SIZE = 256  # side of a training picture in pixels
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


def reduced(source: np.ndarray, side: float) -> np.ndarray:
    """source: (H, W, 4) uint8, premultiplied. Returns it smaller by a whole number, but not below `side` pixels high,
    so that what is left to the resampling of lay() is less than a half.
    """
    height, width = source.shape[:2]
    by = int(height // max(1.0, side))
    if by < 2:
        return source
    small = Image.frombytes("RGBa", (width, height), source.tobytes()).reduce(by)
    return np.frombuffer(small.tobytes(), np.uint8).reshape(small.height, small.width, 4)


def lay(source: np.ndarray, view: View, size: int = SIZE) -> np.ndarray:
    """source: (H, W, 4) uint8, premultiplied, see reduced(). Returns (size, size, 4) likewise."""
    height, width = source.shape[:2]
    picture = Image.frombytes("RGBa", (width, height), source.tobytes())
    factor = height / (size * view.scale)
    angle = np.deg2rad(view.angle)
    cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
    dx, dy = size / 2 + view.shift[0], size / 2 + view.shift[1]
    matrix = (cos, sin, width / 2 - cos * dx - sin * dy, -sin, cos, height / 2 + sin * dx - cos * dy)
    drawn = picture.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.frombuffer(drawn.tobytes(), np.uint8).reshape(size, size, 4)


def onto(laid: np.ndarray, background: tuple[int, int, int] | np.ndarray = WHITE) -> np.ndarray:
    """laid: (..., H, W, 4) uint8, premultiplied. Returns (..., H, W, 3) uint8 on a plain colour or a picture."""
    paper = np.asarray(background, np.float32)
    flat = laid[..., :3] + paper * (1 - laid[..., 3:].astype(np.float32) / 255)
    return np.clip(np.rint(flat), 0, 255).astype(np.uint8)


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 to (..., 3, H, W) float32 in -1..1."""
    return np.ascontiguousarray(np.moveaxis(pixels.astype(np.float32) / 127.5 - 1, -1, -3))


def to_pixels(unit: np.ndarray) -> np.ndarray:
    """(..., 3, H, W) float in -1..1 to (..., H, W, 3) uint8, rounded."""
    return np.clip(np.rint((np.moveaxis(unit, -3, -1) + 1) * 127.5), 0, 255).astype(np.uint8)
