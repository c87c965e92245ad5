import numpy as np
import pytest
import torch

from desktop.training import anchor


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 8, 8, 3), np.uint8)
    return np.kron(coarse, np.ones((1, 4, 4, 1), np.uint8))


def test_the_channels_together_have_unit_variance(pictures):
    fitted = anchor.fit(pictures, patch=8)
    unit = torch.from_numpy(np.moveaxis(pictures, -1, 1).astype(np.float32) / 127.5 - 1)
    latents = fitted.project(unit)
    assert latents.shape == (12, anchor.CHANNELS, 4, 4)
    assert latents.mean((0, 2, 3)).abs().max() < 1e-4
    assert abs(float(latents.square().mean()) - 1) < 1e-3


def test_the_first_three_channels_hold_the_mean_colour_of_a_patch(pictures):
    fitted = anchor.fit(pictures, patch=8)
    flat = torch.rand(5, 3, 1, 1).expand(5, 3, 8, 8)
    textured = flat + torch.randn(1, 1, 8, 8)
    textured = textured - textured.mean((2, 3), keepdim=True) + flat
    first = slice(0, anchor.COLOURS)
    assert torch.allclose(fitted.project(flat)[:, first], fitted.project(textured)[:, first], atol=1e-4)


def test_the_same_pictures_give_the_same_anchor(pictures):
    once, again = anchor.fit(pictures, patch=8, seed=3), anchor.fit(pictures, patch=8, seed=3)
    assert all(torch.equal(once.tensors()[name], again.tensors()[name]) for name in once.tensors())
