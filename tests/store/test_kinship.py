"""Trees of pictures that grew from one another's steps."""

import contextlib
import json
import sqlite3

import pytest

from desktop.messages import Branch, GenerationRequest
from desktop.store import schema
from desktop.store.database import Database
from desktop.store.kinship import Kinship
from desktop.store.pictures import Pictures
from desktop.store.recipe import GRID
from desktop.store.request_key import key_of
from desktop.store.sheet import SUFFIX


@pytest.fixture
def kinship(database, pictures):
    return Kinship(database, pictures)


@pytest.fixture
def save(pictures, image):
    def save(request, **made):
        return pictures.save(request, image, 1.0, made)

    return save


def branch_of(trunk, step, **changes):
    return trunk.replace(branch=Branch(trunk=trunk, step=step), **changes)


def drawn(kin):
    """The tree as (depth, prompt, whether it is there)."""
    return [(one.depth, one.request.prompt, one.record is not None) for one in kin]


@pytest.fixture
def tree(save, request_of):
    """An apple, a pear and a plum that grew from it, a lemon that grew from the pear."""
    apple = save(request_of("apple"))
    pear = save(branch_of(apple.request, 6, prompt="pear"))
    plum = save(branch_of(apple.request, 9, prompt="plum", seed=7))
    lemon = save(branch_of(pear.request, 12, prompt="lemon"))
    return apple, pear, plum, lemon


def test_every_picture_of_a_tree_knows_the_whole_tree(kinship, tree, save, request_of):
    save(request_of("alone"))
    whole = [(0, "apple", True), (1, "pear", True), (2, "lemon", True), (1, "plum", True)]
    for record in tree:
        assert drawn(kinship.family(record)) == whole


def test_a_picture_without_kin_stands_alone(kinship, save, request_of):
    alone = save(request_of("alone"))
    assert [kin.record for kin in kinship.family(alone)] == [alone]
    orphan = save(branch_of(request_of("never saved"), 3, prompt="orphan"))
    assert drawn(kinship.family(orphan)) == [(0, "never saved", False), (1, "orphan", True)]


def test_a_deleted_trunk_is_named_and_the_tree_holds(kinship, pictures, tree):
    apple, pear, _, lemon = tree
    deletion = pictures.delete([apple.id, pear.id])
    assert drawn(kinship.family(lemon)) == [
        (0, "apple", False),
        (1, "pear", False),
        (2, "lemon", True),
        (1, "plum", True),
    ]
    pictures.undo(deletion)
    assert all(there for _, _, there in drawn(kinship.family(lemon)))


def test_groups_put_branches_behind_their_trunk_and_the_rest_by_age(kinship, pictures, tree, save, request_of):
    apple, *_ = tree
    newest = save(request_of("newest"))
    groups = kinship.groups(10)
    assert [(depth, record.request.prompt) for depth, record in groups] == [
        (0, "newest"),
        (0, "apple"),
        (1, "pear"),
        (2, "lemon"),
        (1, "plum"),
    ]
    assert kinship.groups(1)[0][1] == newest
    assert kinship.groups(1, after=newest.id)[0][1] == apple
    pictures.delete([apple.id])
    assert [(depth, record.request.prompt) for depth, record in kinship.groups(10)] == [
        (0, "newest"),
        (0, "plum"),
        (0, "pear"),
        (1, "lemon"),
    ]
    assert kinship.count() == 3


def test_of_pictures_made_alike_one_has_the_branches(kinship, save, request_of):
    first = save(request_of("apple"))
    second = save(request_of("apple"))
    save(branch_of(first.request, 6, prompt="pear"))
    assert [(depth, record.id) for depth, record in kinship.groups(10) if depth == 0] == [
        (0, second.id),
        (0, first.id),
    ]
    assert len(kinship.groups(10)) == 3


def test_a_key_stays_when_a_setting_is_added_that_is_empty(request_of):
    request = request_of("apple")
    assert key_of(request) == key_of(GenerationRequest.from_json(request.to_json()))
    assert key_of(request) != key_of(request.replace(seed=8))
    assert key_of(request) != key_of(branch_of(request, 3))
    assert key_of(branch_of(request, 3)) != key_of(branch_of(request, 4))


def test_pictures_of_an_older_program_are_keyed_and_their_steps_found(folders, image, request_of, trashed, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        older.setattr(schema, "MINOR", 1)
        Database(folders.database).close_all()
    database = Database(folders.database)
    pictures = Pictures(database, folders)
    apple = pictures.save(request_of("apple"), image, 1.0, {"timeline": "a" * 32})
    pear = pictures.save(branch_of(apple.request, 6, prompt="pear"), image, 1.0, {})
    pictures.rate(pear.id, 4)
    with contextlib.closing(sqlite3.connect(folders.database)) as db, db:
        db.execute("UPDATE pictures SET own = NULL, trunk = NULL, timeline = NULL")  # as the migration leaves them
    kinship = Kinship(database, pictures)
    assert drawn(kinship.family(pear)) == [(0, "apple", True), (1, "pear", True)]
    assert kinship.timelines() == (set(), {"a" * 32: {6}})
    database.close_all()


def test_rated_pictures_name_their_steps(kinship, pictures, save, request_of):
    apple = save(request_of("apple"), timeline="a" * 32)
    save(request_of("pear"), timeline="b" * 32)
    pictures.rate(apple.id, 5)
    assert kinship.timelines() == ({"a" * 32}, {})


def test_a_rebuilt_database_knows_the_trees_again(kinship, pictures, database, tree):
    with database.transaction() as db:
        db.execute("DELETE FROM pictures")
        db.execute("DELETE FROM pictures_text")
    pictures.rebuild()
    (apple,) = [record for record in pictures.list() if record.request.prompt == "apple"]
    assert len(kinship.family(apple)) == 4


@pytest.fixture
def fill(database):
    """Records requests without files, with ids from 10 on, ten apart."""

    def fill(*requests):
        rows = [(10 * n, f"{n}.png", json.dumps(one.to_json()), 1.0) for n, one in enumerate(requests, 1)]
        with database.transaction() as db:
            db.executemany("INSERT INTO pictures (id, path, request, seconds) VALUES (?, ?, ?, ?)", rows)

    return fill


@pytest.mark.parametrize("page", [1, 7, 100, 1000])
def test_no_branch_of_many_is_left_out_however_the_pages_fall(kinship, pictures, fill, request_of, page):
    apple, pear = request_of("apple"), request_of("pear")
    branches = [branch_of(apple, 6, seed=seed) for seed in range(231)]
    twigs = [branch_of(branches[number], 9, prompt="plum") for number in (0, 100, 230)]
    fill(apple, *branches, *twigs, pear)
    assert kinship.prepare() == 236
    found, last = [], None
    while rows := kinship.groups(page, last):
        assert len(rows) <= page
        found += rows
        last = rows[-1][1].id
    assert len(found) == len({record.id for _, record in found}) == 236
    assert [record.request.prompt for _, record in found[:2]] == ["pear", "apple"]
    assert [depth for depth, _ in found[:6]] == [0, 0, 1, 2, 1, 1]
    assert (found[-1][0], found[-1][1].request.prompt) == (2, "plum")


def test_the_next_page_is_found_though_the_last_picture_was_deleted(kinship, pictures, fill, request_of):
    apple = request_of("apple")
    fill(request_of("pear"), apple, *(branch_of(apple, 6, seed=seed) for seed in range(4)))
    kinship.prepare()
    last = kinship.groups(3)[-1][1]
    pictures.delete([last.id])
    assert [record.request.seed for _, record in kinship.groups(10, last.id)] == [2, 3, 42]
    pictures.flush_deleted()
    whole = kinship.groups(10)
    assert len(whole) == 5
    assert kinship.groups(10, last.id) == whole, "rather twice than never"


def test_the_sheet_of_a_grid_is_nobodys_trunk(kinship, pictures, database, image, save, request_of):
    apple = save(request_of("apple"))
    sheet = pictures.save(apple.request, image, 1.0, {GRID: {}}, suffix=SUFFIX)
    pear = save(branch_of(apple.request, 6, prompt="pear"))
    pictures.delete([apple.id])
    expected = [(0, "pear"), (0, "apple")]
    for _ in range(3):
        assert [(depth, record.request.prompt) for depth, record in kinship.groups(10)] == expected
        assert [kin.record for kin in kinship.family(pictures.by_path(sheet.path))] == [pictures.by_path(sheet.path)]
        assert kinship.trunk_of(pear) is None
        assert kinship.prepare() == 0
        with database.transaction() as db:  # as a picture that was recorded before there were keys
            db.execute("UPDATE pictures SET own = NULL, trunk = NULL")
        assert kinship.prepare() == 3
        with database.transaction() as db:
            db.execute("DELETE FROM pictures_text WHERE rowid IN (SELECT id FROM pictures WHERE deleted_at IS NULL)")
            db.execute("DELETE FROM pictures WHERE deleted_at IS NULL")
        assert len(pictures.rebuild().added) == 2


def test_the_sheet_of_a_grid_of_branches_is_no_branch(kinship, pictures, image, save, request_of):
    apple = save(request_of("apple"))
    sheet = pictures.save(branch_of(apple.request, 6), image, 1.0, {GRID: {}}, suffix=SUFFIX)
    assert kinship.trunk_of(sheet) is None
    assert kinship.groups(10) == ((0, sheet), (0, apple))
    assert kinship.count() == 0


def test_trees_and_pages_are_read_by_indexes(database, pictures, kinship, fill, request_of, monkeypatch):
    requests = []
    for number in range(60):
        trunk = request_of(f"apple {number}", seed=number)
        requests += [trunk, *(branch_of(trunk, 6, seed=number + 10**6 * k) for k in (1, 2, 3))]
    fill(*requests)
    assert kinship.prepare() == 240
    asked, opened = [], []
    query, to_record = database.query, pictures._to_record
    monkeypatch.setattr(database, "query", lambda sql, values=(): asked.append((sql, values)) or query(sql, values))
    monkeypatch.setattr(pictures, "_to_record", lambda row: opened.append(row) or to_record(row))
    assert len(kinship.family(pictures.get(10))) == 4
    assert len(asked) <= 10
    del opened[:]
    assert len(kinship.groups(100)) == 100
    assert len(opened) == 100, "no picture is unpacked that the page does not show"
    assert len(asked) <= 10 + 2 * 100 + 10
    plans = [[row["detail"] for row in query(f"EXPLAIN QUERY PLAN {sql}", values)] for sql, values in asked]
    heads = [plan for (sql, _), plan in zip(asked, plans, strict=True) if " AS p " in sql]
    assert heads
    for plan in plans:
        assert not any("TEMP B-TREE" in step for step in plan), "sorted in memory"
        scans = [step for step in plan if step.startswith("SCAN")]
        assert scans == (["SCAN p"] if plan in heads else []), "newest first by its id, until the page is full"
