"""Weights as their makers published them: diffusers' names turned back into the original repositories'.

diffusers converts one way only. Each function here undoes what its single_file_utils does, so a random model built with
diffusers can be written as a file of the original layout; that it is the right layout is checked against the names of
published files (see NAMES in test_single_file.py).
"""

import re
from pathlib import Path

_RESNET = {
    "norm1.": "in_layers.0.",
    "conv1.": "in_layers.2.",
    "norm2.": "out_layers.0.",
    "conv2.": "out_layers.3.",
    "time_emb_proj.": "emb_layers.1.",
    "conv_shortcut.": "skip_connection.",
}
_UNET_ENDS = {
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "add_embedding.linear_1.": "label_emb.0.0.",
    "add_embedding.linear_2.": "label_emb.0.2.",
    "conv_in.": "input_blocks.0.0.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
}


def unet(state: dict, layers: int) -> dict:
    """state: of a UNet2DConditionModel with `layers` residual blocks in each of its blocks."""
    attentive = {m[1] for key in state if (m := re.match(r"up_blocks\.(\d+)\.attentions", key))}

    def name(key: str) -> str:
        for ours, theirs in _UNET_ENDS.items():
            if key.startswith(ours):
                return theirs + key.removeprefix(ours)
        block = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", key)
        if block is None:
            _, part, at, rest = re.match(r"(mid_block)\.(resnets|attentions)\.(\d+)\.(.*)", key).groups()
            place = 1 if part == "attentions" else 2 * int(at)
            return f"middle_block.{place}." + (rest if part == "attentions" else _in_resnet(rest))
        way, at, part, layer, rest = block.groups()
        number = int(at) * (layers + 1) + int(layer)
        if way == "down":
            if part == "downsamplers":
                return f"input_blocks.{int(at) * (layers + 1) + layers + 1}.0.op.{rest.removeprefix('conv.')}"
            start = f"input_blocks.{number + 1}."
        else:
            if part == "upsamplers":
                return f"output_blocks.{int(at) * (layers + 1) + layers}.{2 if at in attentive else 1}.{rest}"
            start = f"output_blocks.{number}."
        return start + ("1." + rest if part == "attentions" else "0." + _in_resnet(rest))

    return {name(key): tensor for key, tensor in state.items()}


def _in_resnet(rest: str) -> str:
    return next(theirs + rest.removeprefix(ours) for ours, theirs in _RESNET.items() if rest.startswith(ours))


def vae(state: dict) -> dict:
    """state: of an AutoencoderKL."""
    last = max(int(m[1]) for key in state if (m := re.match(r"decoder\.up_blocks\.(\d+)", key)))
    out = {}
    for key, tensor in state.items():
        name = re.sub(r"up_blocks\.(\d+)", lambda m: f"up.{last - int(m[1])}", key)
        name = re.sub(r"down_blocks\.(\d+)", r"down.\1", name)
        name = re.sub(r"mid_block\.resnets\.(\d+)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = re.sub(r"\.resnets\.", ".block.", name).replace("mid_block.attentions.0.", "mid.attn_1.")
        for ours, theirs in (
            ("conv_shortcut", "nin_shortcut"),
            ("downsamplers.0", "downsample"),
            ("upsamplers.0", "upsample"),
            ("conv_norm_out", "norm_out"),
            ("group_norm", "norm"),
            ("to_out.0", "proj_out"),
            (".to_", "."),
        ):
            name = name.replace(ours, theirs)
        if "attn_1" in name and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]  # published as 1x1 convolutions
        out[name] = tensor
    return out


def clip(state: dict) -> dict:
    """state: of a CLIPTextModel, with or without projection."""
    return {
        key if key.startswith(("text_model.", "text_projection.")) else f"text_model.{key}": tensor
        for key, tensor in state.items()
    }


_OPEN_CLIP = (
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.embeddings.token_embedding.", "token_embedding."),
    ("text_model.final_layer_norm.", "ln_final."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.", ".attn."),
)


def open_clip(state: dict) -> dict:
    """state: as clip() takes it."""
    import torch

    out, state = {}, clip(state)
    for key, tensor in state.items():
        name = key
        for ours, theirs in _OPEN_CLIP:
            name = name.replace(ours, theirs)
        if name == "text_projection.weight":
            out["text_projection"] = tensor.T.contiguous()
        elif ".q_proj." in name:
            parts = [state[key.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            out[name.replace(".q_proj.", ".in_proj_")] = torch.cat(parts)
        elif ".k_proj." not in name and ".v_proj." not in name:
            out[name] = tensor
    return out


def _swapped(tensor):
    """Scale and shift change places between diffusers and the original."""
    import torch

    scale, shift = tensor.chunk(2)
    return torch.cat([shift, scale])


def _joined(state: dict, start: str, names: tuple[str, ...], end: str):
    import torch

    return torch.cat([state[f"{start}{name}.{end}"] for name in names])


_SD3 = {
    "pos_embed.proj.": "x_embedder.proj.",
    "time_text_embed.timestep_embedder.linear_1.": "t_embedder.mlp.0.",
    "time_text_embed.timestep_embedder.linear_2.": "t_embedder.mlp.2.",
    "time_text_embed.text_embedder.linear_1.": "y_embedder.mlp.0.",
    "time_text_embed.text_embedder.linear_2.": "y_embedder.mlp.2.",
    "context_embedder.": "context_embedder.",
    "proj_out.": "final_layer.linear.",
}
_SD3_BLOCK = {
    "norm1.linear.": "x_block.adaLN_modulation.1.",
    "norm1_context.linear.": "context_block.adaLN_modulation.1.",
    "ff.net.0.proj.": "x_block.mlp.fc1.",
    "ff.net.2.": "x_block.mlp.fc2.",
    "ff_context.net.0.proj.": "context_block.mlp.fc1.",
    "ff_context.net.2.": "context_block.mlp.fc2.",
    "attn.to_out.0.": "x_block.attn.proj.",
    "attn.to_add_out.": "context_block.attn.proj.",
    "attn2.to_out.0.": "x_block.attn2.proj.",
    "attn.norm_q.": "x_block.attn.ln_q.",
    "attn.norm_k.": "x_block.attn.ln_k.",
    "attn.norm_added_q.": "context_block.attn.ln_q.",
    "attn.norm_added_k.": "context_block.attn.ln_k.",
    "attn2.norm_q.": "x_block.attn2.ln_q.",
    "attn2.norm_k.": "x_block.attn2.ln_k.",
}
_SD3_QKV = {
    "attn.to_q.": (("attn.to_q", "attn.to_k", "attn.to_v"), "x_block.attn.qkv."),
    "attn.add_q_proj.": (("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"), "context_block.attn.qkv."),
    "attn2.to_q.": (("attn2.to_q", "attn2.to_k", "attn2.to_v"), "x_block.attn2.qkv."),
}


def stable_diffusion_3(state: dict) -> dict:
    """state: of an SD3Transformer2DModel."""
    last = max(int(m[1]) for key in state if (m := re.match(r"transformer_blocks\.(\d+)", key)))
    out = {"pos_embed": state["pos_embed.pos_embed"]}
    for key, tensor in state.items():
        if key.startswith("norm_out.linear."):
            out["final_layer.adaLN_modulation.1." + key.removeprefix("norm_out.linear.")] = _swapped(tensor)
        _rename(out, key, tensor, _SD3)
        if block := re.match(r"(transformer_blocks\.(\d+)\.)(.*)", key):
            start, number, rest = block.groups()
            if rest.startswith("norm1_context.") and int(number) == last:
                tensor = _swapped(tensor)
            into = f"joint_blocks.{number}."
            _rename(out, rest, tensor, {ours: into + theirs for ours, theirs in _SD3_BLOCK.items()})
            _join(out, state, start, rest, into, _SD3_QKV)
    return out


_FLUX = {
    "time_text_embed.timestep_embedder.linear_1.": "time_in.in_layer.",
    "time_text_embed.timestep_embedder.linear_2.": "time_in.out_layer.",
    "time_text_embed.text_embedder.linear_1.": "vector_in.in_layer.",
    "time_text_embed.text_embedder.linear_2.": "vector_in.out_layer.",
    "time_text_embed.guidance_embedder.linear_1.": "guidance_in.in_layer.",
    "time_text_embed.guidance_embedder.linear_2.": "guidance_in.out_layer.",
    "context_embedder.": "txt_in.",
    "x_embedder.": "img_in.",
    "proj_out.": "final_layer.linear.",
}
_FLUX_DOUBLE = {
    "norm1.linear.": "img_mod.lin.",
    "norm1_context.linear.": "txt_mod.lin.",
    "attn.norm_q.weight": "img_attn.norm.query_norm.scale",
    "attn.norm_k.weight": "img_attn.norm.key_norm.scale",
    "attn.norm_added_q.weight": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k.weight": "txt_attn.norm.key_norm.scale",
    "ff.net.0.proj.": "img_mlp.0.",
    "ff.net.2.": "img_mlp.2.",
    "ff_context.net.0.proj.": "txt_mlp.0.",
    "ff_context.net.2.": "txt_mlp.2.",
    "attn.to_out.0.": "img_attn.proj.",
    "attn.to_add_out.": "txt_attn.proj.",
}
_FLUX_SINGLE = {
    "norm.linear.": "modulation.lin.",
    "attn.norm_q.weight": "norm.query_norm.scale",
    "attn.norm_k.weight": "norm.key_norm.scale",
    "proj_out.": "linear2.",
}
_FLUX_QKV = {
    "attn.to_q.": (("attn.to_q", "attn.to_k", "attn.to_v"), "img_attn.qkv."),
    "attn.add_q_proj.": (("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"), "txt_attn.qkv."),
}
_FLUX_LINEAR1 = {"attn.to_q.": (("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"), "linear1.")}


def flux(state: dict) -> dict:
    """state: of a FluxTransformer2DModel."""
    out = {}
    for key, tensor in state.items():
        if key.startswith("norm_out.linear."):
            out["final_layer.adaLN_modulation.1." + key.removeprefix("norm_out.linear.")] = _swapped(tensor)
        _rename(out, key, tensor, _FLUX)
        if block := re.match(r"((single_)?transformer_blocks\.(\d+)\.)(.*)", key):
            start, single, number, rest = block.groups()
            into = f"{'single' if single else 'double'}_blocks.{number}."
            names = _FLUX_SINGLE if single else _FLUX_DOUBLE
            _rename(out, rest, tensor, {ours: into + theirs for ours, theirs in names.items()})
            _join(out, state, start, rest, into, _FLUX_LINEAR1 if single else _FLUX_QKV)
    return out


def _rename(out: dict, key: str, tensor, names: dict[str, str]) -> None:
    for ours, theirs in names.items():
        if key.startswith(ours):
            out[theirs + key.removeprefix(ours)] = tensor


def _join(out: dict, state: dict, start: str, rest: str, into: str, groups: dict) -> None:
    for first, (names, theirs) in groups.items():
        if rest.startswith(first):
            end = rest.removeprefix(first)
            out[f"{into}{theirs}{end}"] = _joined(state, start, names, end)


def prefixed(prefix: str, state: dict) -> dict:
    return {prefix + key: tensor for key, tensor in state.items()}


def write(path: Path, tensors: dict, metadata: dict | None = None) -> Path:
    from safetensors.torch import save_file

    save_file({key: tensor.contiguous().clone() for key, tensor in tensors.items()}, path, metadata)
    return path
