import numpy as np
import pytest
from PIL import Image

from desktop.__main__ import main


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), (160, 160, 160)).save(path)
    return path


def noised(tmp_path, picture, step, *more):
    out = tmp_path / f"{step}.png"
    assert main(["--data", str(tmp_path), "noise", str(picture), "--step", str(step), "--out", str(out), *more]) == 0
    return np.asarray(Image.open(out), float)


def test_the_noise_grows_with_the_timestep_and_repeats_with_the_seed(tmp_path, picture, capsys):
    spreads = [noised(tmp_path, picture, step).std() for step in (0, 200, 600)]
    assert spreads == sorted(spreads)
    assert spreads[0] < 6
    assert "log SNR" in capsys.readouterr().out
    first = noised(tmp_path, picture, 300, "--seed", "5")
    assert (noised(tmp_path, picture, 300, "--seed", "5") == first).all()
    assert (noised(tmp_path, picture, 300, "--seed", "6") != first).any()


@pytest.mark.parametrize(
    "wrong", [["--step", "5000"], ["--step", "-1"], ["--out", "x.jpg"], ["--model", "nobody"], ["--seed", "-4"]]
)
def test_what_makes_no_sense_is_one_line(tmp_path, picture, capsys, wrong):
    arguments = ["--step", "10", "--out", str(tmp_path / "x.png")]
    assert main(["--data", str(tmp_path), "noise", str(picture), *arguments, *wrong]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
