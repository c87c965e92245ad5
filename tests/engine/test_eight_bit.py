"""Weights in eight bits: half the memory, nearly the same picture, and everything else as ever."""

import pytest
import torch

from desktop.engine import eight_bit, memory, single_file
from desktop.engine.cancel import CancelToken
from desktop.engine.families import components, sources
from desktop.engine.memory import MemoryPlan, Placement
from desktop.messages import Lora
from desktop.replay import difference
from tests.engine.conftest import Bench, request
from tests.engine.test_added import files  # noqa: F401
from tests.engine.test_branch import branch_of
from tests.engine.test_families import request_for
from tests.small_models import write_original
from tests.tiny import BUILDERS

EIGHT = torch.float8_e4m3fn


@pytest.fixture
def eight(tiny, tmp_path):
    bench = Bench(tiny, tmp_path, memory_mode="8bit")
    yield bench
    assert bench.engine.close(60)


def held(bench):
    return bench.engine.holder.loaded[0].pipelines["text_to_image"]


def test_most_weights_take_one_byte_and_the_decoder_stays_as_it_is(eight):
    eight.image(request())
    unet, vae = held(eight).unet, held(eight).vae
    small = sum(weight.numel() for weight in unet.parameters() if weight.dtype == EIGHT)
    assert small > 0.8 * sum(weight.numel() for weight in unet.parameters())
    assert {weight.dtype for weight in vae.parameters()} == {torch.float32}
    assert held(eight).text_encoder.dtype == torch.float32


def test_the_same_seed_gives_the_same_pixels_and_a_branch_without_a_change_too(eight):
    one = eight.image(request(steps=4)).tobytes()
    assert eight.image(request(steps=4)).tobytes() == one
    grown = branch_of(request(steps=4), 2)
    assert eight.image(grown).tobytes() == one


def test_a_lora_goes_on_and_comes_off_without_a_trace(eight, files):  # noqa: F811
    plain = request(prompt="a sparkle apple")
    before = eight.image(plain).tobytes()
    assert eight.image(plain.replace(loras=(Lora(file=files["kohya"]),))).tobytes() != before
    assert eight.image(plain).tobytes() == before


@pytest.mark.parametrize("design", [name for name in BUILDERS if name != "sdxl_refiner"])
def test_other_designs_draw_as_well(tmp_path, design):
    folder = BUILDERS[design](tmp_path / "models" / design)
    bench = Bench(folder, tmp_path, memory_mode="8bit")
    try:
        bench.image(request_for(bench.library.resolve(folder.name)))
        pipeline = held(bench)
        networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
        assert any(weight.dtype == EIGHT for part in networks for weight in part.parameters())
    finally:
        assert bench.engine.close(60)


def test_the_built_in_model_draws_nearly_the_same_in_eight_bits(tmp_path):
    from desktop.settings import RESOURCES

    pictures = []
    for mode in ("device", "8bit"):
        bench = Bench(RESOURCES / "models" / "starter", tmp_path / mode, memory_mode=mode)
        wanted = request(model="starter", prompt="a red apple", steps=12, width=256, height=256, guidance_scale=4.0)
        pictures.append(bench.image(wanted))
        assert bench.engine.close(60)
    assert difference(*pictures)[1] > 20  # dB


def test_a_plan_for_a_card_offloads_and_shrinks(tiny, tmp_path, monkeypatch):
    plan = MemoryPlan(placement=Placement.OFFLOAD, tiled=True, eight_bit=True)
    monkeypatch.setattr(memory, "choose", lambda *how: plan)
    bench = Bench(tiny, tmp_path)
    try:
        one = bench.image(request()).tobytes()
        assert bench.image(request()).tobytes() == one
        assert bench.engine.holder.loaded[0].plan == plan
    finally:
        assert bench.engine.close(60)


class Watched:
    """Stands before a function that reads a network, and looks at each call at those read before."""

    def __init__(self, read):
        self._read = read
        self.networks, self.whole = [], []

    def __call__(self, *what, **how):
        self.whole += [
            type(network).__name__
            for network in self.networks
            if all(weight.dtype != EIGHT for weight in network.parameters())
        ]
        part = self._read(*what, **how)
        if isinstance(part, torch.nn.Module) and not type(part).__name__.startswith(eight_bit._WHOLE):
            self.networks.append(part)
        return part


@pytest.mark.parametrize("design", ["sd3", "deepfloyd_if", "kandinsky"])
def test_of_no_two_networks_the_weights_are_whole_at_once(tmp_path, monkeypatch, design):
    watched = Watched(components.load_component)
    monkeypatch.setattr(components, "load_component", watched)
    folder = BUILDERS[design](tmp_path / "models" / design)
    bench = Bench(folder, tmp_path, memory_mode="8bit")
    try:
        bench.image(request_for(bench.library.resolve(folder.name)))
    finally:
        assert bench.engine.close(60)
    assert len(watched.networks) >= 3
    assert watched.whole == []


def test_nor_are_they_where_one_file_holds_the_model(tmp_path, monkeypatch):
    path, config, _ = write_original("stable-diffusion-1", tmp_path)
    monkeypatch.setattr(sources, "_config", lambda kind, base: config)
    watched = Watched(single_file._from_file)
    monkeypatch.setattr(single_file, "_from_file", watched)
    how = {"dtype": torch.float32, "device": "cpu", "token": CancelToken(), "on_progress": lambda *_: None}
    parts = sources.read_file(path, **how, finish=eight_bit.shrink)
    assert len(watched.networks) == 2
    assert watched.whole == []
    assert any(weight.dtype == EIGHT for weight in parts["unet"].parameters())
