import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.training import captions, nouns, pictures

CHOSEN = nouns.chosen()


@settings(max_examples=200, deadline=None)
@given(
    noun=st.sampled_from(CHOSEN),
    seed=st.integers(0, 2**32),
    background=st.sampled_from(["", *pictures.PASTELS]),
)
def test_a_caption_is_empty_or_names_the_thing_and_its_background(noun, seed, background):
    text = captions.caption(noun, np.random.default_rng(seed), background)
    if text:
        assert any(name in text.lower() for name in (noun.name, *noun.also))
        assert (f"on a {background} background" in text) == bool(background)
        assert ", ," not in text and "  " not in text and text == text.strip()


def test_one_caption_in_ten_is_empty():
    rng = np.random.default_rng(0)
    empty = sum(not captions.caption(CHOSEN[n % len(CHOSEN)], rng) for n in range(8000)) / 8000
    assert abs(empty - captions.EMPTY_SHARE) < 0.015


def test_the_article_fits_the_word_that_follows():
    plain = [captions.plain(noun) for noun in CHOSEN]
    assert {"an owl", "a dog", "grapes", "an ice cream"} <= set(plain)


def test_no_colour_is_said_twice():
    orange = next(noun for noun in CHOSEN if noun.name == "orange")
    rng = np.random.default_rng(0)
    assert not any("orange orange" in captions.caption(orange, rng) for _ in range(500))


def test_at_least_120_different_things_are_chosen():
    assert len({noun.name for noun in CHOSEN}) == len({noun.emoji for noun in CHOSEN}) == len(CHOSEN) >= 120
    assert all(noun.colours for noun in CHOSEN)
