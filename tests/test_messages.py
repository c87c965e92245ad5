"""Requests are checked where they are made."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import KnownError
from desktop.limits import SEED_MAX, random_seed
from desktop.messages import SCHEDULERS, GenerationRequest, TimelineStep


def test_a_request_survives_json():
    request = GenerationRequest(prompt="déjà vu\n猫", seed=SEED_MAX, start_picture="0" * 64, strength=0.35)
    assert GenerationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_request_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GenerationRequest(prompt="a", seed=1).seed = 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ""},
        {"prompt": " \n"},
        {"prompt": 3},
        {"prompt": "a" * 20_000},
        {"prompt": "a\x00b"},
        {"prompt": "\ud800"},
        {"negative_prompt": None},
        {"model": ""},
        {"seed": -1},
        {"seed": SEED_MAX + 1},
        {"seed": 1.0},
        {"seed": True},
        {"steps": 0},
        {"steps": 1001},
        {"guidance_scale": math.nan},
        {"guidance_scale": math.inf},
        {"guidance_scale": -1},
        {"guidance_scale": 10**400},
        {"guidance_scale": "7"},
        {"scheduler": "magic"},
        {"scheduler": ["ddim"]},
        {"width": 8},
        {"height": 10_000},
        {"strength": 0},
        {"strength": 1.1},
        {"start_picture": "../../etc/passwd"},
        {"start_picture": "g" * 64},
        {"start_picture": 5},
    ],
    ids=str,
)
def test_a_wrong_value_is_one_clear_sentence(wrong):
    with pytest.raises(KnownError) as raised:
        GenerationRequest(**({"prompt": "a", "seed": 1} | wrong))
    assert raised.value.message
    assert "\n" not in raised.value.message


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    data=st.fixed_dictionaries(
        {}, optional={field.name: _ANY_JSON for field in dataclasses.fields(GenerationRequest)} | {"other": _ANY_JSON}
    )
    | _ANY_JSON
)
def test_any_json_is_a_request_or_refused(data):
    try:
        request = GenerationRequest.from_json(data)
    except KnownError:
        return
    assert request.scheduler in SCHEDULERS
    assert GenerationRequest.from_json(request.to_json()) == request


def test_random_seeds_differ():
    assert len({random_seed() for _ in range(20)}) > 1


@pytest.mark.parametrize(("alpha", "sigma"), [(None, 1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1e300, 1e-300)])
def test_a_step_whose_file_says_nonsense_has_no_noise_level(alpha, sigma):
    step = TimelineStep(index=1, timestep=1.0, alpha=alpha, sigma=sigma, stage="main", x_0=None, x_t=None)
    assert step.log_snr is None
    assert dataclasses.replace(step, alpha=0.6, sigma=0.6).log_snr == 0
