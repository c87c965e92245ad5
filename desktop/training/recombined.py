"""More pairs than were drawn: the left half of one picture's latents beside the right half of another's.

Two things side by side keep to their halves, with paper between them, and the autoencoder looks no further than a few
latents around. So halves that stand on the same paper make a new pair, for nothing but a copy.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from desktop.training import holdout
from desktop.training.dataset import Dataset
from desktop.training.latents import Cache
from desktop.training.scenes import Scene

TRIES = 20


def extended(cached: Cache, count: int, dataset: Dataset, seed: int) -> Cache:
    """`cached` and after it up to `count` new pairs; fewer where it holds no two halves that go together. A pair that
    is held out for measuring never comes up.
    """
    rng = np.random.default_rng((seed, 14))
    pairs = [number for number, scene in enumerate(cached.scenes) if scene.arrangement == "beside"]
    paper: dict[tuple[str, str], list[int]] = {}
    for number in pairs:
        paper.setdefault(_paper(cached.scenes[number]), []).append(number)
    lefts: list[int] = []
    rights: list[int] = []
    for _ in range(count if pairs else 0):
        left = pairs[int(rng.integers(len(pairs)))]
        others = paper[_paper(cached.scenes[left])]
        for _ in range(TRIES):
            right = others[int(rng.integers(len(others)))]
            if _goes_with(cached.scenes[left], cached.scenes[right], dataset):
                lefts.append(left)
                rights.append(right)
                break
    if not lefts:
        return cached
    middle = cached.latents.shape[-1] // 2
    made = torch.cat([cached.latents[lefts, ..., :middle], cached.latents[rights, ..., middle:]], -1)
    shown = (joined(cached.scenes[left], cached.scenes[right]) for left, right in zip(lefts, rights, strict=True))
    return Cache(latents=torch.cat([cached.latents, made]), scenes=(*cached.scenes, *shown))


def joined(left: Scene, right: Scene) -> Scene:
    """What is seen when the left half of the one stands beside the right half of the other."""
    return dataclasses.replace(left, placed=(left.placed[0], right.placed[1]))


def _paper(scene: Scene) -> tuple[str, str]:
    return scene.style, scene.background


def _goes_with(left: Scene, right: Scene, dataset: Dataset) -> bool:
    first, second = left.placed[0].noun, right.placed[1].noun
    return first != second and not holdout.pair(dataset.nouns[first].name, dataset.nouns[second].name)
