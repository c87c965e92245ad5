"""The sheet of a grid, from pictures that lie in the gallery."""

from pathlib import Path

import pytest
from PIL import Image

from desktop import sheets
from desktop.grids import make_grid, parse_axis
from desktop.messages import GenerationRequest
from desktop.sheets import keep_sheet, sheet_among
from desktop.store import sheet as drawing
from desktop.store.kinship import Kinship
from desktop.store.recipe import GRID, read_recipe

BASE = GenerationRequest(prompt="a red apple", seed=1, width=512, height=256)


@pytest.fixture
def results(pictures):
    """A grid of four, of which one was stopped."""
    made = {
        (column, 0): pictures.save(BASE.replace(seed=column + 1), Image.new("RGB", (512, 256), (200, 0, 0)), 1.0, {})
        for column in range(3)
    }
    return make_grid(BASE, parse_axis("seed", "1-4")), made | {(3, 0): "Stopped"}


def test_pictures_are_reduced_as_they_are_opened(pictures, results, monkeypatch):
    sizes, whole = [], {}

    def listen(columns, rows, cells, caption):
        sizes.extend(cell.size for cell in cells.values() if not isinstance(cell, str))
        whole.update({place: Image.new("RGB", (512, 256), (200, 0, 0)) for place in cells if place != (3, 0)})
        whole[3, 0] = "Stopped"
        return drawing.draw_sheet(columns, rows, cells, caption)

    monkeypatch.setattr(drawing, "SIDE_MAX", 1000)
    monkeypatch.setattr(sheets, "draw_sheet", listen)
    grid, made = results
    record = keep_sheet(grid, made, sheet_among(pictures))
    assert sizes == [(200, 100)] * 3, "a fifth of the sheet's width; the labels have the rest"
    with Image.open(record.path) as sheet:
        expected = drawing.draw_sheet(grid.x.labels, grid.row_labels, whole, sheets.caption(grid))
        assert sheet.size == expected.size
        assert sheet.convert("RGB").tobytes() == expected.tobytes(), "as if drawn from the whole pictures"


def test_a_branch_of_the_grids_base_is_not_listed_under_the_sheet(pictures, database, results):
    from desktop.messages import Branch

    sheet = keep_sheet(*results, sheet_among(pictures))
    assert GRID in read_recipe(Path(sheet.path)).extra
    base = results[1][0, 0]
    assert sheet.request == base.request
    grown = BASE.replace(prompt="a pear", branch=Branch(trunk=BASE, step=3))
    branch = pictures.save(grown, Image.new("RGB", (8, 8)), 1.0, {})
    pictures.delete([base.id])
    kinship = Kinship(database, pictures)
    assert kinship.trunk_of(branch) is None
    assert len(kinship.family(sheet)) == 1
    assert {depth for depth, _ in kinship.groups(10)} == {0}
