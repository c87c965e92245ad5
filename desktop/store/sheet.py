"""The pictures of a grid on one sheet, with labels along both axes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from desktop.store.letters import Letters, faces_for

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

SUFFIX = "_grid"  # of a sheet's file name
SIDE_MIN = 256  # pixels of a cell's longer side, so that labels have room over small pictures
SIDE_MAX = 8_000  # pixels of the sheet's longer side; every program opens that
_PAPER, _INK, _QUIET, _EMPTY = "#f4f1ef", "#1c1917", "#6b635e", "#e6e1de"  # the paper lets white pictures have edges


def draw_sheet(
    columns: Sequence[str], rows: Sequence[str], cells: "Mapping[tuple[int, int], Image.Image | str]", caption: str
) -> "Image.Image":
    """RGB. columns, rows: the labels, all of rows empty where there is one row only. cells: by (column, row), a
    picture or a sentence in place of one; at least one picture. caption: a line under it all.

    Every picture gets the same room, in which it keeps its shape; a label longer than its room ends in an ellipsis.
    """
    from PIL import Image, ImageDraw

    pictures = [cell for cell in cells.values() if not isinstance(cell, str)]
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    width, height = room_of((width, height), len(columns), len(rows))
    size = max(12, max(width, height) // 18)  # of the letters
    faces = faces_for([*columns, *rows, caption, *(cell for cell in cells.values() if isinstance(cell, str))])
    letters, small = Letters(size, faces), Letters(max(10, size * 3 // 4), faces)
    gap = max(2, size // 3)
    margin = 3 * gap
    longest = max((letters.length(label) for label in rows), default=0)
    left = margin + (round(min(longest, width)) + margin if longest else 0)
    top = margin + 2 * size
    sheet = Image.new(
        "RGB",
        (
            left + len(columns) * (width + gap) - gap + margin,
            top + len(rows) * (height + gap) - gap + margin + 2 * size,
        ),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(columns):
        middle = left + column * (width + gap) + width // 2
        letters.write(draw, (middle, margin + size // 2), letters.elided(label, width), _INK, "mm")
    for row, label in enumerate(rows if longest else ()):
        place = left - margin, top + row * (height + gap) + height // 2
        letters.write(draw, place, letters.elided(label, width), _INK, "rm")
    for (column, row), cell in cells.items():
        corner = left + column * (width + gap), top + row * (height + gap)
        if isinstance(cell, str):
            draw.rectangle((*corner, corner[0] + width - 1, corner[1] + height - 1), _EMPTY)
            _write(draw, cell, small, corner, (width, height))
            continue
        share = min(width / cell.width, height / cell.height)
        side = max(1, round(cell.width * share)), max(1, round(cell.height * share))
        placed = cell if cell.size == side else cell.resize(side, Image.Resampling.LANCZOS)
        sheet.paste(placed, (corner[0] + (width - side[0]) // 2, corner[1] + (height - side[1]) // 2))
    text = small.elided(caption, sheet.width - left - margin)
    small.write(draw, (left, sheet.height - margin - size // 2), text, _QUIET, "lm")
    return sheet


def room_of(size: tuple[int, int], columns: int, rows: int) -> tuple[int, int]:
    """The room of one picture, in pixels, where the largest are of this size."""
    width, height = size
    scale = max(1.0, SIDE_MIN / max(width, height))
    scale = min(scale, SIDE_MAX / (width * (columns + 1)), SIDE_MAX / (height * (rows + 1)))
    # Rounded down, so that pictures which fill the room already are given the same room again.
    return max(1, int(width * scale)), max(1, int(height * scale))


def _write(
    draw: "ImageDraw.ImageDraw", text: str, letters: Letters, corner: tuple[int, int], room: tuple[int, int]
) -> None:
    """A sentence in the middle of a cell, over as many lines as it needs and fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and letters.length(longer) <= room[0] * 0.84:
            lines[-1] = longer
        else:
            lines.append(letters.elided(word, room[0] * 0.84))
    step = round(letters.size * 1.35)
    shown = lines[: max(1, room[1] // step - 1)]
    top = corner[1] + (room[1] - step * len(shown)) // 2 + step // 2
    for place, line in enumerate(shown):
        letters.write(draw, (corner[0] + room[0] // 2, top + place * step), line, _QUIET, "mm")
