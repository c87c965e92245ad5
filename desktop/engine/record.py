"""What beyond the request decided a picture's pixels."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop.engine.families import LoadedModel
    from desktop.engine.hardware import Device


def record_of(model: "LoadedModel", device: "Device", tiled: bool, *, compiled: bool) -> dict[str, Any]:
    """Versions, device, precision, attention, model and whether its blocks were compiled: kept in the picture, so that
    a difference can be explained.
    """
    import diffusers
    import torch
    import transformers

    from desktop import __version__

    return {
        "safelight": __version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "device": device.kind,
        "device_name": device.title,
        "dtype": str(model.dtype).removeprefix("torch.") + (", weights in float8" if model.plan.eight_bit else ""),
        "placement": model.plan.mode,
        "tiled": tiled,
        "compiled": compiled,
        "attention": _attention_of(model),
        "model_fingerprint": model.fingerprint,
    }


def _attention_of(model: "LoadedModel") -> str:
    """The class that computes it in the first attention layer, and how diffusers has it computed, such as "native"."""
    from diffusers.models.attention_dispatch import _AttentionBackendRegistry

    backend = getattr(_AttentionBackendRegistry.get_active_backend()[0], "value", "")
    for pipeline in model.pipelines.values():
        for name in ("unet", "transformer", "decoder", "prior"):
            processors = getattr(getattr(pipeline, name, None), "attn_processors", None)
            if processors:
                return f"{type(next(iter(processors.values()))).__name__}, {backend}"
    return backend
