"""Trees of pictures that grew from one another's steps."""

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from desktop.messages import Branch, GenerationRequest
from desktop.store import schema
from desktop.store.database import Database
from desktop.store.kinship import Kinship
from desktop.store.pictures import Pictures
from desktop.store.request_key import key_of


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
    assert kinship.groups(1, before=newest.id)[0][1] == apple
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


def test_ten_thousand_pictures_are_quick(database, pictures, kinship, request_of):
    import json

    rows = []
    for number in range(2500):
        trunk = request_of(f"apple {number}", seed=number)
        for place, request in enumerate([trunk, *(branch_of(trunk, 6, seed=number + 10**6 * k) for k in (1, 2, 3))]):
            rows.append((10 * number + place, f"{number}-{place}.png", json.dumps(request.to_json()), 1.0))
    with database.transaction() as db:
        db.executemany("INSERT INTO pictures (id, path, request, seconds) VALUES (?, ?, ?, ?)", rows)
    began = time.perf_counter()
    assert kinship.prepare() == 10_000
    keyed = time.perf_counter()
    record = pictures.get(12_340)
    assert len(kinship.family(record)) == 4
    found = time.perf_counter()
    assert len(kinship.groups(25)) == 100
    grouped = time.perf_counter()
    print(
        f"keyed {keyed - began:.2f} s, family {1000 * (found - keyed):.1f} ms, page {1000 * (grouped - found):.1f} ms"
    )
    plan = database.query("EXPLAIN QUERY PLAN SELECT * FROM pictures WHERE trunk = ? AND deleted_at IS NULL", ("x",))
    assert "pictures_trunk" in plan[0]["detail"]
    assert found - keyed < 0.2
    assert grouped - found < 0.5
    assert Path(record.path).name == "1234-0.png"
