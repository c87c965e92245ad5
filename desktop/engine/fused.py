"""Fused projections: query, key and value of an attention as one product instead of three, while compiled blocks draw.

diffusers' own way of it (fuse_qkv_projections) keeps a second copy of those weights for good. Here the plain weights
become views of the fused ones, so nothing is kept twice, and the fused ones are on an attention only inside a with
statement: a run without it, and whoever looks at the plain projections, finds them as they were.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SELF, CROSS = ("to_q", "to_k", "to_v"), ("to_k", "to_v")
ADDED = ("add_q_proj", "add_k_proj", "add_v_proj")  # of the text, in transformers that read it beside the picture
# Bytes, as a weight of its own lies in memory at the least: libraries choose how to multiply by it, on cards up to 256.
WEIGHT_ALIGNED_TO, BIAS_ALIGNED_TO = 256, 64


class Fusion:
    """Of one attention. linears: by the name diffusers knows them by; processor: what computes with them.

    A processor that somebody else puts on the attention in between, as some pipelines do, stays on it: the plain
    projections are there all the time.
    """

    def __init__(self, attention: "torch.nn.Module", linears: "dict[str, torch.nn.Linear]", processor: Any) -> None:
        self._attention: Any = attention
        self._linears = linears
        self._plain, self._fused = attention.processor, processor
        self._says = "fused_projections" in vars(attention)  # itself, not only its class

    def put_on(self) -> None:
        """From now on the attention computes with fused projections."""
        for name, linear in self._linears.items():
            self._attention.add_module(name, linear)
        self._attention.fused_projections = True
        if self._attention.processor is self._plain:
            self._attention.processor = self._fused

    def take_off(self) -> None:
        """All of it is as it was before put_on()."""
        for name in self._linears:
            delattr(self._attention, name)
        if self._says:
            self._attention.fused_projections = False
        else:
            del self._attention.fused_projections
        if self._attention.processor is self._fused:
            self._attention.processor = self._plain


def fusions(block: "torch.nn.Module") -> list[Fusion]:
    """Of the attentions in the block that diffusers has a fused way for; from now on their weights are views."""
    return [found for module in block.modules() if (found := _fusion(module)) is not None]


def in_place(found: list[Fusion]) -> contextlib.AbstractContextManager[None]:
    """Inside, these attentions compute with fused projections."""
    return _between(found, Fusion.put_on, Fusion.take_off)


def set_aside(found: list[Fusion]) -> contextlib.AbstractContextManager[None]:
    """Inside in_place(): here they compute plainly."""
    return _between(found, Fusion.take_off, Fusion.put_on)


@contextlib.contextmanager
def _between(found: list[Fusion], before: Callable[[Fusion], None], after: Callable[[Fusion], None]) -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for fusion in found:
            before(fusion)
            undo.callback(after, fusion)
        yield


def _fusion(module: "torch.nn.Module") -> Fusion | None:
    processor = _fused_processor(module)
    if processor is None or getattr(module, "fused_projections", False):
        return None
    wanted = {"to_kv": CROSS} if getattr(module, "is_cross_attention", False) else {"to_qkv": SELF}
    if getattr(module, "add_q_proj", None) is not None:
        wanted["to_added_qkv"] = ADDED
    plain = {name: [getattr(module, part, None) for part in parts] for name, parts in wanted.items()}
    if not all(_fit(parts) for parts in plain.values()):
        return None
    linears = {name: _joined(parts) for name, parts in plain.items()}
    return Fusion(module, linears, processor)


def _fused_processor(module: "torch.nn.Module") -> Any:
    """What computes the module with fused projections; None where it is no attention, or there is no such thing."""
    from diffusers.models import attention_processor as processors
    from diffusers.models.attention import AttentionModuleMixin

    plain = getattr(module, "processor", None)
    if isinstance(module, processors.Attention):
        if type(plain) is processors.AttnProcessor2_0:
            return processors.FusedAttnProcessor2_0()
        if type(plain) is processors.JointAttnProcessor2_0 and _joins(module):
            return processors.FusedJointAttnProcessor2_0()
        return None
    if isinstance(module, AttentionModuleMixin) and module._supports_qkv_fusion:
        return plain  # it asks the attention whether its projections are fused
    return None


def _joins(attention: Any) -> bool:
    """Whether the fused processor computes it: that one takes a text for granted and leaves norms of queries out."""
    norms = (attention.norm_q, attention.norm_k, attention.norm_added_q, attention.norm_added_k)
    return attention.add_q_proj is not None and all(norm is None for norm in norms)


def _fit(parts: list[Any]) -> bool:
    """Whether these are ordinary layers of one shape: no LoRA, no quantised one, no fewer heads for keys."""
    from torch import nn

    if any(type(part) is not nn.Linear for part in parts):
        return False
    weight, bias = parts[0].weight, parts[0].bias
    if len({(part.weight.shape, part.weight.dtype, part.weight.device, part.bias is None) for part in parts}) > 1:
        return False
    if not weight.is_contiguous() or weight.numel() * weight.itemsize % WEIGHT_ALIGNED_TO:
        return False
    return bias is None or bias.numel() * bias.itemsize % BIAS_ALIGNED_TO == 0


def _joined(parts: "list[torch.nn.Linear]") -> "torch.nn.Linear":
    """One layer for all of them, of which each is a part of its rows."""
    import torch

    rows, columns = parts[0].weight.shape
    with torch.device("meta"):
        joined = torch.nn.Linear(columns, rows * len(parts), bias=parts[0].bias is not None)
    for name in ("weight", "bias"):
        if getattr(parts[0], name) is None:
            continue
        whole = torch.cat([getattr(part, name).detach() for part in parts])
        setattr(joined, name, torch.nn.Parameter(whole, requires_grad=False))
        for part, view in zip(parts, whole.chunk(len(parts)), strict=True):
            getattr(part, name).data = view
    return joined.eval()
