"""A LoRA file's weights, sorted to the networks and layers they change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.errors import KnownError
from desktop.library.lora_header import pairs_of

if TYPE_CHECKING:
    import torch

COMPONENTS = ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
# diffusers' names of a U-Net's layers and the original repository's for them.
_IN_RESNET = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_AT_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}
_IN_BLOCK = re.compile(r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is added to one layer's weight: up @ down. down: (rank, in, ...), up: (out, rank, ...)."""

    down: "torch.Tensor"
    up: "torch.Tensor"


def read_lora(path: Path, pipeline: Any, dtype: "torch.dtype") -> dict[str, dict[str, Change]]:
    """The changes by component and by the name of the layer inside it, scaled as the file says, in dtype.

    Raises KnownError where the file changes layers that the pipeline does not have, or others' shapes.
    """
    from safetensors.torch import load_file

    tensors = _scaled(path, load_file(str(path)))
    network = "unet" if getattr(pipeline, "unet", None) is not None else "transformer"
    if network == "transformer":
        tensors = _converted(path, pipeline, tensors)
    layers = {name: _layers(part) for name in COMPONENTS if (part := getattr(pipeline, name, None)) is not None}
    if network == "unet":  # kohya calls XL's layers as their makers do, and those of version 1 as diffusers does
        count = pipeline.unet.config.layers_per_block
        attentive = {name.split(".")[1] for name, _ in layers["unet"].values() if re.match(r"up_.*attentions", name)}
        for found in list(layers["unet"].values()):
            original = original_name(found[0], count, attentive)
            if original is not None:
                layers["unet"].setdefault(original.replace(".", "_"), found)
    changes: dict[str, dict[str, Change]] = {}
    unknown = []
    for pair in pairs_of(path, tensors):
        component = network if pair.part in ("unet", "transformer") else pair.part
        found = _find(layers.get(component, {}), pair.name)
        if found is None:
            unknown.append(pair.stem)
            continue
        name, layer = found
        changes.setdefault(component, {})[name] = _fitted(
            path, name, layer, tensors[pair.down], tensors[pair.up], dtype
        )
    if unknown:
        raise KnownError(
            f"The LoRA {path} was made for another model: {len(unknown)} of the layers it changes are not in this one, "
            f"{unknown[0][:120]} among them",
            "Choose a LoRA made for this model.",
        )
    if not changes:
        raise KnownError(f"The LoRA {path} changes nothing", "Get the file again, whole.")
    return changes


def _scaled(path: Path, tensors: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """The tensors in float32 without their alphas, which are multiplied into the upper halves.

    An alpha over the rank scales a pair. The libraries look for alphas under half a dozen names, and where they find
    none under the name at hand they scale by one without a word.
    """
    import torch

    known = set()
    alphas = {name: t for name, t in tensors.items() if name.endswith(".alpha")}
    out = {name: t.float() for name, t in tensors.items() if name not in alphas and torch.is_floating_point(t)}
    for pair in pairs_of(path, out):
        known |= {pair.down, pair.up}
        alpha = alphas.get(f"{pair.stem}.alpha")
        if alpha is not None:
            out[pair.up] = out[pair.up] * (alpha.float().item() / pair.rank)
    strange = [name for name in out if name not in known]
    if strange:
        raise KnownError(
            f"The LoRA {path} holds more than a LoRA, {strange[0][:120]} for one, and cannot be applied",
            "Get it as a plain LoRA.",
        )
    return out


def original_name(name: str, count: int, attentive: set[str]) -> str | None:
    """A U-Net layer's name in the original repository; None for what has none.

    count: of residual blocks in each block. attentive: the numbers of the upward blocks that have attention.
    """
    if name in _AT_ENDS:
        return _AT_ENDS[name]
    found = _IN_BLOCK.fullmatch(name)
    if found is None:
        return None
    way, block, part, layer, rest = found.groups()
    if part == "resnets":
        rest = _IN_RESNET.get(rest, rest)
    if way == "mid":
        return f"middle_block.{1 if part == 'attentions' else 2 * int(layer)}.{rest}"
    first = int(block) * (count + 1)
    if part == "downsamplers":
        return f"input_blocks.{first + count + 1}.0.op"
    if part == "upsamplers":
        return f"output_blocks.{first + count}.{2 if block in attentive else 1}.conv"
    start = f"input_blocks.{first + int(layer) + 1}" if way == "down" else f"output_blocks.{first + int(layer)}"
    return f"{start}.{int(part == 'attentions')}.{rest}"


def _converted(path: Path, pipeline: Any, tensors: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """A transformer's LoRA in diffusers' names, whichever program wrote it; its q, k and v may be split there."""
    try:
        return pipeline.lora_state_dict(tensors)
    except Exception as error:  # conversions that trip over names they do not expect
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> KnownError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return KnownError(
        f"The LoRA {path} was made for another model, or by a program whose names are not known ({reason[:200]})",
        "Choose a LoRA made for this model.",
    )


def _layers(network: "torch.nn.Module") -> "dict[str, tuple[str, torch.nn.Module]]":
    """The layers a LoRA can change, by their flattened names; adapters that are there are looked through."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from torch import nn

    layers = {}
    for name, module in network.named_modules():
        layer = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
        if isinstance(layer, nn.Linear | nn.Conv2d) and ".base_layer" not in name and ".lora_" not in name:
            layers[name.replace(".", "_")] = (name, layer)
    return layers


def _find(layers: "Mapping[str, tuple[str, Any]]", name: str) -> "tuple[str, Any] | None":
    """name: flattened. Wrapped once in older files: attn1.processor.to_q_lora, to_out_lora; and text_model."""
    name = name.replace("_processor_", "_").removesuffix("_lora")
    for candidate in (name, f"{name}_0", name.removeprefix("text_model_"), f"text_model_{name}"):
        if candidate in layers:
            return layers[candidate]
    return None


def _fitted(
    path: Path, name: str, layer: Any, down: "torch.Tensor", up: "torch.Tensor", dtype: "torch.dtype"
) -> Change:
    """The halves as matrices for a matrix and as convolutions for a convolution. Raises KnownError."""
    from torch import nn

    if isinstance(layer, nn.Linear):
        wanted = (layer.in_features, layer.out_features)
        if down.ndim == 4 and down.shape[2:] == up.shape[2:] == (1, 1):
            down, up = down.flatten(1), up.flatten(1)
        fits = (down.ndim, up.ndim) == (2, 2) and (down.shape[1], up.shape[0]) == wanted
    else:
        wanted = (layer.in_channels, layer.out_channels)
        if down.ndim == 2:
            down, up = down[:, :, None, None], up[:, :, None, None]
        fits = (down.shape[1], up.shape[0]) == wanted and (
            (down.shape[2:], up.shape[2:]) in ((layer.kernel_size, (1, 1)), ((1, 1), layer.kernel_size))
        )
    if not fits:
        raise KnownError(
            f"The LoRA {path} was made for another version of the model: its change of {name[:120]} is made for "
            f"{down.shape[1]} in and {up.shape[0]} out, and the layer has {wanted[0]} and {wanted[1]}",
            "Choose a LoRA made for this model's version.",
        )
    return Change(down=down.to(dtype).contiguous(), up=up.to(dtype).contiguous())
