"""The grid from the command line, on the built-in model: its pictures, its sheet, and what is computed only once."""

import json
from pathlib import Path

import pytest

from desktop.__main__ import main
from desktop.errors import KnownError
from desktop.replay import Replay
from desktop.settings import Folders
from desktop.store.picture_file import open_picture
from desktop.store.recipe import read_recipe, read_request
from desktop.studio import Studio

STEPS = 6


@pytest.fixture
def network_runs(monkeypatch):
    """One entry for each time the denoiser was run."""
    from diffusers import UNet2DConditionModel

    forward, runs = UNet2DConditionModel.forward, []

    def count(self, *args, **kwargs):
        runs.append(1)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(UNet2DConditionModel, "forward", count)
    return runs


def grid(capsys, *arguments, status=0):
    """What the last line of --json says."""
    assert main(["grid", "a red apple", "--seed", "5", "--steps", str(STEPS), *arguments, "--json"]) == status
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return events[-1], events[:-1]


def test_every_cell_is_the_picture_that_the_same_request_gives_alone(tmp_path, capsys):
    told, events = grid(capsys, "--x", "guidance=2, 6", "--y", "words=apple, pear", "--out", str(tmp_path / "grid"))
    assert [event["event"] for event in events].count("saved") == 4
    assert told["x"]["labels"] == ["guidance 2", "guidance 6"]
    last = told["cells"][-1]
    assert (last["column"], last["row"]) == (1, 1)
    assert read_request(Path(last["path"])).prompt == "a red pear"
    alone = ["generate", "a red pear", "--seed", "5", "--steps", str(STEPS), "--guidance", "6"]
    assert main([*alone, "--out", str(tmp_path / "alone")]) == 0
    single = Path(capsys.readouterr().out.strip())
    assert open_picture(single).tobytes() == open_picture(Path(last["path"])).tobytes()
    sheet = Path(told["path"])
    assert sheet.parent == tmp_path / "grid"
    described = read_recipe(sheet).extra["grid"]
    assert described["y"]["values"] == ["apple", "pear"]
    assert described["pictures"][1][1] == Path(last["path"]).name
    with pytest.raises(KnownError, match="sheet of a grid"):
        Replay(sheet)


def test_equal_cells_are_drawn_once(tmp_path, capsys, network_runs):
    told, events = grid(capsys, "--x", "seed=5, 6, 5", "--y", "words=red, green, red", "--out", str(tmp_path))
    assert [event["event"] for event in events].count("saved") == 4
    assert len(network_runs) == 4 * STEPS
    assert len(told["cells"]) == 9
    assert len({cell["path"] for cell in told["cells"]}) == 4


def test_the_steps_before_the_branch_are_computed_once_for_all_cells(tmp_path, capsys, network_runs):
    assert main(["generate", "a red apple", "--seed", "5", "--steps", str(STEPS), "--out", str(tmp_path)]) == 0
    trunk = capsys.readouterr().out.strip()
    network_runs.clear()
    arguments = ["--x", "words=apple, pear, plum", "--y", "guidance=2, 4", "--from", trunk, "--step", "4"]
    assert main(["grid", "a red apple", *arguments, "--out", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    # The trunk up to the state after its fourth step, the shape of the network's answers once, two steps for each cell.
    assert len(network_runs) == 5 + 1 + 6 * (STEPS - 4) < 6 * STEPS
    same = next(cell for cell in told["cells"] if (cell["column"], cell["row"]) == (0, 1))
    assert open_picture(Path(same["path"])).tobytes() == open_picture(Path(trunk)).tobytes()
    assert {read_request(Path(cell["path"])).branch.step for cell in told["cells"]} == {4}


def test_the_sheet_is_one_of_the_gallerys_pictures(data_folder, capsys):
    told, _ = grid(capsys, "--x", "seed=1, 2", "--steps", "2")
    studio = Studio(Folders(root=data_folder), lambda event: None)
    try:
        records = studio.pictures.list()
        assert len(records) == 3
        assert records[0].path == told["path"]
        assert told["path"].endswith("_grid.png")
        assert studio.queue.load() == ()
        assert studio.pictures.rebuild().added == ()
    finally:
        studio.close()


def test_a_cell_that_fails_says_why_and_the_others_are_drawn(tmp_path, capsys):
    told, events = grid(capsys, "--x", "scheduler=ddim, lms, euler", "--out", str(tmp_path), status=2)
    assert [event["event"] for event in events if event["event"] in ("saved", "failed")] == ["saved", "failed", "saved"]
    assert "does not work with the scheduler lms" in told["cells"][1]["message"]
    assert Path(told["path"]).is_file()
    described = read_recipe(Path(told["path"])).extra["grid"]
    assert described["pictures"][0][1] == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--x", "size=1"], "cannot vary 'size'"),
        (["--x", "steps"], "names no values"),
        (["--x", "seed=1-11", "--y", "steps=1-10"], "110 pictures"),
        (["--x", "strength=0.2, 0.4"], "no start picture"),
        (["--x", "seed=1", "--step", "3"], "Add --from"),
        (["--x", "seed=1", "--from", "nowhere.png"], "Add --step"),
        (["--x", "seed=1", "--from", "nowhere.png", "--step", "3"], "not there"),
        (["--x", "seed=1", "--from", "x.png", "--step", "3", "--size", "64x64"], "--size is the picture's own"),
    ],
)
def test_what_makes_no_grid_is_one_line(arguments, words, tmp_path, capsys):
    assert main(["grid", "a fox", *arguments, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert words in told
