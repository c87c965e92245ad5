"""LoRA and embedding files as training programs write them, with random weights for a given model."""

import math
import re
from pathlib import Path


def _layers(network, names: str):
    from torch import nn

    for name, layer in network.named_modules():
        if re.search(names, name) and isinstance(layer, nn.Linear | nn.Conv2d):
            yield name, layer


def _halves(layer, rank: int):
    import torch
    from torch import nn

    if isinstance(layer, nn.Linear):
        return torch.randn(rank, layer.in_features) / rank, torch.randn(layer.out_features, rank)
    down = torch.randn(rank, layer.in_channels, *layer.kernel_size) / math.prod(layer.kernel_size) / rank
    return down, torch.randn(layer.out_channels, rank, 1, 1)


# Of a U-Net: attention and feed-forward layers, and what leads into and out of them.
ATTENTION = r"attn[12]\.(to_[qkv]|to_out\.0)$|ff\.net\.(0\.proj|2)$|attentions\.\d+\.proj_(in|out)$"
RESNETS = r"resnets\.\d+\.(conv1|conv2|time_emb_proj)$"
TEXT = r"(q_proj|k_proj|v_proj|out_proj|fc1|fc2)$"


def write_kohya(path: Path, networks: dict, *, rank=4, alpha=2.0, names=ATTENTION, text=TEXT, seed=0, original=None):
    """As kohya-ss/sd-scripts writes it. original: a function that gives a U-Net layer's original name."""
    import torch

    torch.manual_seed(seed)
    tensors = {}
    prefixes = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}
    if "text_encoder_2" in networks:
        prefixes["text_encoder"] = "lora_te1_"
    for part, network in networks.items():
        if part not in prefixes:
            continue
        for name, layer in _layers(network, names if part == "unet" else text):
            if part != "unet":
                name = name if name.startswith("text_model.") else f"text_model.{name}"
            elif original is not None:
                name = original(name)
            stem = prefixes[part] + name.replace(".", "_")
            down, up = _halves(layer, rank)
            tensors |= {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}
            if alpha is not None:
                tensors[f"{stem}.alpha"] = torch.tensor(alpha)
    return _write(path, tensors)


def write_peft(path: Path, networks: dict, *, rank=4, names=ATTENTION, text=TEXT, seed=0, older=False):
    """As diffusers' training scripts write it, through peft; older: as they did before."""
    import torch

    torch.manual_seed(seed)
    ends = ("lora.down", "lora.up") if older else ("lora_A", "lora_B")
    tensors = {}
    for part, network in networks.items():
        if part not in ("unet", "transformer", "text_encoder", "text_encoder_2"):
            continue
        for name, layer in _layers(network, text if part.startswith("text") else names):
            down, up = _halves(layer, rank)
            tensors |= {f"{part}.{name}.{ends[0]}.weight": down, f"{part}.{name}.{ends[1]}.weight": up}
    return _write(path, tensors)


def write_embedding(path: Path, widths: dict[str, int], *, vectors=2, seed=0):
    """widths: "emb_params", or "clip_l" and "clip_g", each to its encoder's width."""
    import torch

    torch.manual_seed(seed)
    return _write(path, {name: torch.randn(vectors, width) for name, width in widths.items()})


def _write(path: Path, tensors: dict, metadata=None) -> Path:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    return path
