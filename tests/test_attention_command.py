"""The words of a picture's prompt laid over it, from the command line, on the built-in model."""

import json
from pathlib import Path

import pytest
from PIL import Image

from desktop.__main__ import main
from desktop.heat import ramp
from desktop.messages import WordHeat
from desktop.store.heat_overlay import overlay
from desktop.store.picture_file import open_picture


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data folder and the path of a picture made in it."""
    data = tmp_path_factory.mktemp("data")
    assert main(["--data", str(data), "generate", "a Red apple, red", "--seed", "5", "--steps", "3"]) == 0
    return data, next((data / "pictures").rglob("*.png"))


def attention(made, *arguments):
    return main(["--data", str(made[0]), "attention", str(made[1]), *arguments])


def test_every_word_is_laid_over_the_picture_and_nothing_is_added_to_the_gallery(made, tmp_path, capsys):
    assert attention(made, "--out", str(tmp_path)) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.stem.rpartition("_")[2] for path in paths] == ["01-a", "02-red", "03-apple", "04-red"]
    pictures = [open_picture(path) for path in paths]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert {picture.size for picture in pictures} == {(256, 256)}
    assert len(list((made[0] / "pictures").rglob("*.png"))) == 1


def test_words_are_chosen_in_any_case_and_told_as_json(made, tmp_path, capsys):
    assert attention(made, "--out", str(tmp_path), "--word", "RED", "--json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["started", "preview", "preview", "preview", "attention"]
    told = events[-1]
    assert [word["word"] for word in told["words"]] == ["Red", "red"]
    assert all(0 <= word["low"] < word["high"] <= 1 for word in told["words"])
    assert all(Path(word["path"]).is_file() for word in told["words"])
    assert told["identical"]
    assert told["unread"] == []


def test_what_cannot_be_shown_is_one_line(made, tmp_path, capsys):
    assert attention(made, "--out", str(tmp_path), "--word", "pear") == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "other.png")
    assert main(["attention", str(tmp_path / "other.png"), "--out", str(tmp_path)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "no word 'pear'" in errors[0]
    assert "not made by Safelight" in errors[1]


def test_heat_brightens_and_cold_leaves_the_picture_grey():
    values = bytes(range(256))
    heat = WordHeat(word="fox", start=0, width=256, height=1, heat=values, low=0.0, high=0.1)
    laid = overlay(Image.new("RGB", (256, 1), (0, 200, 0)), heat)
    red, green, blue = laid.getpixel((0, 0))
    assert red == green == blue
    light = [sum(laid.getpixel((x, 0))) for x in range(256)]
    assert light[255] > light[200] > light[150]
    alphas = [color[3] for color in ramp()]
    assert alphas == sorted(alphas)
