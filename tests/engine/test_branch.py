"""Going on from the middle of a chain: without a change, the picture is the same, bit for bit."""

import itertools

import pytest
import torch

from desktop.engine.families.diffusers_folder import ZERO_SNR_SCHEDULERS
from desktop.engine.tape import State
from desktop.engine.tapes import Tapes, Trail
from desktop.errors import KnownError
from desktop.messages import Branch, Failed, GenerationRequest, Preview
from desktop.scheduler_change import DISCRETE_SCHEDULERS
from tests.engine.conftest import request
from tests.engine.test_families import start_of

BUILTIN = "starter"


def builtin(bench, **changes):
    info = bench.library.resolve(BUILTIN)
    values = {"model": BUILTIN, "width": info.width, "height": info.height, "scheduler": info.scheduler}
    return request(**(values | changes))


def branch_of(trunk, step, **changes):
    return trunk.replace(branch=Branch(trunk=trunk, step=step), **changes)


@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("scheduler", ZERO_SNR_SCHEDULERS)
def test_a_branch_without_a_change_is_the_same_picture_bit_for_bit(bench, scheduler, step):
    assert scheduler in bench.library.resolve(BUILTIN).schedulers
    trunk = builtin(bench, scheduler=scheduler, steps=6)
    whole = bench.image(trunk).tobytes()
    assert bench.image(branch_of(trunk, step)).tobytes() == whole


@pytest.mark.parametrize("scheduler", DISCRETE_SCHEDULERS)
def test_so_it_is_for_every_scheduler_of_an_epsilon_model(bench, scheduler):
    trunk = request(scheduler=scheduler, steps=6)
    whole = bench.image(trunk).tobytes()
    assert bench.image(branch_of(trunk, 3)).tobytes() == whole


@pytest.mark.parametrize("scheduler", DISCRETE_SCHEDULERS)
@pytest.mark.parametrize("masked", [False, True])
def test_and_for_image_to_image_and_inpainting(bench, scheduler, masked):
    from PIL import Image

    mask = Image.new("RGB", (48, 48))
    mask.paste((255, 255, 255), (0, 0, 24, 48))
    bench.starts["b" * 64] = mask
    trunk = start_of(bench, request(scheduler=scheduler, steps=8))
    if masked:
        trunk = trunk.replace(mask="b" * 64)
    whole = bench.image(trunk).tobytes()
    assert bench.image(branch_of(trunk, 2)).tobytes() == whole


def test_a_trunk_that_is_no_longer_remembered_is_run_again_up_to_the_branch(bench):
    trunk = request(scheduler="euler_ancestral", steps=6)
    whole = bench.image(trunk).tobytes()
    bench.engine._tapes.forget()
    bench.seen.clear()
    assert bench.image(branch_of(trunk, 2)).tobytes() == whole
    assert [event.step for event in bench.of(Preview)] == [1, 2, 3, 3, 4, 5, 6]


def test_the_steps_a_branch_shares_are_not_computed_again(bench):
    trunk = request(steps=6)
    bench.image(trunk)
    bench.image(branch_of(trunk, 1))  # the network's shapes are known from here on
    network = bench.engine.holder.loaded[0].pipelines["text_to_image"].unet
    calls = []
    handle = network.conv_in.register_forward_hook(lambda *arguments: calls.append(1))
    bench.seen.clear()
    bench.image(branch_of(trunk, 4))
    handle.remove()
    assert len(calls) == 2
    assert [event.step for event in bench.of(Preview)] == [5, 6]


def test_another_prompt_or_guidance_or_seed_draws_another_picture_from_the_same_past(bench):
    trunk = request(scheduler="euler_ancestral", steps=6)
    whole = bench.image(trunk).tobytes()
    branches = [
        branch_of(trunk, 3, prompt="a green pear"),
        branch_of(trunk, 3, guidance_scale=9.0),
        branch_of(trunk, 3, guidance_scale=1.0),
        branch_of(trunk, 3, seed=99),
    ]
    pictures = {bench.image(branch).tobytes() for branch in branches}
    assert len(pictures | {whole}) == 5


def test_a_branch_of_a_branch_keeps_the_whole_past(bench):
    trunk = request(scheduler="euler_ancestral", steps=6)
    bench.image(trunk)
    second = branch_of(trunk, 2, seed=99)
    whole = bench.image(second).tobytes()
    for step in (1, 2, 4):
        third = branch_of(second, step)
        if step < 2:  # the branch point lies before the second's own past: the first's noise comes first there
            assert bench.image(third)
        else:
            assert bench.image(third).tobytes() == whole
    bench.engine._tapes.forget()
    assert bench.image(branch_of(second, 4)).tobytes() == whole


def test_states_found_by_running_the_beginning_again_add_to_those_of_a_run_from_its_middle():
    tapes, chain = Tapes(), request()
    states = [State(index=index, x_t=torch.zeros(1), memory={}, noise=None) for index in range(6)]
    tapes.keep(chain, "model", states[3:])
    tapes.keep(chain, "model", states[:2])
    assert [tapes.nearest(chain, "model", index).index for index in range(1, 6)] == [1, 1, 3, 4, 5]


def test_a_long_chain_of_large_states_stays_within_its_bytes_and_spread_over_its_length():
    trail = Trail(bytes_max=40_000)
    shared = torch.zeros(100)
    for index in range(1000):
        trail.append(State(index=index, x_t=torch.zeros(250), memory={"sigmas": shared}, noise=None))
    kept = [state.index for state in trail.items]
    assert len(kept) <= 40
    assert (kept[0], kept[-1]) == (0, 999)
    gaps = {after - before for before, after in itertools.pairwise(kept[:-1])}
    assert gaps == {trail.stride}
    assert trail.stride <= 64


def test_a_step_whose_state_was_not_kept_is_reached_from_the_nearest_before_it(bench):
    trunk = request(scheduler="dpmpp_2m", steps=12)
    whole = bench.image(trunk).tobytes()
    bench.image(branch_of(trunk, 1))  # the network's shapes are known from here on
    (states,) = [kept for (chain, _), kept in bench.engine._tapes._kept.items() if chain == trunk]
    for index in [index for index in states if index % 4]:
        del states[index]
    bench.seen.clear()
    assert bench.image(branch_of(trunk, 6)).tobytes() == whole
    assert [event.step for event in bench.of(Preview)] == [5, 6, 7, 7, 8, 9, 10, 11, 12]


def test_a_branch_from_the_very_step_a_branch_begins_at_is_the_same_remembered_or_not(bench):
    trunk = request(scheduler="euler_ancestral", steps=6)
    second = branch_of(trunk, 2, seed=99)
    whole = bench.image(second).tobytes()
    for seed in (99, trunk.seed):
        third = branch_of(second, 2, seed=seed)
        remembered = bench.image(third).tobytes()
        assert (remembered == whole) == (seed == 99)
        bench.engine._tapes.forget()
        assert bench.image(third).tobytes() == remembered


@pytest.mark.parametrize("scheduler", ["ddpm", "euler_ancestral", "dpmpp_sde", "lcm"])
def test_another_seed_is_other_noise_for_every_scheduler_that_draws_some(bench, scheduler):
    trunk = request(scheduler=scheduler, steps=6)
    whole = bench.image(trunk).tobytes()
    other = branch_of(trunk, 3, seed=99)
    picture = bench.image(other).tobytes()
    assert picture != whole
    bench.engine._tapes.forget()
    assert bench.image(other).tobytes() == picture


def test_the_timeline_of_a_branch_counts_the_steps_of_the_whole_chain(bench):
    trunk = request(steps=6)
    bench.image(trunk)
    branch = branch_of(trunk, 4, prompt="a green pear")
    bench.image(branch)
    assert [step.index for step in bench.timelines[branch]] == [5, 6]
    bench.engine._tapes.forget()
    bench.image(branch)
    assert [step.index for step in bench.timelines[branch]] == [1, 2, 3, 4, 5, 6]


def test_a_step_that_the_chain_does_not_have_is_named(bench):
    trunk = request(steps=4)
    event = bench.run(branch_of(trunk, 9))
    assert isinstance(event, Failed)
    assert "no step 9" in event.message
    assert not event.is_bug


def test_a_branch_keeps_model_size_and_steps():
    trunk = request()
    for change in ({"steps": 5}, {"width": 64}, {"model": "other"}):
        with pytest.raises(KnownError, match=next(iter(change)).split("_")[0]):
            branch_of(trunk, 2, **change)


def test_a_branch_comes_back_from_json_and_damage_is_named():
    branch = branch_of(branch_of(request(), 2, seed=5), 3, prompt="a pear")
    assert GenerationRequest.from_json(branch.to_json()) == branch
    for damage in (7, {}, {"trunk": 1, "step": 2}, {"trunk": branch.to_json(), "step": 0}):
        with pytest.raises(KnownError):
            GenerationRequest.from_json(branch.to_json() | {"branch": damage})


def test_branches_of_branches_have_an_end():
    branch = request()
    with pytest.raises(KnownError, match="branch of a branch"):
        for _ in range(40):
            branch = branch_of(branch, 1)


@pytest.mark.parametrize("scheduler", DISCRETE_SCHEDULERS)
def test_other_noise_from_a_step_on_is_another_picture_with_every_scheduler(bench, scheduler):
    trunk = request(scheduler=scheduler, steps=6)
    whole = bench.image(trunk).tobytes()
    others = [bench.image(branch_of(trunk, 4, seed=seed)).tobytes() for seed in (98, 99)]
    assert len({whole, *others}) == 3
    bench.engine._tapes.forget()
    assert bench.image(branch_of(trunk, 4, seed=99)).tobytes() == others[1], "and the same again from its file alone"
