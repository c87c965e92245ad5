"""Loss curves as a picture, drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

SIZE = (640, 360)
MARGINS = (56, 14, 12, 34)  # left, top, right, bottom
INK, PALE, LINE = (40, 40, 44), (222, 222, 228), (52, 101, 200)


def curve(points: Sequence[tuple[float, float]], title: str) -> Image.Image:
    """points: (samples, loss), by rising samples; the losses on a logarithmic scale where all are positive."""
    width, height = SIZE
    left, top, right, bottom = MARGINS
    sheet = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((left, height - 14), f"{title}: loss over samples", fill=INK)
    if len(points) < 2:
        return sheet
    steep = all(loss > 0 for _, loss in points)
    scaled = [(at, math.log10(loss) if steep else loss) for at, loss in points]
    low, high = min(y for _, y in scaled), max(y for _, y in scaled)
    low, high = (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)
    most = scaled[-1][0] or 1

    def place(at: float, y: float) -> tuple[float, float]:
        across = left + (width - left - right) * at / most
        return across, top + (height - top - bottom) * (high - y) / (high - low)

    for part in range(5):
        y = low + (high - low) * part / 4
        across, down = place(0, y)
        pen.line((across, down, width - right, down), fill=PALE)
        pen.text((4, down - 6), f"{10**y if steep else y:.3g}", fill=INK)
        at = most * part / 4
        pen.text((place(at, low)[0] - (24 if part == 4 else 0), height - bottom + 4), f"{at:,.0f}", fill=INK)
    pen.line([place(at, y) for at, y in scaled], fill=LINE, width=2)
    return sheet
