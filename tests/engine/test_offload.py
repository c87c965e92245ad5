"""Models that are spread over two memories: the same pixels, whatever is put on them and however a run ends.

The processor plays the graphics card, as diffusers lets it: all hooks are there, and move nothing.
"""

import accelerate
import pytest
import torch

from desktop.engine import memory
from desktop.engine.memory import MemoryPlan, Placement
from desktop.messages import Cancelled, Lora, Preview, Saved
from tests.engine.conftest import Bench, request
from tests.engine.test_added import files  # noqa: F401
from tests.engine.test_branch import branch_of
from tests.engine.test_families import request_for, start_of
from tests.tiny import BUILDERS

CPU = torch.device("cpu")


@pytest.mark.parametrize("placement", [Placement.OFFLOAD, Placement.SEQUENTIAL])
def test_offloading_changes_no_pixel_whatever_ran_before(tiny, tmp_path, files, monkeypatch, placement):  # noqa: F811
    plain = request(prompt="a sparkle apple")
    lora = plain.replace(loras=(Lora(file=files["kohya"]),))
    word = plain.replace(embeddings=(files["word"],))
    whole = Bench(tiny, tmp_path)
    wanted = [lora, plain, word, lora.replace(embeddings=word.embeddings), branch_of(plain, 2), branch_of(lora, 3)]
    wanted += [start_of(whole, plain), plain]
    as_one = {request: whole.image(request).tobytes() for request in wanted}
    assert whole.engine.close(60)
    monkeypatch.setattr(memory, "choose", lambda *how: MemoryPlan(placement=placement))
    by_layer = accelerate.cpu_offload  # diffusers calls the processor cpu:0, to which torch always makes a copy
    monkeypatch.setattr(accelerate, "cpu_offload", lambda part, device, **more: by_layer(part, CPU, **more))
    spread = Bench(tiny, tmp_path)
    start_of(spread, plain)

    def stop(event):
        if isinstance(event, Preview) and event.step == 2:
            spread.engine.cancel(event.job_id)

    try:
        for number, request_ in enumerate(wanted):
            assert spread.image(request_).tobytes() == as_one[request_], number
        spread.on_event = stop
        assert isinstance(spread.run(word), Cancelled)
        spread.on_event = lambda event: None
        assert spread.image(lora).tobytes() == as_one[lora]
        assert spread.image(plain).tobytes() == as_one[plain]
    finally:
        assert spread.engine.close(60)


def test_the_second_stage_of_a_cascade_is_offloaded_as_the_first(tmp_path, monkeypatch):
    design = BUILDERS["deepfloyd_if"](tmp_path / "models" / "deepfloyd_if")
    monkeypatch.setattr(memory, "choose", lambda *how: MemoryPlan(placement=Placement.OFFLOAD))
    bench = Bench(design, tmp_path)
    info = bench.library.resolve(design.name)
    hooked = {}

    def look(event):
        if isinstance(event, Preview):
            model = bench.engine.holder.loaded[0]
            unets = {"main": model.pipelines["text_to_image"].unet, "upscaler": model.parts["upscaler"].unet}
            hooked[event.stage] = hasattr(unets[event.stage], "_hf_hook")

    bench.on_event = look
    assert isinstance(bench.run(request_for(info)), Saved)
    assert hooked == {"main": True, "upscaler": True}
    assert bench.engine.close(60)
