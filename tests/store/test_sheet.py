"""Pictures on one sheet: each in its place, labels beside them, nothing that runs over."""

import pytest
from PIL import Image, ImageDraw

from desktop.store.picture_file import PIXELS_MAX
from desktop.store.sheet import SIDE_MAX, draw_sheet

RED, GREEN = (200, 0, 0), (0, 200, 0)


@pytest.fixture
def written(monkeypatch):
    """Every text that is drawn, with its box on the sheet."""
    found = []
    draw = ImageDraw.ImageDraw.text

    def listen(self, place, text, fill=None, font=None, anchor=None, **more):
        found.append((text, self.textbbox(place, text, font=font, anchor=anchor)))
        return draw(self, place, text, fill, font, anchor, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", listen)
    return found


def boxes(sheet, color):
    """Where a colour is, as (left, top, right, bottom)."""
    mask = Image.new("L", sheet.size)
    pixels = sheet.load()
    mask.putdata([255 * (pixels[x, y] == color) for y in range(sheet.height) for x in range(sheet.width)])
    return mask.getbbox()


def picture(color, width=64, height=64):
    return Image.new("RGB", (width, height), color)


def test_labels_stand_over_the_columns_and_beside_the_rows(written):
    cells = {(0, 0): picture(RED), (1, 0): picture(GREEN), (0, 1): picture(GREEN), (1, 1): "Stopped"}
    sheet = draw_sheet(["10 steps", "20 steps"], ["seed 1", "seed 2"], cells, "a fox")
    places = dict(written)
    assert list(places) == ["10 steps", "20 steps", "seed 1", "seed 2", "Stopped", "a fox"]
    left, top, right, bottom = boxes(sheet, RED)
    assert right - left == bottom - top == 256, "a small picture is enlarged, so that labels have room"
    column, row = places["10 steps"], places["seed 1"]
    assert column[3] <= top
    assert left <= column[0] < column[2] <= right
    assert row[2] <= left
    assert top <= row[1] < row[3] <= bottom
    assert places["a fox"][1] > places["Stopped"][3]
    assert all(0 <= x0 < x1 <= sheet.width and 0 <= y0 < y1 <= sheet.height for x0, y0, x1, y1 in places.values())


def test_a_label_longer_than_its_picture_ends_in_an_ellipsis(written):
    long = "a very long line of words that no picture is as wide as, and then some more of them"
    sheet = draw_sheet([long, "b"], [long, "d"], {(c, r): picture(RED) for c in (0, 1) for r in (0, 1)}, long * 9)
    for text, (left, _, right, _) in written:
        assert 0 <= left <= right <= sheet.width
        assert text in ("b", "d") or text.endswith("…")
    assert sheet.width < 4 * 300


def test_pictures_of_other_shapes_keep_theirs():
    cells = {(0, 0): picture(RED, 300, 300), (1, 0): picture(GREEN, 300, 150)}
    left, top, right, bottom = boxes(draw_sheet(["a", "b"], [""], cells, ""), GREEN)
    assert (right - left, bottom - top) == (300, 150)


def test_a_sheet_of_a_hundred_large_pictures_stays_within_bounds(monkeypatch):
    monkeypatch.setattr("desktop.store.sheet.SIDE_MAX", 1000)
    cell = picture(RED, 512, 256)
    cells = {(c, r): cell for c in range(10) for r in range(10)}
    sheet = draw_sheet(["x"] * 10, ["y"] * 10, cells, "")
    assert max(sheet.size) <= 1000
    assert SIDE_MAX**2 < PIXELS_MAX, "else the gallery could not open it"


def test_a_sentence_in_place_of_a_picture_is_broken_into_lines(written):
    words = "There is not enough memory for a picture of 4096x4096. Choose a smaller size."
    draw_sheet(["a", "b"], [""], {(0, 0): picture(RED), (1, 0): words}, "")
    lines = [text for text, _ in written][2:]
    assert len(lines) >= 2
    assert " ".join(lines) == words
