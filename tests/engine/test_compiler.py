"""Blocks of networks that another process compiles while the plain ones draw, with torch's own compiler for the CPU."""

import contextlib
import shutil

import numpy as np
import pytest
import torch

from desktop.engine import block_calls, compiler
from desktop.engine.attention import CrossAttention
from desktop.engine.compiler import BackgroundCompiler
from desktop.engine.hardware import Device
from desktop.engine.memory import MemoryPlan, Placement
from desktop.messages import AttentionSeen, Branch, Cancelled, Lora, PlanChosen, Preview, QueueChanged, Saved
from tests.engine.conftest import Bench, request
from tests.engine.test_added import files  # noqa: F401
from tests.models import write_stable_diffusion

CPU = Device(kind="cpu", title="CPU")
needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """One level, so that there are three kinds of blocks to compile."""
    return write_stable_diffusion(tmp_path_factory.mktemp("models") / "tiny", widths=(8,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def quick(tiny, folder, tmp_path_factory):
    """An engine whose compiled blocks for 32x32 are ready, and the picture that was drawn plainly before."""
    bench = Bench(tiny, tmp_path_factory.mktemp("library"), compiled=folder, compile_mode="on")
    made = {}
    save = bench.engine._save
    bench.engine._save = lambda request, image, **parts: (
        made.update({request: parts["made"]}) or save(request, image, **parts)
    )
    bench.made = made
    bench.plain = bench.image(request())
    assert made[request()]["compiled"] is False
    wait_for_blocks(bench)
    yield bench
    assert bench.engine.close(60)


def wait_for_blocks(bench):
    while True:
        event = bench.events.get(timeout=500)
        bench.seen.append(event)
        if isinstance(event, PlanChosen) and "Compiled" in event.text:
            return event


def with_attention(compiling):
    return [one for block, one in compiling._compiled.items() if type(block).__name__ == "BasicTransformerBlock"]


def pixels(image):
    return np.asarray(image, np.float32) / 255


@needs_compiler
def test_compiled_blocks_draw_the_same_picture_up_to_rounding(quick, monkeypatch):
    stance = torch.compiler.set_stance
    monkeypatch.setattr(torch.compiler, "set_stance", lambda asked: stance("fail_on_recompile"))  # no way back to plain
    drawn = quick.image(request())
    assert quick.made[request()]["compiled"] is True
    assert np.abs(pixels(drawn) - pixels(quick.plain)).max() <= 2 / 255


@needs_compiler
def test_compiled_blocks_have_fused_projections_and_leave_nothing_on_the_network(quick):
    network = quick.engine.holder.loaded[0].pipelines["text_to_image"].unet
    inside = set()
    quick.on_event = lambda event: inside.update(name.rpartition(".")[2] for name, _ in network.named_modules())
    try:
        quick.image(request(seed=3))
    finally:
        quick.on_event = lambda event: None
    assert inside >= {"to_qkv", "to_kv"} and all(one._fusions for one in with_attention(quick.engine._compiler))
    assert not inside & {name.rpartition(".")[2] for name, _ in network.named_modules()} & {"to_qkv", "to_kv"}
    blocks = block_calls.repeated_blocks(network)
    assert len(blocks) > 3 and not any("forward" in vars(block) for block in blocks.values())
    hooks = quick.engine.holder.loaded[0].hooks._handles
    assert {module for block in blocks.values() for module in block.modules()} & set(hooks) > set(blocks.values())


@needs_compiler
def test_a_branch_of_a_picture_comes_out_as_that_one_was_drawn(quick):
    trunk = request(seed=11)
    whole = quick.image(trunk).tobytes()
    branch = trunk.replace(branch=Branch(trunk=trunk, step=2))
    assert quick.image(branch).tobytes() == whole and quick.made[branch]["compiled"] is True
    quick.engine._maker._drawings.clear()  # as after a restart, when nobody knows how the trunk was drawn
    assert quick.image(branch) and quick.made[branch]["compiled"] is False


@needs_compiler
def test_another_size_is_drawn_plainly_and_compiled_for_meanwhile(quick, tiny, tmp_path):
    wide = request(width=48)
    drawn = quick.image(wide).tobytes()
    assert quick.made[wide]["compiled"] is False
    plain = Bench(tiny, tmp_path)
    assert plain.image(wide).tobytes() == drawn
    assert plain.engine.close(60)
    wait_for_blocks(quick)
    other = wide.replace(seed=8)
    quick.image(other)
    assert quick.made[other]["compiled"] is True
    branch = wide.replace(branch=Branch(trunk=wide, step=2))
    assert quick.image(branch).tobytes() == drawn and quick.made[branch]["compiled"] is False


@needs_compiler
def test_a_run_is_cancelled_between_compiled_blocks(quick):
    job = quick.engine.submit(request(seed=21, steps=50))
    quick.on_event = lambda event: (
        quick.engine.cancel(job) if isinstance(event, Preview) and event.job_id == job else None
    )
    try:
        assert isinstance(quick.wait(job), Cancelled)
    finally:
        quick.on_event = lambda event: None
    assert np.abs(pixels(quick.image(request())) - pixels(quick.plain)).max() <= 2 / 255


@needs_compiler
def test_attention_is_recorded_by_plain_blocks(quick):
    watch = CrossAttention()
    ended = []

    def end(job_id, record):
        ended.append(watch.heats())
        return AttentionSeen(job_id=job_id, path="", words=ended[-1], unread=(), identical=True)

    job = quick.engine.submit(request(), ended=end, watch=watch)
    quick.wait(job)
    assert [heat.word for heat in ended[0]] == ["a", "red", "apple"]
    assert quick.images[request()].tobytes() == quick.plain.tobytes()


@needs_compiler
def test_a_picture_that_was_paused_goes_on_plainly(quick):
    long = request(seed=31, steps=12)
    job = quick.engine.submit(long)

    def pause(event):
        if isinstance(event, Preview) and event.job_id == job and event.step == 4:
            quick.engine.pause()

    quick.on_event = pause
    try:
        while not any(isinstance(event, QueueChanged) and event.paused for event in quick.seen):
            quick.seen.append(quick.events.get(timeout=60))
    finally:
        quick.on_event = lambda event: None
    quick.engine.resume()
    assert isinstance(quick.wait(job), Saved)
    assert quick.made[long]["compiled"] is True, "its beginning was drawn by compiled blocks"


@needs_compiler
def test_a_picture_with_a_lora_is_drawn_plainly_and_its_blocks_are_not_taken_over(quick, files):  # noqa: F811
    quick.image(request())
    with_lora = request(loras=(Lora(file=files["kohya"], weight=1.0),))
    quick.image(with_lora)
    assert quick.made[with_lora]["compiled"] is False
    made = quick.engine._compiler  # the engine has nothing to do now, and the LoRA is on the blocks still
    drawn = next(drawn for (of, _), drawn in quick.engine._maker._drawings.items() if of == request())
    call = next(call for call in drawn.compiled if call.kind.startswith("BasicTransformerBlock"))
    made._take(call)
    assert call not in made._known and made._missed == 0 and not made._failed
    again = quick.image(request())
    assert quick.made[request()]["compiled"] is True
    assert np.abs(pixels(again) - pixels(quick.plain)).max() <= 2 / 255
    wait_for_blocks(quick)  # the one that was left out
    assert call in made._taken


@needs_compiler
def test_what_lies_in_a_folder_that_others_may_write_to_is_not_run(tiny, tmp_path):
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    bench = Bench(tiny, tmp_path, compiled=open_folder, compile_mode="on")
    bench.image(request())
    assert bench.engine._compiler._child is None and not list(open_folder.iterdir())
    assert bench.engine.close(60)


def test_a_folder_is_emptied_where_taking_over_ended_the_program(tmp_path):
    folder = tmp_path / "compiled"
    folder.mkdir(mode=0o700)
    for name in (compiler.TAKING, "code.so"):
        (folder / name).write_bytes(b"")
    compiler._prepare(folder)
    assert list(folder.iterdir()) == []


@needs_compiler
def test_a_new_start_finds_what_was_compiled_before(quick, tiny, folder, tmp_path):
    before = {file.name for file in folder.rglob("*.so")}
    assert before
    again = Bench(tiny, tmp_path, compiled=folder, compile_mode="on")
    again.image(request())
    wait_for_blocks(again)
    assert np.abs(pixels(again.image(request())) - pixels(quick.plain)).max() <= 2 / 255
    assert again.engine.close(60)
    assert {file.name for file in folder.rglob("*.so")} == before


def test_what_a_block_is_called_with_survives_being_written_down():
    given = (
        (torch.zeros(2, 3).t(), None, 1.5),
        {"words": [torch.zeros(1, dtype=torch.int64)], "scale": {"a": True, "b": "text"}},
    )
    text = block_calls.describe(given)
    args, kwargs = block_calls.example(text, "cpu")
    assert block_calls.describe((args, kwargs)) == text
    assert args[0].stride() == (1, 3) and kwargs["scale"] == {"a": True, "b": "text"}


@pytest.mark.parametrize("odd", [object(), {1: 2}, torch.zeros(2).to_sparse(), lambda: None])
def test_what_cannot_be_written_down_is_left_alone(odd):
    with pytest.raises(block_calls.CannotDescribe):
        block_calls.describe(((odd,), {}))


def test_an_argument_that_changes_at_every_step_is_not_compiled_for_every_time():
    network = torch.nn.Module()
    network.blocks = torch.nn.ModuleList([ResnetBlock2D()])
    with block_calls.recording([network], lambda block: contextlib.nullcontext()) as calls:
        for step in range(20):
            network.blocks[0](torch.zeros(1), step)
    assert len(calls) == block_calls.CALLS_MAX


@pytest.mark.parametrize(
    ("kind", "mode", "reason"),
    [("cpu", "auto", "graphics cards"), ("cpu", "off", "switched off"), ("mps", "auto", "graphics cards")],
)
def test_nothing_is_compiled_where_it_is_not_worth_it(kind, mode, reason):
    assert reason in compiler.why_not(Device(kind=kind, title=kind), mode)


def test_without_a_c_compiler_nothing_is_compiled(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "compiler" in compiler.why_not(CPU, "on")


def test_a_folder_that_cannot_be_written_to_costs_no_picture(tiny, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    bench = Bench(tiny, tmp_path, compiled=tmp_path / "file" / "inside", compile_mode="on")
    bench.image(request())
    bench.image(request(seed=8))
    assert bench.engine.close(60)


@needs_compiler
def test_weights_that_are_not_all_in_one_place_are_left_alone(tmp_path):
    made = BackgroundCompiler(CPU, tmp_path, "on", lambda: None)

    class Model:
        def __init__(self, placement):
            self.plan = MemoryPlan(placement=placement)

    assert made._serves(Model(Placement.DEVICE), [])
    assert not made._serves(Model(Placement.OFFLOAD), [])


class ResnetBlock2D(torch.nn.Module):
    def forward(self, x, step):
        return x
