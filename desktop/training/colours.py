"""Colours by name: finding a picture's main one, and giving it another that one could believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """hue: in degrees; saturation, value: what the main parts of a repainted picture come to on average, 0..1."""

    hue: float
    saturation: float
    value: float


PAINTS = {
    "red": Paint(hue=2, saturation=0.85, value=0.86),
    "orange": Paint(hue=28, saturation=0.88, value=0.97),
    "yellow": Paint(hue=50, saturation=0.82, value=0.98),
    "green": Paint(hue=125, saturation=0.65, value=0.72),
    "blue": Paint(hue=214, saturation=0.8, value=0.92),
    "purple": Paint(hue=276, saturation=0.62, value=0.8),
    "pink": Paint(hue=335, saturation=0.42, value=0.99),
}
GRAY_SATURATION = 0.22  # below it a pixel has no colour of its own
SPREAD_DEGREES = 45.0  # hues this near to the main one are of the same part


def to_hsv(rgb: np.ndarray) -> np.ndarray:
    """rgb: (..., 3) float 0..1. Returns hue in degrees, saturation and value 0..1, stacked likewise."""
    high, low = rgb.max(-1), rgb.min(-1)
    span = high - low
    safe = np.where(span > 0, span, 1)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    hue = np.where(
        high == red,
        (green - blue) / safe % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = np.where(span > 0, hue * 60, 0.0)
    return np.stack([hue, span / np.where(high > 0, high, 1), high], -1)


def to_rgb(hsv: np.ndarray) -> np.ndarray:
    """The inverse of to_hsv()."""
    hue, saturation, value = np.moveaxis(hsv, -1, 0)
    steps = np.array([5.0, 3.0, 1.0], hsv.dtype)
    place = (steps + hue[..., None] / 60) % 6
    return value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(place, 4 - place), 0, 1))


def _turn(hue: np.ndarray | float, to: float) -> np.ndarray:
    """Degrees from `to` to `hue`, in -180..180."""
    return (hue - to + 180) % 360 - 180


def _parts(hsv: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Weight 0..1 of each pixel in the main part, and its hue; None where the picture is mostly without colour."""
    not_black = np.clip((hsv[..., 2] - 0.15) / 0.15, 0, 1)
    coloured = alpha * np.clip((hsv[..., 1] - GRAY_SATURATION) / 0.15, 0, 1) * not_black
    if coloured.sum() < 0.3 * alpha.sum():
        light = alpha * np.clip((0.4 - hsv[..., 1]) / 0.15, 0, 1) * np.clip((hsv[..., 2] - 0.3) / 0.15, 0, 1)
        if light.sum() >= coloured.sum():
            return light, None
    votes, _ = np.histogram(hsv[..., 0], 36, (0, 360), weights=coloured * hsv[..., 1])
    smooth = votes + 0.7 * (np.roll(votes, 1) + np.roll(votes, -1))
    hue = float(smooth.argmax() * 10 + 5)
    near = np.clip((SPREAD_DEGREES + 10 - np.abs(_turn(hsv[..., 0], hue))) / 10, 0, 1)
    return coloured * near, hue


def repaint(source: np.ndarray, colour: str) -> np.ndarray:
    """source: (H, W, 4) uint8, premultiplied alpha. Returns it with its main part in `colour`, a key of PAINTS.

    Shades and lights stay: hue is turned, saturation and value are scaled to the paint's. White and gray things are
    tinted.
    """
    paint = PAINTS[colour]
    alpha = source[..., 3].astype(np.float32) / 255
    plain = source[..., :3].astype(np.float32) / 255 / np.maximum(alpha, 1e-3)[..., None]
    hsv = to_hsv(plain.clip(0, 1))
    weight, hue = _parts(hsv, alpha)
    total = max(float(weight.sum()), 1e-6)
    saturation, value = (float((weight * hsv[..., place]).sum()) / total for place in (1, 2))
    new = np.empty_like(hsv)
    if hue is None:
        new[..., 0] = paint.hue
        new[..., 1] = paint.saturation * (1.25 - 0.5 * hsv[..., 2])
        new[..., 2] = hsv[..., 2] * min(1.3, paint.value / max(value, 0.1))
    else:
        new[..., 0] = (paint.hue + 0.35 * _turn(hsv[..., 0], hue)) % 360
        new[..., 1] = hsv[..., 1] * min(2.0, paint.saturation / max(saturation, 0.1))
        new[..., 2] = hsv[..., 2] * float(np.clip(paint.value / max(value, 0.1), 0.7, 2.0))
    new[..., 1:] = new[..., 1:].clip(0, 1)
    mixed = plain + weight[..., None] * (to_rgb(new) - plain)
    painted = np.rint((mixed * alpha[..., None]).clip(0, alpha[..., None]) * 255).astype(np.uint8)
    return np.concatenate([painted, source[..., 3:]], -1)


def main_colour(source: np.ndarray) -> str:
    """The name of the main colour of (H, W, 4) uint8 with premultiplied alpha: a key of PAINTS, or brown, white,
    gray or black.
    """
    alpha = source[..., 3].astype(np.float32) / 255
    plain = source[..., :3].astype(np.float32) / 255 / np.maximum(alpha, 1e-3)[..., None]
    hsv = to_hsv(plain.clip(0, 1))
    weight, hue = _parts(hsv, alpha)
    total = max(float(weight.sum()), 1e-6)
    saturation, value = (float((weight * hsv[..., place]).sum()) / total for place in (1, 2))
    if hue is None:
        return "white" if value > 0.8 else "gray" if value > 0.35 else "black"
    if hue < 50 and value < 0.68:
        return "brown"
    if (hue > 300 or hue < 12) and saturation < 0.6 and value > 0.7:
        return "pink"
    return min(PAINTS, key=lambda name: abs(float(_turn(hue, PAINTS[name].hue))) + (30 if name == "pink" else 0))
