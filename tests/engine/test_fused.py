"""Query, key and value as one product: the same pictures, nothing kept twice, and nothing left behind."""

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.models.attention_processor import Attention, AttnProcessor
from hypothesis import given
from hypothesis import strategies as st

from desktop.engine import block_calls, fused
from desktop.engine.skip import denoisers
from tests.engine.conftest import Bench, request
from tests.tiny import BUILDERS

# Whether diffusers has a fused way for a design's attentions; others are left as they are.
FUSED = {
    "sd2": True,
    "sdxl": True,
    "sd3": True,
    "pixart": True,
    "flux": True,
    "chroma": True,
    "z_image": False,
}
FUSED_LAYERS = {"to_qkv", "to_kv", "to_added_qkv"}


def attentions(network):
    return [module for module in network.modules() if hasattr(module, "processor") and hasattr(module, "to_q")]


@pytest.mark.parametrize("design", FUSED)
def test_fused_projections_draw_the_same_picture_and_leave_nothing_behind(design, tmp_path):
    bench = Bench(BUILDERS[design](tmp_path / "models" / design), tmp_path)
    try:
        info = bench.library.resolve(design)
        wanted = request(model=info.name, scheduler=info.scheduler, steps=2, width=64, height=64)
        plain = bench.image(wanted)
        pipeline = bench.engine.holder.loaded[0].pipelines["text_to_image"]
        networks = denoisers(pipeline)
        before = [{name: tensor.clone() for name, tensor in network.state_dict().items()} for network in networks]
        found = [fusion for network in networks for fusion in fused.fusions(network)]
        assert bool(found) is FUSED[design]
        with fused.in_place(found):
            on = [one for network in networks for one in attentions(network) if FUSED_LAYERS & set(one._modules)]
            assert len(on) == len(found)
            joined = np.asarray(bench.image(wanted), np.float32)
        assert np.abs(joined - np.asarray(plain, np.float32)).max() <= 2
        for network, weights in zip(networks, before, strict=True):
            assert network.state_dict().keys() == weights.keys()
            assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
        assert bench.image(wanted).tobytes() == plain.tobytes(), "drawn plainly again, to the last bit"
    finally:
        assert bench.engine.close(60)


def test_the_plain_weights_lie_inside_the_fused_ones():
    attention = Attention(query_dim=16, heads=2, dim_head=8, bias=True)
    (found,) = fused.fusions(attention)
    with fused.in_place([found]):
        whole, bias = attention.to_qkv.weight, attention.to_qkv.bias
    for part in (attention.to_q, attention.to_k, attention.to_v):
        assert part.weight.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
        assert part.bias.untyped_storage().data_ptr() == bias.untyped_storage().data_ptr()
        assert (part.weight.data_ptr() - whole.data_ptr()) % fused.WEIGHT_ALIGNED_TO == 0


def test_attentions_that_something_was_put_on_are_left_alone():
    attention = Attention(query_dim=16, heads=2, dim_head=8)

    class WithLora(torch.nn.Linear):
        pass

    attention.to_k = WithLora(16, 16, bias=False)
    assert fused.fusions(attention) == []
    few_heads_for_keys = Attention(query_dim=16, heads=4, kv_heads=2, dim_head=8)
    assert fused.fusions(few_heads_for_keys) == []


def test_a_processor_that_a_pipeline_puts_on_meanwhile_stays():
    attention = Attention(query_dim=16, heads=2, dim_head=8)
    found, other = fused.fusions(attention), AttnProcessor()
    with fused.in_place(found):
        attention.processor = other
        with fused.set_aside(found):
            assert attention.processor is other
        assert attention.processor is other and attention(torch.zeros(1, 4, 16)).shape == (1, 4, 16)
    assert attention.processor is other and not hasattr(attention, "to_qkv")


@pytest.mark.parametrize("design", sorted(set(BUILDERS) - {"karlo", "stable_unclip", "kandinsky"}))
def test_every_design_has_blocks_that_can_be_compiled(design, tmp_path):
    folder = BUILDERS[design](tmp_path / design)
    networks = denoisers(DiffusionPipeline.from_pretrained(folder, local_files_only=True, safety_checker=None))
    assert any(block_calls.repeated_blocks(network) for network in networks)


def test_an_error_inside_leaves_the_attention_as_it_was():
    attention = Attention(query_dim=16, heads=2, dim_head=8)
    held, found = dict(vars(attention)), fused.fusions(attention)
    with pytest.raises(RuntimeError), fused.in_place(found):
        attention(torch.zeros(1, 4, 5))
    assert vars(attention).keys() == held.keys() and attention.processor is held["processor"]
    assert not hasattr(attention, "to_qkv") and attention.fused_projections is False


tensors = st.builds(
    lambda shape, turned, kind: torch.empty(shape, dtype=kind).t() if turned else torch.empty(shape, dtype=kind),
    st.sampled_from([(2, 3), (3, 2), (1, 6)]),
    st.booleans(),
    st.sampled_from([torch.float32, torch.int64]),
)
plain_values = st.sampled_from([None, True, False, 0, 1, 0.0, 1.0, "", "a"])
nests = st.recursive(
    tensors | plain_values,
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.lists(inside, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from("ab"), inside, max_size=2)
    ),
    max_leaves=4,
)


@given(nests, nests)
def test_two_calls_have_the_same_key_where_they_are_written_down_alike(first, second):
    assert (block_calls.key_of(first) == block_calls.key_of(second)) is (
        block_calls.describe(first) == block_calls.describe(second)
    )
    args, kwargs = block_calls.example(block_calls.describe(((first,), {"x": second})), "cpu")
    assert block_calls.key_of((args, kwargs)) == block_calls.key_of(((first,), {"x": second}))
