import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.training import holdout, pictures, recipe, recombined, scenes, vae
from desktop.training.latents import Cache
from desktop.training.nouns import Noun
from desktop.training.scenes import Mix, Scene
from tests.training.makers import NOUNS, dataset

KNOWN = dataset()


def cached(count, seed, known=KNOWN, mix=None):
    shown = tuple(
        scenes.random_scene(known, number % len(known.nouns), np.random.default_rng((seed, number)), mix or Mix())
        for number in range(count)
    )
    latents = torch.arange(count).half().reshape(count, 1, 1, 1).expand(count, 2, 4, 4).contiguous()
    return Cache(latents=latents, scenes=shown)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_new_pair_shows_what_its_halves_were_taken_from(seed):
    before = cached(40, seed)
    after = recombined.extended(before, 30, KNOWN, seed)
    assert torch.equal(after.latents[:40], before.latents) and after.scenes[:40] == before.scenes
    assert len(after.latents) == len(after.scenes)
    for latents, scene in zip(after.latents[40:], after.scenes[40:], strict=True):
        left, right = before.scenes[int(latents[0, 0, 0])], before.scenes[int(latents[0, 0, 3])]
        assert (latents[..., :2] == latents[0, 0, 0]).all() and (latents[..., 2:] == latents[0, 0, 3]).all()
        assert scene.placed == (left.placed[0], right.placed[1]) and scene.arrangement == "beside"
        assert {left.style, right.style} == {scene.style} and {left.background, right.background} == {scene.background}


def test_no_pair_is_made_that_is_held_out_and_no_thing_stands_beside_itself():
    many = tuple(Noun(name=f"thing {number}", emoji=NOUNS[number % 3].emoji, colours=("red",)) for number in range(24))
    shown = tuple(
        Scene(placed=scenes.beside(left, right, "3d"), arrangement="beside")
        for left in range(24)
        for right in range(24)
        if left != right
    )
    made = recombined.extended(
        Cache(latents=torch.zeros(len(shown), 2, 4, 4).half(), scenes=shown), 2000, _Named(many), seed=3
    ).scenes[len(shown) :]
    pairs = [tuple(placed.noun for placed in scene.placed) for scene in made]
    assert len(pairs) == 2000 and len(set(pairs)) > 300
    assert not any(left == right or holdout.pair(many[left].name, many[right].name) for left, right in pairs)


def test_the_same_seed_makes_the_same_pairs():
    first, second, other = (recombined.extended(cached(60, 1), 20, KNOWN, seed) for seed in (1, 1, 2))
    assert first.scenes == second.scenes and torch.equal(first.latents, second.latents)
    assert first.scenes != other.scenes


def test_without_two_halves_that_go_together_nothing_is_added():
    alone = cached(20, 1, mix=Mix(beside=0.0))
    assert recombined.extended(alone, 10, KNOWN, 1) is alone
    assert recombined.extended(cached(20, 1), 0, KNOWN, 1).scenes == cached(20, 1).scenes


def test_a_recombined_pair_decodes_as_if_it_had_been_drawn():
    coder = vae.open_folder(recipe.STARTER / "vae")
    drawn = [Scene(placed=scenes.beside(*pair, "3d"), arrangement="beside") for pair in ((0, 1), (1, 2), (0, 2))]
    unit = torch.from_numpy(pictures.to_unit(np.stack([scenes.draw(scene, KNOWN, 256) for scene in drawn])))
    with torch.no_grad():
        latents = vae.encode_mean(coder, unit)
        joined = torch.cat([latents[:1, ..., :8], latents[1:2, ..., 8:]], -1)
        assert vae.psnr(vae.decode(coder, joined), vae.decode(coder, latents[2:])) > 30


class _Named:
    """Things without pictures, for what asks for their names only."""

    def __init__(self, nouns):
        self.nouns = nouns
