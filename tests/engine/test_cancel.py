"""Stop takes effect within one block of a network, wherever the run is."""

import operator

import pytest
import torch

from desktop.engine.cancel import CancelToken, JobCancelled, blocks_of
from desktop.engine.families import FAMILIES, components
from desktop.engine.families.folder import load_component, open_folder
from desktop.engine.hardware import Device
from desktop.engine.memory import MemoryPlan, Placement
from desktop.messages import Cancelled, Saved
from tests.engine.conftest import request


class _Trap:
    """Asks for the stop inside a chosen network and counts the blocks that still start afterwards."""

    def __init__(self, network, stop):
        self.blocks_after = 0
        self.stopped = False
        self._stop = stop
        blocks = blocks_of(network)
        self.handles = [block.register_forward_hook(self._after, always_call=False) for block in blocks[2:3]]
        self.handles += [block.register_forward_pre_hook(self._before) for block in blocks]

    def _after(self, module, args, output):
        if not self.stopped:
            self.stopped = True
            self._stop()

    def _before(self, module, args):
        if self.stopped:
            self.blocks_after += 1

    def remove(self):
        for handle in self.handles:
            handle.remove()


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae.decoder"])
def test_a_stop_inside_a_network_takes_effect_before_its_next_block(bench, part):
    before = bench.image(request())
    model, _ = bench.engine.holder.loaded
    asked = request(seed=11)
    job = None
    trap = _Trap(operator.attrgetter(part)(model.pipelines["text_to_image"]), lambda: bench.engine.cancel(job))
    # Submitted from here while the engine sleeps, so that the trap knows the job's name before it runs.
    with bench.engine._lock:
        job = bench.engine.submit(asked)
    ended = bench.wait(job)
    trap.remove()
    assert isinstance(ended, Cancelled)
    assert trap.stopped
    assert trap.blocks_after == 0
    assert asked not in bench.images
    assert bench.image(request()).tobytes() == before.tobytes()


def test_a_stop_during_loading_is_kept(bench, tiny, monkeypatch):
    original = components.load_component
    job = None

    def load_component(*args, **kwargs):
        bench.engine.cancel(job)
        return original(*args, **kwargs)

    monkeypatch.setattr(components, "load_component", load_component)
    with bench.engine._lock:
        job = bench.engine.submit(request())
    bench.start()
    assert isinstance(bench.wait(job), Cancelled)
    monkeypatch.undo()
    assert isinstance(bench.run(request()), Saved)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_stop_while_one_network_is_read_takes_effect_between_two_of_its_tensors(tiny, part):
    class StoppedOnTheWay(CancelToken):
        asked = 0

        def check(self):
            self.asked += 1
            if self.asked == 50:
                self.set()
            super().check()

    folder = open_folder(tiny)
    cls, token = components.class_of(folder, part), StoppedOnTheWay()
    with pytest.raises(JobCancelled):
        load_component(cls, tiny / part, dtype=torch.float32, token=token)
    assert token.asked < 60, "it went on for a while"
    assert load_component(cls, tiny / part, dtype=torch.float32, token=CancelToken()).training is False


def test_a_stop_while_the_picture_is_being_saved_comes_too_late(bench):
    job = None
    bench.before_save = lambda: bench.engine.cancel(job)
    with bench.engine._lock:
        job = bench.engine.submit(request())
    bench.start()
    assert isinstance(bench.wait(job), Saved)


def test_the_blocks_of_the_networks_are_small_parts_of_them(bench):
    info = bench.library.resolve("tiny")
    from desktop.engine.cancel import CancelToken

    model = FAMILIES[0].load(
        info,
        device=Device(kind="cpu", title="CPU"),
        plan=MemoryPlan(placement=Placement.DEVICE),
        token=CancelToken(),
        on_progress=lambda done, total: None,
    )
    unet = model.pipelines["text_to_image"].unet
    leaves = [
        block for block in blocks_of(unet) if not any(isinstance(m, torch.nn.ModuleList) for m in block.modules())
    ]
    largest = max(sum(p.numel() for p in block.parameters()) for block in leaves)
    assert largest < sum(p.numel() for p in unet.parameters()) / 2
