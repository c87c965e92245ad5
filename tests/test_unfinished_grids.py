"""Grids are kept until their sheet is in the gallery, and no longer."""

import pytest
from PIL import Image

from desktop import sheets
from desktop.errors import KnownError
from desktop.grids import make_grid, parse_axis
from desktop.messages import GenerationRequest
from desktop.unfinished_grids import UnfinishedGrids

BASE = GenerationRequest(prompt="a red apple", seed=1, width=64, height=64)
GRID = make_grid(BASE, parse_axis("seed", "1-3"))


@pytest.fixture
def grids(database, pictures):
    return UnfinishedGrids(database, pictures)


def draw(pictures, request):
    return pictures.save(request, Image.new("RGB", (64, 64), "teal"), 1.0, {})


def test_a_grid_is_there_until_it_is_finished(grids, pictures):
    number, other = grids.keep(GRID), grids.keep(make_grid(BASE, parse_axis("steps", "2, 3")))
    assert grids.load()[0] == (number, GRID)
    records = {(column, 0): draw(pictures, GRID.at(column, 0)) for column in range(3)}
    sheet = grids.finish(number, GRID, records)
    assert pictures.list()[0] == sheet
    assert [kept for kept, _ in grids.load()] == [other]


def test_its_pictures_are_found_again_and_its_sheet_is_none_of_them(grids, pictures):
    number = grids.keep(GRID)
    first = draw(pictures, GRID.at(0, 0))
    newest = draw(pictures, GRID.at(0, 0))
    deleted = draw(pictures, GRID.at(1, 0))
    pictures.delete([deleted.id])
    grids.finish(number, GRID, {(0, 0): first, (1, 0): "Stopped", (2, 0): "Stopped"})
    assert grids.drawn(GRID) == {newest.request: newest}


def test_without_a_picture_there_is_no_sheet_and_nothing_to_keep(grids, pictures):
    number = grids.keep(GRID)
    assert grids.finish(number, GRID, {(column, 0): "Stopped" for column in range(3)}) is None
    assert grids.load() == ()


def test_a_full_disk_keeps_it_for_the_next_start_and_a_bug_does_not(grids, pictures, monkeypatch):
    number = grids.keep(GRID)
    results = {(column, 0): draw(pictures, GRID.at(column, 0)) for column in range(3)}

    def fails_with(error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(sheets, "keep_sheet", fail)
        with pytest.raises(type(error)):
            grids.finish(number, GRID, results)

    fails_with(KnownError("The disk is full"))
    assert grids.load() == ((number, GRID),)
    fails_with(ZeroDivisionError())
    assert grids.load() == ()


def test_what_somebody_damaged_is_forgotten(grids, database):
    kept = grids.keep(GRID)
    with database.transaction() as db:
        db.executemany("INSERT INTO grids (grid) VALUES (?)", [("{",), ("[]",), ("{}",), ("1",), ("[" * 100_000,)])
    assert grids.load() == ((kept, GRID),)
    assert database.query("SELECT count(*) FROM grids")[0][0] == 1
