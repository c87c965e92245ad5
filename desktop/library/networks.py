"""Which network a table of tensors belongs to: told from names and shapes, in the layouts people have.

Names: of the original repositories (CompVis/stable-diffusion, Stability-AI/generative-models and sd3-ref,
black-forest-labs/flux and flux2, PixArt, Sana, Lumina 2, Z-Image) and of diffusers' classes. Wherever a ratio of two
shapes tells as much as a width does, the ratio is taken, so that small models of the same design are told too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from desktop.library.header import Tensor

Tensors = Mapping[str, Tensor]

FAMILY_TITLES = {
    "stable-diffusion": "Stable Diffusion 1.x and 2.x",
    "stable-diffusion-xl": "Stable Diffusion XL",
    "stable-diffusion-3": "Stable Diffusion 3",
    "flux": "FLUX.1",
    "flux-2": "FLUX.2",
    "qwen-image": "Qwen-Image",
    "z-image": "Z-Image",
    "sana": "Sana",
    "pixart": "PixArt",
    "chroma": "Chroma",
    "lumina-2": "Lumina 2",
}

ORIGINAL_PREFIX = "model.diffusion_model."
# What stands before a denoiser's names in files saved by other programs.
_PREFIXES = (ORIGINAL_PREFIX, "diffusion_model.", "model.", "transformer.", "unet.", "net.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A denoiser as it was recognised; the fields mean what they mean in FileKind."""

    kind: str
    family: str | None
    variant: str | None
    layout: str
    width: int | None = None
    in_channels: int | None = None
    out_channels: int | None = None
    depth: tuple[int, ...] = ()


# The blocks of a transformer, by number: those that all have, and FLUX's of a single stream.
_BLOCKS = re.compile(r"(?:(?:double_|transformer_|joint_)?blocks|layers)\.(\d+)\.")
_SINGLE_BLOCKS = re.compile(r"single_(?:transformer_)?blocks\.(\d+)\.")
# Of the way down through a U-Net, one weight of every residual block, and one of every transformer block.
_WAY_DOWN = ("input_blocks.", "down_blocks.")
_IN_RESIDUAL = (".in_layers.2.weight", ".conv1.weight")
_IN_TRANSFORMER = ".attn1.to_q.weight"


def denoiser(tensors: Tensors) -> tuple[Network, str] | None:
    """The denoiser among the tensors and the prefix its names carry; None where there is none."""
    for prefix in (*_PREFIXES, ""):
        inner = {k[len(prefix) :]: t for k, t in tensors.items() if k.startswith(prefix)} if prefix else tensors
        if not inner:
            continue
        for recognise in _RECOGNISERS:
            network = recognise(inner)
            if network is not None:
                return replace(network, depth=_depth(network.kind, inner)), prefix
    return None


def _depth(kind: str, t: Tensors) -> tuple[int, ...]:
    """As FileKind has it."""
    if kind == "transformer":
        return tuple(len({m[1] for name in t if (m := blocks.match(name))}) for blocks in (_BLOCKS, _SINGLE_BLOCKS))
    if kind == "unet":
        down = [name for name in t if name.startswith(_WAY_DOWN)]
        return tuple(sum(name.endswith(end) for name in down) for end in (_IN_RESIDUAL, _IN_TRANSFORMER))
    return ()


def size(tensors: Tensors, name: str, dimension: int, of: int) -> int | None:
    """One dimension of a tensor that is known to have `of` of them; None where it is missing or shaped otherwise."""
    tensor = tensors.get(name)
    return tensor.shape[dimension] if tensor is not None and len(tensor.shape) == of else None


def _any(tensors: Tensors, start: str, *inside: str) -> str | None:
    """The first name that begins with start and holds all of inside."""
    return next((n for n in tensors if n.startswith(start) and all(i in n for i in inside)), None)


def _original_unet(t: Tensors) -> Network | None:
    channels = size(t, "input_blocks.0.0.weight", 1, 4)
    if channels is None or "time_embed.0.weight" not in t:
        return None
    listens = _any(t, "input_blocks.", ".attn2.to_k.weight") or ""
    pooled = size(t, "label_emb.0.0.weight", 1, 2)
    return _unet(t, listens, pooled, channels, size(t, "out.2.weight", 0, 4), "original", _deep(t, "input_blocks."))


def _diffusers_unet(t: Tensors) -> Network | None:
    channels = size(t, "conv_in.weight", 1, 4)
    if channels is None or "time_embedding.linear_1.weight" not in t or _any(t, "down_blocks.") is None:
        return None
    if "controlnet_cond_embedding.conv_in.weight" in t:
        return Network(kind="controlnet", family=None, variant=None, layout="diffusers", in_channels=channels)
    listens = _any(t, "down_blocks.", ".attn2.to_k.weight") or ""
    pooled = size(t, "add_embedding.linear_1.weight", 1, 2)
    return _unet(t, listens, pooled, channels, size(t, "conv_out.weight", 0, 4), "diffusers", _deep(t, "down_blocks."))


def _deep(t: Tensors, start: str) -> bool:
    """Whether some place has more than one transformer block, as only XL has."""
    return _any(t, start, ".transformer_blocks.1.") is not None


def _unet(
    t: Tensors, listens: str, pooled: int | None, channels: int, out: int | None, layout: str, deep: bool
) -> Network | None:
    width = size(t, listens, 1, 2)
    if width is None:
        return None  # a U-Net that listens to no words
    edit = {9: "-inpainting", 8: "-edit", 5: "-depth"}.get(channels, "") if out == 4 else ""
    if pooled is not None:
        family = "stable-diffusion-xl"
        # The refiner listens to one text encoder, whose pooled vector is as wide as what it listens to, with five
        # sizes of 256 behind it; the base has six sizes behind the pooled vector of the second of its two.
        variant = "refiner" if pooled - width == 5 * 256 or (width == 1280 and pooled == 2560) else "base"
        variant = edit.lstrip("-") or variant
    else:
        family = "stable-diffusion-xl" if deep else "stable-diffusion"
        # Version 1 projects with a convolution, version 2 with a matrix.
        projection = listens[: listens.index("transformer_blocks.")] + "proj_in.weight"
        flat = size(t, projection, 0, 2) is not None
        variant = ("base" if deep else "2" if flat or width == 1024 else "1") + edit
    return Network(
        kind="unet",
        family=family,
        variant=variant,
        layout=layout,
        width=width,
        in_channels=channels,
        out_channels=out,
    )


def _transformer(
    family: str | None, variant: str | None, layout: str, width: int | None, channels: tuple[int | None, int | None]
) -> Network:
    return Network(
        kind="transformer",
        family=family,
        variant=variant,
        layout=layout,
        width=width,
        in_channels=channels[0],
        out_channels=channels[1],
    )


def _stable_diffusion_3(t: Tensors) -> Network | None:
    if _any(t, "joint_blocks.0.x_block.") is not None and "x_embedder.proj.weight" in t:
        names, layout, patch = ("joint_blocks.", ".attn2.", ".ln_q."), "original", "x_embedder.proj.weight"
    elif _any(t, "transformer_blocks.0.norm1_context.") is not None and size(t, "pos_embed.proj.weight", 0, 4):
        names, layout, patch = ("transformer_blocks.", ".attn2.", ".norm_q."), "diffusers", "pos_embed.proj.weight"
    else:
        return None
    second, normed = _any(t, names[0], names[1]), _any(t, names[0], names[2])
    variant = "3.5-medium" if second is not None else "3.5-large" if normed is not None else "3-medium"
    channels = size(t, patch, 1, 4)
    return _transformer("stable-diffusion-3", variant, layout, size(t, patch, 0, 4), (channels, channels))


def _flux_like(t: Tensors) -> Network | None:
    """FLUX.1, FLUX.2 and Chroma, which share the names of their blocks."""
    if _any(t, "double_blocks.0.img_attn.") is not None:
        layout, patch, last = "original", "img_in.weight", "final_layer.linear.weight"
        flux_2 = "double_stream_modulation_img.lin.weight" in t
        guided = "guidance_in.in_layer.weight" in t
    elif _any(t, "single_transformer_blocks.0.") is not None:
        layout, patch, last = "diffusers", "x_embedder.weight", "proj_out.weight"
        flux_2 = "double_stream_modulation_img.linear.weight" in t
        guided = _any(t, "time_text_embed.guidance_embedder.") or _any(t, "time_guidance_embed.guidance_embedder.")
    else:
        return None
    if _any(t, "controlnet_blocks.") or "controlnet_x_embedder.weight" in t:
        return Network(kind="controlnet", family="flux", variant=None, layout=layout)
    channels = (size(t, patch, 1, 2), size(t, last, 0, 2))
    width = size(t, patch, 0, 2)
    if _any(t, "distilled_guidance_layer.") is not None:
        return _transformer("chroma", None, layout, width, channels)
    if flux_2:
        return _transformer("flux-2", "dev" if guided else "klein", layout, width, channels)
    variant = "dev" if guided else "schnell"
    if None not in channels and channels[1]:
        variant = {2: "control", 6: "fill"}.get(channels[0] // channels[1], variant)  # canny and depth; inpainting
    return _transformer("flux", variant, layout, width, channels)


def _qwen_image(t: Tensors) -> Network | None:
    if _any(t, "transformer_blocks.0.img_mod.") is None or "txt_norm.weight" not in t:
        return None
    channels = (size(t, "img_in.weight", 1, 2), size(t, "proj_out.weight", 0, 2))
    return _transformer("qwen-image", None, "diffusers", size(t, "img_in.weight", 0, 2), channels)


def _lumina_like(t: Tensors) -> Network | None:
    """Lumina 2 and Z-Image, which grew out of it."""
    if _any(t, "noise_refiner.0.") is None or _any(t, "context_refiner.0.") is None:
        return None
    width = size(t, "layers.0.attention_norm1.weight", 0, 1) or size(t, "layers.0.norm2.weight", 0, 1)
    if "cap_pad_token" in t or _any(t, "all_x_embedder.") is not None:
        layout = "diffusers" if _any(t, "layers.0.attention.to_q") is not None else "original"
        return _transformer("z-image", None, layout, width, (None, None))
    layout = "diffusers" if _any(t, "time_caption_embed.") is not None else "original"
    return _transformer("lumina-2", None, layout, width, (None, None))


def _sana(t: Tensors) -> Network | None:
    if "attention_y_norm.weight" in t and _any(t, "blocks.0.mlp.depth_conv.") is not None:
        layout, patch = "original", "x_embedder.proj.weight"
    elif "caption_norm.weight" in t and _any(t, "transformer_blocks.0.ff.conv_depth.") is not None:
        layout, patch = "diffusers", "patch_embed.proj.weight"
    else:
        return None
    channels = size(t, patch, 1, 4)
    return _transformer("sana", None, layout, size(t, patch, 0, 4), (channels, channels))


def _pixart(t: Tensors) -> Network | None:
    if "y_embedder.y_proj.fc1.weight" in t and "t_block.1.weight" in t:
        layout, patch = "original", "x_embedder.proj.weight"
    elif "adaln_single.linear.weight" in t and "caption_projection.linear_1.weight" in t:
        layout, patch = "diffusers", "pos_embed.proj.weight"
        if size(t, patch, 0, 4) is None:
            return None
    else:
        return None
    channels = size(t, patch, 1, 4)
    return _transformer("pixart", None, layout, size(t, patch, 0, 4), (channels, channels))


# The more particular design before the one it grew out of.
_RECOGNISERS: tuple[Callable[[Tensors], Network | None], ...] = (
    _original_unet,
    _diffusers_unet,
    _flux_like,
    _qwen_image,
    _stable_diffusion_3,
    _lumina_like,
    _sana,
    _pixart,
)
