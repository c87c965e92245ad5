"""Going on with another scheduler from the middle of a chain."""

import math
from dataclasses import replace

import numpy as np
import pytest

from desktop.engine.checkpoints import Checkpoints
from desktop.engine.families.diffusers_folder import ZERO_SNR_SCHEDULERS
from desktop.errors import KnownError
from desktop.messages import SCHEDULERS, Failed, Preview
from desktop.scheduler_change import DISCRETE_SCHEDULERS, can_take_over
from tests.engine.conftest import request
from tests.engine.test_branch import branch_of, builtin
from tests.engine.test_families import start_of

DETERMINISTIC = ("ddim", "euler", "dpmpp_2m", "unipc")


def psnr(a, b):
    apart = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return math.inf if apart == 0 else 10 * math.log10(255**2 / apart)


def test_every_pair_of_the_built_in_model_ends_near_the_trunk_from_a_late_step(bench):
    for before in ZERO_SNR_SCHEDULERS:
        trunk = builtin(bench, scheduler=before, steps=6)
        whole = bench.image(trunk)
        for after in ZERO_SNR_SCHEDULERS:
            if after != before:
                both = before in DETERMINISTIC and after in DETERMINISTIC
                near = psnr(bench.image(branch_of(trunk, 4, scheduler=after)), whole)
                print(before, after, round(near, 1))
                assert near > (40 if both else 30), (before, after, near)


def test_ddim_and_euler_are_one_solver_in_two_coordinates(bench):
    """DDIM with eta 0 is Euler's method on the probability flow (Song et al. 2021, eq. 14)."""
    for before, after in (("ddim", "euler"), ("euler", "ddim")):
        trunk = builtin(bench, scheduler=before, steps=5)
        whole = bench.image(trunk)
        for step in (1, 3, 4):
            near = psnr(bench.image(branch_of(trunk, step, scheduler=after)), whole)
            print(before, after, step, near)
            assert near > 45, (before, after, step, near)


def test_a_branch_into_another_scheduler_is_the_same_again_from_its_file_alone(bench):
    trunk = builtin(bench, scheduler="dpmpp_2m", steps=6)
    for after in ("euler_ancestral", "unipc"):
        branch = branch_of(trunk, 3, scheduler=after)
        first = bench.image(branch).tobytes()
        bench.engine._tapes.forget()
        assert bench.image(branch).tobytes() == first


def test_every_pair_of_an_epsilon_model_gives_a_picture(bench):
    for before in DISCRETE_SCHEDULERS:
        trunk = request(scheduler=before, steps=6)
        whole = bench.image(trunk)
        step = 9 if before in ("heun", "dpmpp_sde") else 4  # of these every second call stands between two stops
        step -= step % 2 if before in ("heun", "dpmpp_sde") else 0
        for after in DISCRETE_SCHEDULERS:
            if after == before:
                continue
            branch = branch_of(trunk, step, scheduler=after)
            event = bench.run(branch)
            if isinstance(event, Failed):
                assert "two looks" in event.message, (before, after, event.message)
                event = bench.run(branch := branch_of(trunk, step + 1, scheduler=after))
            assert not isinstance(event, Failed), (before, after, event.message, event.details)
            assert psnr(bench.images[branch], whole) > 15, (before, after)


@pytest.mark.parametrize("after", ["euler", "dpmpp_2m_karras", "heun", "ddpm", "lcm"])
@pytest.mark.parametrize("masked", [False, True])
def test_so_it_goes_from_a_start_picture_and_with_a_mask(bench, after, masked):
    from PIL import Image

    mask = Image.new("RGB", (48, 48))
    mask.paste((255, 255, 255), (0, 0, 24, 48))
    bench.starts["b" * 64] = mask
    trunk = start_of(bench, request(scheduler="ddim", steps=10))
    if masked:
        trunk = trunk.replace(mask="b" * 64)
    whole = bench.image(trunk)
    branch = branch_of(trunk, 4, scheduler=after)
    picture = bench.image(branch)
    assert psnr(picture, whole) > 15
    bench.engine._tapes.forget()
    assert bench.image(branch).tobytes() == picture.tobytes()


@pytest.mark.parametrize("after", ["euler", "heun", "dpmpp_2m", "ddim"])
def test_a_branch_of_such_a_branch_without_a_change_is_the_same_bit_for_bit(bench, after):
    second = branch_of(request(scheduler="unipc", steps=6), 3, scheduler=after)
    whole = bench.image(second).tobytes()
    total = bench.of(Preview)[-1].total
    third = branch_of(second, total - 1)
    assert bench.image(third).tobytes() == whole
    bench.engine._tapes.forget()
    assert bench.image(third).tobytes() == whole


def test_such_a_branch_goes_on_after_a_restart_to_the_same_bytes(bench, tmp_path):
    branch = branch_of(request(scheduler="ddim", steps=8), 3, scheduler="dpmpp_2m")
    whole = bench.image(branch).tobytes()
    model = bench.engine.holder.loaded[0]
    (states,) = [kept for (chain, _), kept in bench.engine._tapes._kept.items() if chain == branch]
    kept = Checkpoints(tmp_path / "unfinished")
    bench.engine._checkpoints = bench.engine._maker._checkpoints = kept
    for index, left in ((max(states) - 1, 2), (min(states), 5)):  # the second stands right at the branch point
        kept.offer(branch, model.fingerprint, states[index], now=True)
        kept.flush()
        bench.seen.clear()
        assert bench.image(branch).tobytes() == whole
        assert len(bench.of(Preview)) == left


def test_other_noise_goes_with_it(bench):
    trunk = request(scheduler="ddim", steps=6)
    pictures = {bench.image(branch_of(trunk, 3, scheduler="euler", seed=seed)).tobytes() for seed in (7, 8, 9)}
    assert len(pictures) == 3


def test_the_timeline_counts_on_and_falls(bench):
    trunk = request(scheduler="euler", steps=8)
    bench.image(trunk)
    branch = branch_of(trunk, 4, scheduler="dpmpp_2m_karras")
    bench.image(branch)
    steps = bench.timelines[branch]
    assert steps[0].index == 5
    levels = [step.log_snr for step in steps]
    assert levels == sorted(levels)
    before = bench.timelines[trunk][4]
    assert steps[0].log_snr == pytest.approx(before.log_snr, abs=1e-3), "it begins at the very level it came to"


def test_the_middle_of_a_step_of_two_looks_is_refused_with_a_way_out(bench):
    event = bench.run(branch_of(request(scheduler="heun", steps=6), 3, scheduler="euler"))
    assert isinstance(event, Failed)
    assert "two looks" in event.message
    assert "step 2 or 4" in event.hint
    assert not event.is_bug


def test_a_level_that_is_not_known_is_refused(bench):
    from desktop.engine.crossing import Crossing

    trunk = request(steps=4)
    bench.image(trunk)
    (states,) = bench.engine._tapes._kept.values()
    with pytest.raises(KnownError, match="not known"):
        Crossing(replace(states[2], alpha=None), trunk)


def test_what_cannot_take_over_is_refused_in_words():
    for before, after, why in (
        ("flow_euler", "ddim", "flow matching"),
        ("ddim", "flow_euler", "flow matching"),
        ("native", "euler", "not known well enough"),
    ):
        assert not can_take_over(before, after)
        with pytest.raises(KnownError, match=why):
            branch_of(request(scheduler=before), 2, scheduler=after)
    assert all(can_take_over(name, name) for name in SCHEDULERS)
    assert all(can_take_over(before, after) for before in DISCRETE_SCHEDULERS for after in DISCRETE_SCHEDULERS)
