"""Branching from a picture's own chain and showing its steps, from the command line."""

import json

import pytest
from PIL import Image

from desktop.__main__ import main
from desktop.store.recipe import read_request


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data folder, and the path of a picture made in it."""
    data = tmp_path_factory.mktemp("data")
    start = data / "start.png"
    Image.linear_gradient("L").save(start)
    safelight(data, "generate", "a red apple", "--seed", "5", "--steps", "6", "--scheduler", "ddpm")
    safelight(data, "generate", "a pear", "--seed", "5", "--steps", "8", "--init", str(start), "--strength", "0.7")
    plain, from_start = sorted((data / "pictures").rglob("*.png"), key=lambda path: "pear" in path.name)
    return data, plain, from_start


def safelight(data, *arguments):
    assert main(["--data", str(data), *arguments]) == 0


def printed(capsys):
    return capsys.readouterr().out.split()


def test_a_branch_without_a_change_is_the_same_picture(made, tmp_path, capsys):
    data, plain, from_start = made
    for picture in (plain, from_start):
        safelight(data, "branch", str(picture), "--step", "2", "--out", str(tmp_path))
        branch = printed(capsys)[0]
        assert Image.open(branch).tobytes() == Image.open(picture).tobytes()


def test_variations_from_a_step_on_differ_and_can_be_made_again_from_their_files(made, capsys):
    data, plain, _ = made
    safelight(data, "branch", str(plain), "--step", "3", "--seed", "70", "--count", "2", "--prompt", "a lemon")
    paths = printed(capsys)
    pictures = {Image.open(path).tobytes() for path in [plain, *paths]}
    assert len(pictures) == 3
    assert [read_request(path).seed for path in paths] == [70, 71]
    assert read_request(paths[0]).branch.trunk == read_request(plain)
    safelight(data, "replay", paths[1], "--json")
    assert json.loads(capsys.readouterr().out)["identical"]


def test_what_a_branch_cannot_do_is_one_line(made, tmp_path, capsys):
    data, plain, _ = made
    assert main(["--data", str(data), "branch", str(plain), "--step", "60", "--out", str(tmp_path)]) == 2
    assert main(["--data", str(data), "branch", str(plain), "--step", "0"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "no step 60" in errors[0]


def test_the_steps_are_listed_and_written_as_a_film(made, tmp_path, capsys):
    data, plain, _ = made
    safelight(data, "timeline", str(plain))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert "log SNR" in lines[1]
    safelight(data, "timeline", str(plain), "--export", str(tmp_path / "film.webp"))
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 7


def test_a_picture_without_a_timeline_says_so(made, tmp_path, capsys):
    data, plain, _ = made
    safelight(data, "branch", str(plain), "--step", "4", "--out", str(tmp_path))
    elsewhere = printed(capsys)[0]
    assert main(["--data", str(data), "timeline", elsewhere]) == 2
    assert "has no timeline" in capsys.readouterr().err


def test_the_room_that_all_steps_take_is_told_and_limited(made, tmp_path, capsys):
    data = tmp_path / "data"
    safelight(data, "generate", "a red apple", "--steps", "10", "--count", "2")
    capsys.readouterr()
    safelight(data, "timeline", "--usage")
    before = capsys.readouterr().out
    assert "of 2.00 GB, the steps of 2 pictures" in before
    whole = sum(path.stat().st_size for path in (data / "timelines").glob("*/*.zip"))
    safelight(data, "timeline", "--limit", f"{0.9 * whole / 1000:.3f}kB")
    thinned = sum(path.stat().st_size for path in (data / "timelines").glob("*/*.zip"))
    assert 0 < thinned <= 0.9 * whole
    safelight(data, "timeline", "--limit", "0")
    assert "0.0 MB of 0.0 MB, the steps of 0 pictures" in capsys.readouterr().out
    safelight(data, "generate", "a pear", "--steps", "2")
    pear = printed(capsys)[0]
    assert main(["--data", str(data), "timeline", pear]) == 2
    assert "has no timeline" in capsys.readouterr().err


def test_a_limit_that_is_no_size_and_no_picture_are_one_line(made, capsys):
    data, _, _ = made
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(data), "timeline", "--limit", "a lot"])
    assert ended.value.code == 2
    assert main(["--data", str(data), "timeline"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "write it like 500MB" in errors[0]
    assert "Which picture" in errors[1]


def test_several_pictures_from_a_step_are_all_different(made, tmp_path, capsys):
    data, plain, _ = made
    safelight(data, "branch", str(plain), "--step", "2", "--count", "4", "--out", str(tmp_path))
    pictures = {Image.open(path).tobytes() for path in [plain, *printed(capsys)]}
    assert len(pictures) == 5


def test_a_branch_goes_on_with_another_scheduler_and_can_be_made_again(made, tmp_path, capsys):
    data, plain, _ = made
    safelight(data, "branch", str(plain), "--step", "3", "--scheduler", "euler", "--out", str(tmp_path))
    path = printed(capsys)[0]
    assert read_request(path).scheduler == "euler"
    assert read_request(path).branch.trunk.scheduler == "ddpm"
    safelight(data, "replay", path, "--json")
    assert json.loads(capsys.readouterr().out)["identical"]
    assert main(["--data", str(data), "branch", str(plain), "--step", "3", "--scheduler", "flow_euler"]) == 2
    assert "flow matching" in capsys.readouterr().err


def test_a_branch_finds_the_steps_of_what_it_grew_from_until_that_is_deleted(made, capsys):
    from desktop.errors import KnownError
    from desktop.settings import Folders
    from desktop.studio import Studio

    data, plain, _ = made
    safelight(data, "branch", str(plain), "--step", "4", "--prompt", "a plum")
    path = printed(capsys)[0]
    studio = Studio(Folders(root=data), lambda event: None)
    try:
        branch, trunk = studio.pictures.by_path(path), studio.pictures.by_path(plain)
        assert [step.index for step in studio.trunk_timeline_of(branch)] == [1, 2, 3, 4, 5, 6]
        deletion = studio.pictures.delete([trunk.id])
        with pytest.raises(KnownError, match="not here any more"):
            studio.trunk_timeline_of(branch)
        studio.pictures.undo(deletion)
    finally:
        studio.close()
