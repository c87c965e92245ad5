import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.training import captions, colours, holdout, nouns, pictures, prompts, scenes
from desktop.training.scenes import Mix, Placed, Scene
from tests.training.makers import NOUNS, dataset

CHOSEN = nouns.chosen()
KNOWN = dataset()


def scene_of(seed, mix=None, **changes):
    return scenes.random_scene(KNOWN, seed % 3, np.random.default_rng(seed), mix or Mix(), **changes)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_caption_is_empty_or_says_all_that_is_in_the_scene(seed):
    scene = scene_of(seed)
    text = captions.caption(scene, KNOWN, np.random.default_rng(seed)).lower()
    if not text:
        return
    for placed in scene.placed:
        noun = NOUNS[placed.noun]
        plain = len(scene.placed) == 1 and not (scene.size or scene.place or placed.paint)
        named = any(name in text for name in (noun.name, *noun.also))
        assert named or (plain and any(word in text for word in noun.keywords))
        assert placed.paint in text
    assert scene.size in text and scene.place in text
    assert (f"on a {scene.background} background" in text) == bool(scene.background)
    assert scene.style == "3d" or "flat" in text
    assert ", ," not in text and "  " not in text and text == text.strip()


def test_one_caption_in_ten_is_empty():
    rng = np.random.default_rng(0)
    scene = scene_of(1)
    empty = sum(not captions.caption(scene, KNOWN, rng) for _ in range(6000)) / 6000
    assert abs(empty - captions.EMPTY_SHARE) < 0.015


def test_the_first_of_two_stands_on_the_left_and_what_is_on_something_above_it():
    left, right = scenes.beside(0, 1, "3d")
    below, above = scenes.upon(0, 1, "3d")
    assert left.x < 0.5 < right.x and above.y < 0.5 < below.y
    two = Scene(placed=(left, right), arrangement="beside")
    on = Scene(placed=(below, above), arrangement="on")
    rng = np.random.default_rng(0)
    said = {captions.caption(two, KNOWN, rng) for _ in range(300)}
    assert any(text.startswith("an apple and a sun") for text in said)
    assert not any("sun and" in text or "apple on the right" in text for text in said)
    said = {captions.caption(on, KNOWN, rng).lower() for _ in range(300)} - {""}
    assert any(text.startswith("a sun on an apple") for text in said)
    assert all(text.index("apple") > 0 for text in said)


def test_combinations_that_are_held_out_are_never_drawn(monkeypatch):
    monkeypatch.setattr(holdout, "pair", lambda one, other: {one, other} == {"apple", "sun"})
    monkeypatch.setattr(holdout, "colour", lambda thing, paint: paint in ("blue", "pink"))
    seen = [scene_of(seed) for seed in range(600)]
    assert not any({placed.noun for placed in scene.placed} == {0, 1} for scene in seen)
    assert {0, 2} in [{placed.noun for placed in scene.placed} for scene in seen]
    paints = {placed.paint for scene in seen for placed in scene.placed}
    assert "green" in paints and not {"blue", "pink"} & paints
    free = [scene_of(seed, held_out=True) for seed in range(300)]
    assert any("blue" in {placed.paint for placed in scene.placed} for scene in free)


def test_a_tenth_of_the_combinations_is_held_out_the_same_everywhere():
    pairs = [holdout.pair(a.name, b.name) for a in CHOSEN for b in CHOSEN if a.name < b.name]
    painted = [holdout.colour(noun.name, paint) for noun in CHOSEN for paint in colours.PAINTS]
    assert abs(np.mean(pairs) - 0.1) < 0.01 and abs(np.mean(painted) - 0.1) < 0.025
    assert holdout.pair("cat", "pizza") == holdout.pair("pizza", "cat")
    assert [paint for paint in colours.PAINTS if holdout.colour("turtle", paint)] == ["pink"]


def test_a_thing_is_never_painted_in_its_own_colour():
    scenes_seen = [scene_of(seed, Mix(painted=1.0, beside=0, on=0)) for seed in range(200)]
    assert not any(scene.placed[0].paint in NOUNS[scene.placed[0].noun].colours for scene in scenes_seen)


def test_scenes_by_number_are_the_same_each_time_and_things_equally_frequent():
    one, again = scenes.stream(KNOWN, 30, 5, Mix()), scenes.stream(KNOWN, 30, 5, Mix())
    assert [one(number) for number in range(30)] == [again(number) for number in reversed(range(30))][::-1]
    alone = scenes.stream(KNOWN, 30, 5, Mix(beside=0, on=0))
    counts = np.bincount([alone(number).placed[0].noun for number in range(30)])
    assert counts.tolist() == [10, 10, 10]


def test_every_thing_comes_up_even_where_there_are_fewer_scenes_than_things():
    alone = Mix(beside=0, on=0)
    seen = {scenes.stream(KNOWN, 2, seed, alone)(number).placed[0].noun for seed in range(20) for number in range(2)}
    assert seen == {0, 1, 2}


def test_a_scene_survives_as_a_row():
    for seed in range(20):
        scene = scene_of(seed)
        assert Scene.from_row(scene.as_row()) == scene


def test_a_drawing_has_the_thing_where_it_is_said_on_the_paper_that_is_said():
    placed = dataclasses.replace(scenes.alone(0, "3d", place="on the left"), angle=0.0)
    drawn = scenes.draw(Scene(placed=(placed,), place="on the left", background="blue"), KNOWN, 64)
    assert drawn.shape == (64, 64, 3) and tuple(drawn[2, 60]) == pictures.PASTELS["blue"]
    red = (drawn[..., 0] > 200) & (drawn[..., 1] < 60)
    assert red[:, :32].sum() > 100 and red[:, 36:].sum() == 0


@pytest.mark.parametrize("size", [32, 64, 128])
def test_small_and_large_drawings_show_the_same(size):
    placed = Placed(noun=2, style="3d")
    drawn = scenes.draw(Scene(placed=(placed,)), KNOWN, size)
    share = (drawn.min(-1) < 100).mean()
    assert abs(share - 0.55 * 0.86**2) < 0.12


def test_the_article_fits_the_word_that_follows():
    plain = [captions.plain(noun) for noun in CHOSEN]
    assert {"an owl", "a dog", "grapes", "an ice cream"} <= set(plain)
    assert captions.plain(CHOSEN[0], "orange") == "an orange dog"


def test_at_least_120_different_things_are_chosen():
    assert len({noun.name for noun in CHOSEN}) == len({noun.emoji for noun in CHOSEN}) == len(CHOSEN) >= 120
    assert all(noun.colours for noun in CHOSEN if noun.repaintable)


def test_flags_digits_and_skins_are_there_and_only_what_stays_itself_is_repainted():
    named = {noun.name: noun for noun in CHOSEN}
    assert {"flag of France", "digit seven", "thumbs up with dark skin"} <= named.keys()
    assert named["digit seven"].repaintable and named["raised fist"].repaintable
    fixed = [noun for noun in CHOSEN if not noun.repaintable]
    assert len(fixed) == 24 + 4 * 5
    known = dataset(nouns=tuple(dataclasses.replace(NOUNS[0], name=noun.name) for noun in fixed[:3]))
    drawn = [scenes.random_scene(known, 0, np.random.default_rng(seed), Mix(painted=1.0)) for seed in range(40)]
    assert not any(placed.paint for scene in drawn for placed in scene.placed)
    assert not any(prompt.kind == "colours" for prompt in prompts.choose(known))


def test_a_flag_is_called_without_an_article_and_a_digit_with_one():
    named = {noun.name: captions.plain(noun) for noun in CHOSEN}
    assert named["flag of the Netherlands"] == "flag of the Netherlands"
    assert named["digit eight"] == "a digit eight"


@pytest.mark.parametrize("words", ["an Italian flag", "a Ukrainian flag", "a union jack", "an umbrella", "a rose"])
def test_an_article_is_the_one_that_is_said(words):
    assert captions.with_article(words.split(" ", 1)[1]) == words
