"""Labelled grids of pictures, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

LABEL = 14  # height of a caption in pixels


def grid(pictures: Sequence[np.ndarray], labels: Sequence[str], columns: int) -> Image.Image:
    """pictures: (H, W, 3) uint8 of one size, in reading order; labels: as many, "" for none."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    label = LABEL if any(labels) else 0
    sheet = Image.new("RGB", (columns * width, rows * (height + label)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (picture, text) in enumerate(zip(pictures, labels, strict=True)):
        left, top = place % columns * width, place // columns * (height + label)
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (left, top))
        if text:
            pen.text((left + 2, top + height), text, fill="black")
    return sheet
