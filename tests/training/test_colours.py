import colorsys

import numpy as np
import pytest

from desktop.training import colours


def disc(rgb, side=24):
    """A shaded disc on nothing, premultiplied."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = (x**2 + y**2 < (side / 2 - 1) ** 2).astype(np.float32)
    shade = 1 - 0.3 * (x + side / 2) / side
    picture = np.zeros((side, side, 4), np.uint8)
    picture[..., :3] = np.asarray(rgb) * (inside * shade)[..., None]
    picture[..., 3] = 255 * inside
    return picture


@pytest.mark.parametrize("rgb", [(230, 60, 40), (250, 210, 60), (120, 80, 50), (60, 120, 230), (235, 235, 240)])
@pytest.mark.parametrize("colour", colours.PAINTS)
def test_a_repainted_thing_has_the_colour_that_is_said_and_keeps_its_shape(rgb, colour):
    source = disc(rgb)
    painted = colours.repaint(source, colour)
    assert colours.main_colour(painted) == colour
    assert np.array_equal(painted[..., 3], source[..., 3]) and (painted[..., :3] <= painted[..., 3:]).all()
    row = painted[12, 3:21, :3].sum(1).astype(int)
    assert (np.diff(row) <= 3).all()  # still darker towards the right


def test_only_the_main_part_is_repainted():
    source = disc((230, 60, 40))
    source[10:14, 10:14, :3] = 20
    painted = colours.repaint(source, "blue")
    assert np.abs(painted[11:13, 11:13].astype(int) - source[11:13, 11:13]).max() < 12


@pytest.mark.parametrize(
    ("rgb", "name"),
    [((255, 255, 255), "white"), ((140, 140, 145), "gray"), ((20, 20, 22), "black"), ((120, 75, 45), "brown")],
)
def test_colours_without_a_paint_have_a_name_too(rgb, name):
    source = disc(rgb)
    source[..., :3] = np.asarray(rgb) * (source[..., 3:] > 0)
    assert colours.main_colour(source) == name


def test_hsv_is_the_usual_one_and_comes_back():
    rgb = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    hsv = colours.to_hsv(rgb)
    usual = np.array([colorsys.rgb_to_hsv(*row) for row in rgb])
    assert np.allclose(hsv[:, 0] / 360, usual[:, 0], atol=1e-4) and np.allclose(hsv[:, 1:], usual[:, 1:], atol=1e-5)
    assert np.allclose(colours.to_rgb(hsv), rgb, atol=1e-5)
