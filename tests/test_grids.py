"""A grid's axes, its pictures and how far they are; nothing is drawn here."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from desktop.errors import KnownError
from desktop.grids import (
    CELLS_MAX,
    SETTINGS,
    Axis,
    CellState,
    GridProgress,
    from_step,
    grid_from,
    make_grid,
    parse_axis,
)
from desktop.messages import Cancelled, Failed, GenerationRequest, Lora, PictureRecord, Preview, Saved, Started

# On a machine that has other work the first values take long to come, which says nothing about the axes.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BASE = GenerationRequest(prompt="a red apple on a red plate", seed=7)


@pytest.mark.parametrize(
    ("setting", "text", "values"),
    [
        ("seed", "1-4", (1, 2, 3, 4)),
        ("seed", "4-1", (4, 3, 2, 1)),
        ("seed", " 7 ,12,  3 ", (7, 12, 3)),
        ("steps", "20, 30, 40", (20, 30, 40)),
        ("steps", "10-40:10, 100", (10, 20, 30, 40, 100)),
        ("guidance", "1.5–3", (1.5, 2.5)),
        ("guidance", "0.2-0.8:0.2", (0.2, 0.4, 0.6, 0.8)),
        ("lora", "-1-1:0.5", (-1, -0.5, 0, 0.5, 1)),
        ("scheduler", "dpmpp_2m, Euler, DPMPP-2M karras", ("dpmpp_2m", "euler", "dpmpp_2m_karras")),
        ("model", 'starter, "/a folder, with a comma"', ("starter", "/a folder, with a comma")),
        ("words", 'red, green, "deep, dark blue",', ("red", "green", "deep, dark blue", "")),
        ("seed", str(2**64 - 1), (2**64 - 1,)),
    ],
)
def test_values_are_read_as_they_are_typed(setting, text, values):
    assert parse_axis(setting, text).values == values


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("size", "1"),
        ("seed", ""),
        ("seed", " , "),
        ("seed", "1.5"),
        ("seed", "one"),
        ("seed", "1-4:0"),
        ("seed", "0-1000000000000"),
        ("steps", "1-"),
        ("guidance", "1e3"),
        ("guidance", "nan"),
        ("words", "red"),
        ("words", ", red"),
        ("words", 'red, "green'),
        ("seed", ",".join(["1"] * (CELLS_MAX + 1))),
        ("model", "x" * 30_000),
    ],
)
def test_what_makes_no_values_is_said_in_a_sentence(setting, text):
    with pytest.raises(KnownError) as told:
        parse_axis(setting, text)
    assert told.value.hint
    assert "\n" not in str(told.value)


@patient
@given(some.lists(some.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_whole_numbers_come_back_as_they_were_written(numbers):
    assert parse_axis("seed", ", ".join(map(str, numbers))).values == tuple(numbers)


@patient
@given(some.integers(0, 10**12), some.integers(0, CELLS_MAX - 1), some.integers(1, 10**6))
def test_a_range_has_every_step_and_both_ends(low, count, step):
    values = parse_axis("seed", f"{low}-{low + count * step}:{step}").values
    assert values == tuple(range(low, low + count * step + 1, step))


@patient
@given(some.lists(some.decimals(-50, 50, places=2, allow_nan=False), min_size=1, max_size=20))
def test_decimals_come_back_as_they_were_written(numbers):
    assert parse_axis("guidance", ",".join(map(str, numbers))).values == tuple(map(float, numbers))


@patient
@given(some.sampled_from(SETTINGS), some.text(max_size=60))
def test_whatever_is_typed_gives_values_or_a_sentence(setting, text):
    try:
        axis = parse_axis(setting, text)
    except KnownError as error:
        assert error.message
    else:
        assert 1 <= len(axis.values) <= CELLS_MAX
        assert len(axis.labels) == len(axis.values)


@patient
@given(some.text(some.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='",'), min_size=1))
def test_words_take_the_place_of_the_words_in_the_prompt(word):
    grid = make_grid(BASE.replace(prompt=f"a {word} thing"), parse_axis("words", f'{word}, "new, one"'))
    assert grid.requests[0].prompt == f"a {word} thing"
    assert "new, one" in grid.requests[1].prompt


def test_cells_go_row_by_row_and_each_has_both_values():
    grid = make_grid(BASE, parse_axis("steps", "10, 20, 30"), parse_axis("guidance", "2, 4"))
    assert (grid.columns, grid.rows) == (3, 2)
    assert [(r.steps, r.guidance_scale) for r in grid.requests] == [
        (10, 2),
        (20, 2),
        (30, 2),
        (10, 4),
        (20, 4),
        (30, 4),
    ]
    assert grid.at(2, 1) == BASE.replace(steps=30, guidance_scale=4.0)
    assert grid.x.labels == ("10 steps", "20 steps", "30 steps")
    assert grid.row_labels == ("guidance 2", "guidance 4")


def test_without_a_second_setting_there_is_one_row():
    grid = make_grid(BASE, parse_axis("seed", "1-3"))
    assert (grid.columns, grid.rows, grid.row_labels) == (3, 1, ("",))


def test_two_lists_of_words_are_put_in_at_once():
    grid = make_grid(BASE, parse_axis("words", "red, plate"), parse_axis("words", "plate, red"))
    assert grid.at(1, 1).prompt == "a plate apple on a plate red"


def test_equal_cells_are_one_picture():
    grid = make_grid(BASE, parse_axis("seed", "7, 8, 7"), parse_axis("words", "red, green, red"))
    assert len(grid.requests) == 9
    assert len(grid.order) == 4
    assert grid.places(BASE) == ((0, 0), (2, 0), (0, 2), (2, 2))


def test_pictures_of_one_model_are_drawn_together():
    grid = make_grid(BASE, parse_axis("model", "one, two"), parse_axis("seed", "1-3"))
    assert [r.model for r in grid.order] == ["one"] * 3 + ["two"] * 3
    assert [r.seed for r in grid.order] == [1, 2, 3, 1, 2, 3]


def test_the_first_loras_weight_varies_and_the_others_stay():
    base = BASE.replace(loras=(Lora(file="/one"), Lora(file="/two", weight=0.3)))
    grid = make_grid(base, parse_axis("lora", "0, 0.5"))
    assert [[lora.weight for lora in r.loras] for r in grid.requests] == [[0, 0.3], [0.5, 0.3]]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (("seed", "1-20"), ("steps", "1-6"), "120 pictures"),
        (("seed", "1-2"), ("seed", "3-4"), "Both axes vary the seed"),
        (("words", "red, blue"), ("words", "red, green"), "Both axes vary the words"),
        (("words", "pear, plum"), None, "no 'pear'"),
        (("strength", "0.2, 0.4"), None, "no start picture"),
        (("lora", "0, 1"), None, "no LoRA"),
        (("steps", "0, 1"), None, "number of steps is 0"),
        (("scheduler", "magic"), None, "no scheduler"),
    ],
)
def test_what_makes_no_grid_is_said_in_a_sentence(x, y, words):
    with pytest.raises(KnownError, match=words) as told:
        make_grid(BASE, parse_axis(*x), None if y is None else parse_axis(*y))
    assert told.value.hint


def test_from_a_step_on_only_what_a_branch_may_change_varies():
    base = from_step(BASE, 5, prompt="a red pear")
    grid = make_grid(base, parse_axis("seed", "1, 2"), parse_axis("words", "red, green"))
    assert {(r.branch.trunk, r.branch.step) for r in grid.requests} == {(BASE, 5)}
    assert {r.scheduler for r in make_grid(base, parse_axis("scheduler", "ddim, ddpm")).requests} == {"ddim", "ddpm"}
    for setting, text in (("steps", "10, 20"), ("model", "other")):
        with pytest.raises(KnownError, match="begins at a step of a picture"):
            make_grid(base, parse_axis(setting, text))


def test_labels_name_the_setting_where_the_value_alone_says_nothing():
    assert Axis(setting="steps", values=(1, 20)).labels == ("1 step", "20 steps")
    assert Axis(setting="model", values=("starter", "/models/my.safetensors")).labels == ("starter", "my.safetensors")
    assert Axis(setting="words", values=("red", "", "blue")).labels == ("red", "without red", "blue")


def test_progress_follows_each_picture_to_its_end():
    grid = make_grid(BASE, parse_axis("seed", "7, 8, 9, 7"))
    progress = GridProgress(grid)
    for number, request in enumerate(grid.order):
        progress.add(f"job{number}", request)
    assert progress.total == 3
    assert progress.open_jobs == ("job2", "job1", "job0")
    assert progress.take(Started(job_id="job0", request=BASE)) == ((0, 0), (3, 0))
    assert progress.take(Started(job_id="other", request=BASE)) == ()
    step = Preview(job_id="job0", step=2, total=20, frame=None, seconds=1.0, seconds_left=None)
    assert progress.take(step) == ((0, 0), (3, 0))
    assert (progress.cell(3, 0).state, progress.cell(3, 0).step) == (CellState.DRAWING, 2)
    record = PictureRecord(id=1, path="/a.png", request=BASE, created_at=0.0, seconds=1.0)
    progress.take(Saved(job_id="job0", record=record))
    assert progress.cell(0, 0).record is record
    assert progress.job_at(0, 0) is None
    progress.take(Failed(job_id="job1", request=grid.at(1, 0), message="No memory", hint="Close programs."))
    assert progress.cell(1, 0).message == "No memory. Close programs."
    assert not progress.ended
    assert progress.job_at(2, 0) == "job2"
    progress.take(Cancelled(job_id="job2", request=grid.at(2, 0), step=0))
    assert progress.ended
    assert [progress.count(state) for state in (CellState.DONE, CellState.FAILED, CellState.STOPPED)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (("seed", f"1, {2**64 - 1}"), ("words", "apple, pear,")),
        (("guidance", "2.5, 7"), None),
        (("scheduler", "ddim, euler"), ("lora", "0.5")),
        (("strength", "0.2-0.8:0.2"), ("steps", "3")),
    ],
)
def test_a_kept_grid_is_the_same_grid_again(x, y):
    base = BASE.replace(start_picture="a" * 64, loras=(Lora(file="/x"),))
    grid = make_grid(base, parse_axis(*x), None if y is None else parse_axis(*y))
    assert grid_from(json.loads(json.dumps(grid.kept()))) == grid


@pytest.mark.parametrize(
    "change",
    [
        {"x": None},
        {"x": {"setting": "size", "values": [1]}},
        {"x": {"setting": "seed", "values": []}},
        {"x": {"setting": "seed", "values": [True]}},
        {"x": {"setting": "seed", "values": ["7"]}},
        {"x": {"setting": "seed", "values": [-7]}},
        {"y": {"setting": "words", "values": ["nowhere", "b"]}},
        {"base": {"prompt": ""}},
    ],
)
def test_a_damaged_one_is_refused(change):
    kept = make_grid(BASE, parse_axis("seed", "1, 2")).kept()
    with pytest.raises((KnownError, LookupError, TypeError, ValueError)):
        grid_from(kept | change)


def test_what_no_job_draws_any_more_is_done_or_stopped():
    progress = GridProgress(make_grid(BASE, parse_axis("seed", "1-3")))
    record = PictureRecord(id=1, path="/1.png", request=progress.grid.at(0, 0), created_at=0.0, seconds=1.0)
    progress.add("job", progress.grid.at(2, 0))
    assert not progress.ended
    progress.settle({record.request: record})
    assert [progress.cell(n, 0).state for n in range(3)] == [CellState.DONE, CellState.STOPPED, CellState.WAITING]
    progress.take(Cancelled(job_id="job", request=progress.grid.at(2, 0), step=0))
    assert progress.ended
    assert progress.results() == {(0, 0): record, (1, 0): "Stopped", (2, 0): "Stopped"}
