"""The linear skeleton of the latent space: what one patch of 8x8 or 16x16 pixels holds in 16 numbers.

A plain autoencoder with group norms takes long to learn the mean colour of a patch, since the norms hide it. Here the
latents are pulled towards a fixed linear projection of each patch: its mean colour first (three numbers), then the 13
strongest principal components of what is left. The decoder can learn from these before the encoder has learnt
anything, and the first three stay an exact preview of the picture's colours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

CHANNELS = 16
COLOURS = 3
SPREAD = 0.5  # a channel's deviation is its natural one to this power: 0 would be whitening, 1 the plain projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """basis: (16, 3 * patch**2) rows over a flattened (3, patch, patch) patch in -1..1; mean: (16,) taken off after it;
    deviation: (16,) of the anchored latents, whose mean square over channels is 1.
    """

    basis: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor

    def project(self, pictures: torch.Tensor) -> torch.Tensor:
        """pictures: (B, 3, H, W) in -1..1. Returns latents (B, 16, H/patch, W/patch)."""
        patch = math.isqrt(self.basis.shape[1] // 3)
        kernel = self.basis.reshape(CHANNELS, 3, patch, patch).to(pictures)
        return functional.conv2d(pictures, kernel, -self.mean.to(pictures), stride=patch)

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"basis": self.basis, "mean": self.mean, "deviation": self.deviation}


def fit(pictures: np.ndarray, *, patch: int = 16, seed: int = 0, limit: int = 100_000) -> Anchor:
    """pictures: (N, H, W, 3) uint8, H and W multiples of `patch`. Patches of one single colour count little (1 in 20):
    most of the paper is empty and would hide the pictures.
    """
    count, height, width, _ = pictures.shape
    grid = pictures.reshape(count, height // patch, patch, width // patch, patch, 3)
    patches = grid.transpose(0, 1, 3, 5, 2, 4).reshape(-1, 3 * patch * patch)
    rng = np.random.default_rng(seed)
    flat = np.ptp(patches, axis=1) == 0
    kept = np.flatnonzero(~flat | (rng.random(len(patches)) < 0.05))
    patches = patches[rng.permutation(kept)[:limit]].astype(np.float64) / 127.5 - 1

    area = patch * patch
    means = patches.reshape(-1, 3, area).mean(2)
    residual = (patches.reshape(-1, 3, area) - means[:, :, None]).reshape(-1, 3 * area)
    _, colour_axes = _principal(means, COLOURS)
    _, rest_axes = _principal(residual, CHANNELS - COLOURS)
    rows = np.zeros((CHANNELS, 3 * area))
    rows[:COLOURS] = np.repeat(colour_axes / area, area, axis=1) * np.sqrt(area)
    rows[COLOURS:] = rest_axes
    natural = patches @ rows.T
    deviation = natural.std(0)
    scale = deviation ** (SPREAD - 1)
    scaled = natural * scale
    whole = np.sqrt(scaled.var(0).mean())
    rows, scaled = rows * (scale / whole)[:, None], scaled / whole
    as_tensor = lambda array: torch.from_numpy(np.ascontiguousarray(array)).float()  # noqa: E731
    return Anchor(basis=as_tensor(rows), mean=as_tensor(scaled.mean(0)), deviation=as_tensor(scaled.std(0)))


def _principal(samples: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances and unit axes (count, D), strongest first; signs fixed so that runs agree."""
    values, vectors = np.linalg.eigh(np.cov(samples, rowvar=False))
    axes = vectors[:, ::-1][:, :count].T
    signs = np.sign(axes[np.arange(count), np.abs(axes).argmax(1)])
    return values[::-1][:count], axes * signs[:, None]
