import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.engine import memory
from desktop.engine.hardware import Device
from desktop.engine.memory import Free, MemoryPlan, Need, Placement, cheaper, free_now
from desktop.errors import KnownError
from desktop.messages import Advised, Failed, PlanChosen, Saved
from tests.engine.conftest import request

GB = 10**9
XL = Need(weights=7 * GB, largest=5 * GB, decoding=3 * GB, tile=1 * GB)
kinds = st.sampled_from(["cpu", "cuda", "mps", "xpu"])
needs = st.builds(
    Need,
    weights=st.integers(0, 100 * GB),
    largest=st.integers(0, 60 * GB),
    decoding=st.integers(0, 30 * GB),
    tile=st.integers(0, 3 * GB),
)
frees = st.builds(Free, device=st.integers(0, 100 * GB), memory=st.integers(0, 200 * GB))


def test_what_fits_runs_whole_on_the_device():
    assert memory.choose("cuda", XL, Free(device=24 * GB, memory=32 * GB)) == MemoryPlan(placement=Placement.DEVICE)


def test_with_less_room_the_decoder_works_in_tiles_before_anything_is_offloaded():
    plan = memory.choose("cuda", XL, Free(device=10 * GB, memory=32 * GB))
    assert plan == MemoryPlan(placement=Placement.DEVICE, tiled=True)


def test_a_model_larger_than_the_card_is_offloaded_network_by_network_then_layer_by_layer():
    large = Need(weights=12 * GB, largest=5 * GB, decoding=3 * GB, tile=1 * GB)
    plans = [memory.choose("cuda", large, Free(device=room * GB, memory=32 * GB)) for room in (9, 7, 4)]
    assert [plan.placement for plan in plans] == [Placement.OFFLOAD, Placement.OFFLOAD, Placement.SEQUENTIAL]
    assert [plan.tiled for plan in plans] == [False, True, True]


def test_before_layers_go_to_and_fro_weights_are_kept_in_eight_bits():
    large = Need(weights=12 * GB, largest=5 * GB, decoding=3 * GB, tile=1 * GB)
    assert memory.choose("cuda", large, Free(device=5 * GB, memory=32 * GB)).mode == "8bit"
    assert memory.choose("mps", large, Free(device=5 * GB, memory=32 * GB)).mode == "sequential"
    assert memory.choose("cpu", large, Free(device=10 * GB, memory=10 * GB)).mode == "8bit"
    assert memory.choose("cuda", XL, Free(device=80 * GB, memory=80 * GB), "8bit").eight_bit


def test_the_users_word_counts_where_it_makes_a_difference():
    roomy = Free(device=80 * GB, memory=80 * GB)
    assert memory.choose("cuda", XL, roomy, "sequential").placement == Placement.SEQUENTIAL
    assert memory.choose("cuda", XL, Free(device=1 * GB, memory=GB), "device").placement == Placement.DEVICE
    assert memory.choose("cpu", XL, roomy, "offload").placement == Placement.DEVICE, "a CPU has nowhere to offload to"
    with pytest.raises(KnownError, match="auto, device, offload"):
        memory.choose("cpu", XL, roomy, "magic")


@given(kind=kinds, need=needs, free=frees)
def test_a_plan_is_always_chosen_and_only_the_last_may_not_fit(kind, need, free):
    plan = memory.choose(kind, need, free)
    assert plan in memory.ladder(kind)
    assert memory.fits(plan, need, free) or plan == memory.ladder(kind)[-1]
    text = memory.words(plan, need, free, Device(kind=kind, title="the card"))
    assert "\n" not in text
    assert ("may not be enough" in text) != memory.fits(plan, need, free)


@given(kind=kinds)
def test_after_each_plan_comes_one_that_needs_less_and_after_the_last_none(kind):
    plans = memory.ladder(kind)
    for plan, after in itertools.pairwise(plans):
        assert memory.cheaper(plan, kind) == after
    assert memory.cheaper(plans[-1], kind) is None


def test_weights_are_counted_from_their_headers(tiny):
    import torch
    from safetensors.torch import load_file

    counted = memory.numbers_in(tiny, ("unet", "vae"))
    for component in ("unet", "vae"):
        files = list((tiny / component).glob("*.safetensors"))
        assert counted[component] == sum(t.numel() for f in files for t in load_file(f).values())
    assert torch.is_tensor(torch.zeros(1))


def test_tiles_do_not_help_a_network_that_is_too_large_for_the_card():
    whole, tiled, offload, *_ = memory.ladder("cuda")
    assert cheaper(whole, "cuda", decoding=False) == offload
    assert cheaper(tiled, "cuda", decoding=False) == offload
    assert cheaper(whole, "cuda") == tiled
    assert cheaper(whole, "cpu", decoding=False).eight_bit


def test_the_plan_is_told_before_the_model_is_loaded(bench):
    bench.run(request())
    plan = bench.of(PlanChosen)[0]
    assert plan.plan == "device"
    assert "are free" in plan.text


def test_another_way_to_keep_a_model_holds_from_the_next_picture_on(bench):
    bench.image(request())
    bench.engine.set_modes(memory="8bit", compiling="off")
    bench.image(request(seed=8))
    bench.image(request(seed=9))
    assert [event.plan for event in bench.of(PlanChosen)] == ["device", "8bit"]


def test_running_out_of_memory_is_tried_again_in_tiles_once_and_told(bench, monkeypatch):
    from desktop.engine import pipeline

    real, tries = pipeline.run, []

    def run_out_at_first(*arguments, tiled, **options):
        tries.append(tiled)
        if len(tries) == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12 bytes")
        return real(*arguments, tiled=tiled, **options)

    monkeypatch.setattr(pipeline, "run", run_out_at_first)
    assert isinstance(bench.run(request()), Saved)
    assert tries == [False, True]
    assert len(bench.of(Advised)) == 1


def test_running_out_of_memory_twice_ends_the_job_and_the_next_one_runs(bench, monkeypatch):
    from desktop.engine import pipeline

    real, tries = pipeline.run, []

    def run_out(*arguments, **options):
        tries.append(1)
        if len(tries) <= 2:
            raise MemoryError
        return real(*arguments, **options)

    monkeypatch.setattr(pipeline, "run", run_out)
    event = bench.run(request())
    assert isinstance(event, Failed)
    assert "not enough memory" in event.message
    assert not event.is_bug
    assert isinstance(bench.run(request()), Saved)


def test_running_out_of_memory_while_loading_is_tried_again_too(bench, monkeypatch):
    from desktop.engine.families.stable_diffusion import StableDiffusion

    real, plans = StableDiffusion.load, []

    def run_out_at_first(self, info, **options):
        plans.append(options["plan"])
        if len(plans) == 1:
            raise MemoryError
        return real(self, info, **options)

    monkeypatch.setattr(StableDiffusion, "load", run_out_at_first)
    assert isinstance(bench.run(request()), Saved)
    assert plans[1] == cheaper(plans[0], "cpu", decoding=False)


def test_what_torch_keeps_of_earlier_pictures_is_free_for_the_next(monkeypatch):
    import torch

    for name, count in (("mem_get_info", (2_000, 16_000)), ("memory_reserved", 9_000), ("memory_allocated", 6_000)):
        monkeypatch.setattr(torch.cuda, name, lambda count=count: count)
    assert free_now(Device(kind="cuda", title="a card")).device == 5_000


def test_decoding_in_tiles_draws_nearly_the_same_picture(bench, monkeypatch):
    from desktop.engine.holder import ModelHolder
    from desktop.replay import difference

    whole = bench.image(request(width=64, height=64))
    monkeypatch.setattr(ModelHolder, "is_tiled", lambda *arguments: True)
    tiled = bench.image(request(width=64, height=64))
    assert difference(whole, tiled)[1] > 20
