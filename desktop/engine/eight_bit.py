"""Weights kept in eight bits: half the memory of 16, less precise, slower by the way back at each layer."""

from typing import Any

# Everything but these: decoders are small and show every rounding, schedulers and tokenizers have no weights.
_WHOLE = ("AutoencoderKL", "VQModel", "AsymmetricAutoencoder", "AutoencoderDC", "AutoencoderTiny")


def shrink(part: Any) -> None:
    """Keep the linear and convolution layers of a network in float8 (four bits of exponent, three of mantissa),
    and compute in the precision they came in: diffusers' layerwise casting (Micikevicius et al., arXiv 2209.05433, for
    the format). Norms, embeddings and first and last projections stay as they are, and so does what is no network.
    """
    import torch
    from diffusers.hooks import apply_layerwise_casting
    from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN
    from torch import nn

    if not isinstance(part, nn.Module) or type(part).__name__.startswith(_WHOLE):
        return
    first = next((name for name, weight in part.named_parameters() if weight.is_floating_point()), None)
    if first is None:
        return
    # transformers' networks tell their precision by their first weight. One of the network itself is in no layer, and
    # its empty name would keep all of the network.
    layer = first.rpartition(".")[0]
    kept = [rf"^{layer}$".replace(".", r"\.")] if layer else []
    # Such as T5's last projections, which overflow in 16 bits already; the layers ask for their weights' precision.
    exact = [rf"(^|\.){name}$" for name in getattr(part, "_keep_in_fp32_modules", None) or ()]
    apply_layerwise_casting(
        part,
        storage_dtype=torch.float8_e4m3fn,
        compute_dtype=next(weight.dtype for weight in part.parameters() if weight.is_floating_point()),
        skip_modules_pattern=(*DEFAULT_SKIP_MODULES_PATTERN, "norm", "embed", *kept, *exact),
    )
