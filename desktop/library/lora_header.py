"""What a LoRA file changes and in which family: told from its names and shapes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.header import Header, Tensor
from desktop.library.networks import FAMILY_TITLES

# The halves of a pair, down first. kohya-ss/sd-scripts, peft, and diffusers before it used peft.
_HALVES = (
    (".lora_down.weight", ".lora_up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_A.default.weight", ".lora_B.default.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    ("_lora.down.weight", "_lora.up.weight"),
    (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
)
# Other ways to write a small change of a weight (LyCORIS), which diffusers does not read.
_METHODS = (
    (".hada_w", "loha"),
    (".lokr_", "lokr"),
    (".oft_", "oft"),
    (".dora_scale", "dora"),
    (".lora_magnitude_vector", "dora"),
    (".lora_mid.", "tucker"),
)

_PARTS = (
    ("lora_unet_", "unet"),
    ("lora_transformer_", "transformer"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te3_", "text_encoder_3"),
    ("lora_te_", "text_encoder"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder_3.", "text_encoder_3"),
    ("text_encoder.", "text_encoder"),
    ("te1.", "text_encoder"),
    ("te2.", "text_encoder_2"),
    ("unet.", "unet"),
    ("transformer.", "transformer"),
    ("diffusion_model.", "transformer"),
)
# A LoRA of the one may be one of the other: the names of their layers are the same.
_ALIKE = {("flux", "chroma")}
_UNET_NAMES = ("down_blocks", "up_blocks", "mid_block", "input_blocks", "output_blocks", "middle_block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One changed weight.

    part: as FileKind has it, but that kohya's transformers call themselves "unet". name: without the part's prefix,
    all dots as underscores. stem, down, up: names in the file, of both halves and of each.
    """

    part: str
    name: str
    stem: str
    down: str
    up: str
    rank: int
    into: int  # the width the weight takes
    out: int


def is_lora(tensors: Mapping[str, Tensor]) -> bool:
    ends = tuple(end for pair in _HALVES for end in pair)
    return any(name.endswith(ends) or method_of(name) for name in tensors)


def method_of(name: str) -> str | None:
    return next((method for mark, method in _METHODS if mark in name), None)


def recognise_lora(path: Path, header: Header) -> FileKind:
    """Raises KnownError where halves are missing or do not fit each other."""
    tensors = header.tensors
    methods = {m for m in map(method_of, tensors) if m is not None}
    pairs = pairs_of(path, tensors)
    parts = {pair.part for pair in pairs} | {_part(name)[0] for name in tensors if method_of(name)}
    family, variant, width = _family(pairs)
    if "unet" in parts and not any(p.part == "unet" and p.name.startswith(_UNET_NAMES) for p in pairs) and pairs:
        # kohya writes lora_unet_ for transformers too
        parts = {"transformer" if part == "unet" else part for part in parts}
    kohya = any(name.startswith("lora_") for name in tensors)
    notes = header.metadata
    return FileKind(
        kind="lora",
        family=family,
        variant=variant,
        layout="kohya" if kohya else "peft",
        bytes=header.bytes,
        dtypes=tuple(sorted({t.dtype for t in tensors.values()})),
        width=width,
        parts=tuple(sorted(parts)),
        ranks=tuple(sorted({pair.rank for pair in pairs})),
        method=methods.pop() if methods else "lora",
        title=_note(notes, "modelspec.title", "ss_output_name"),
        base_model=_note(notes, "ss_sd_model_name", "modelspec.architecture", "ss_base_model_version"),
        trigger_words=_words(notes),
    )


def matches(lora: FileKind, family: str, *, width: int | None = None, variant: str | None = None) -> KnownError | None:
    """Why a LoRA cannot be applied to a model of a family; None where nothing speaks against it.

    width, variant: of the model, as FileKind has them, where they are known.
    """
    if lora.kind != "lora":
        return KnownError(f"This file is no LoRA but {name_of(lora)}", "Give a LoRA file.")
    if lora.method != "lora":
        return KnownError(f"This LoRA is built as {lora.method}, which cannot be applied", "Get it as a plain LoRA.")
    if lora.family is None or family not in FAMILY_TITLES:
        return None  # names of several families, or a family without a name of its own: applying it will tell
    if lora.family != family and (lora.family, family) not in _ALIKE:
        return KnownError(
            f"This LoRA was made for {FAMILY_TITLES[lora.family]}, and the model is of another family: "
            f"{FAMILY_TITLES.get(family, family)}",
            f"Choose a model of {FAMILY_TITLES[lora.family]}, or another LoRA.",
        )
    if lora.width is not None and width is not None and lora.width != width:
        return KnownError(
            f"This LoRA was made for another version of {FAMILY_TITLES[family]}: it expects a width of {lora.width}, "
            f"and the model has {width}",
            "Choose a LoRA made for this model's version.",
        )
    return None


def name_of(kind: FileKind) -> str:
    """A file's kind in words, with its article."""
    title = FAMILY_TITLES.get(kind.family or "", "")
    words = {
        "checkpoint": "a whole model",
        "transformer": "a model's transformer",
        "unet": "a model's U-Net",
        "lora": "a LoRA",
        "embedding": "a textual inversion embedding",
        "vae": "a VAE",
        "text_encoder": "a text encoder",
        "controlnet": "a ControlNet",
        "unknown": "something Safelight does not know",
    }[kind.kind]
    return f"{words} of {title}" if title else words


def pairs_of(path: Path, tensors: Mapping[str, Any]) -> list[Pair]:
    """Every changed weight of a LoRA; tensors: anything with a shape, by name.

    Raises KnownError where a half is missing or the two do not fit each other.
    """
    pairs = []
    for name, tensor in tensors.items():
        for down, up in _HALVES:
            if name.endswith(up) and name[: -len(up)] + down not in tensors:
                raise _wrong(path, f"{name[:120]!r} stands without its other half")
            if not name.endswith(down):
                continue
            other = tensors.get(name[: -len(down)] + up)
            if other is None:
                raise _wrong(path, f"{name[:120]!r} stands without its other half")
            if len(tensor.shape) not in (2, 4) or len(other.shape) not in (2, 4) or 0 in tensor.shape + other.shape:
                raise _wrong(path, f"the shape of {name[:120]!r} is no LoRA's")
            if tensor.shape[0] != other.shape[1]:
                raise _wrong(path, f"the two halves of {name[:120]!r} do not fit each other")
            part, inner = _part(name[: -len(down)])
            pairs.append(
                Pair(
                    part=part,
                    name=inner,
                    stem=name[: -len(down)],
                    down=name,
                    up=name[: -len(down)] + up,
                    rank=tensor.shape[0],
                    into=tensor.shape[1],
                    out=other.shape[0],
                )
            )
    return pairs


def _part(name: str) -> tuple[str, str]:
    name = name.removeprefix("base_model.model.")
    for prefix, part in _PARTS:
        if name.startswith(prefix):
            return part, re.sub(r"[.\s]", "_", name[len(prefix) :])
    flat = name.replace(".", "_")
    return ("unet" if flat.startswith(_UNET_NAMES) else "transformer"), flat


def _family(pairs: list[Pair]) -> tuple[str | None, str | None, int | None]:
    """Family, variant and width; each None where the names and shapes leave it open."""
    unet = [p for p in pairs if p.part == "unet" and p.name.startswith(_UNET_NAMES)]
    if unet:
        return _unet_family(pairs, unet)
    core = [p for p in pairs if p.part in ("unet", "transformer")]
    if not core:
        return _text_family(pairs)

    def first(pattern: str) -> Pair | None:
        return next((p for p in core if re.search(pattern, p.name)), None)

    if block := first(r"^(double_blocks|single_blocks|(single_)?transformer_blocks)_\d+_") or first(r"_block"):
        if first(r"double_stream_modulation|to_qkv_mlp_proj|ff_linear_in|single_stream_modulation"):
            return "flux-2", None, None
        if fused := first(r"^single_blocks_\d+_linear1$"):
            # The first matrix of a single block makes q, k, v and the MLP's input: 3 + 4 widths, in FLUX.2 3 + 6.
            return ("flux-2" if fused.out == 9 * fused.into else "flux"), None, fused.into
        if mlp := first(r"^double_blocks_\d+_(img|txt)_mlp_0$"):
            return ("flux-2" if mlp.out == 6 * mlp.into else "flux"), None, mlp.into
        if single := first(r"^single_transformer_blocks_\d+_(attn_to_[qkv]|proj_mlp)$"):  # FLUX.2 has these in one
            return "flux", None, single.into
        if first(r"^(double|single)_blocks_"):
            return None, None, None  # attention alone looks the same in both
        if joint := first(r"^joint_blocks_\d+_(x|context)_block_attn_(qkv|proj)"):
            return "stable-diffusion-3", None, joint.into
        if first(r"_img_mlp_|_txt_mlp_|_img_mod_|_txt_mod_"):
            return "qwen-image", None, None
        if first(r"ff_context_|norm1_context"):
            return "stable-diffusion-3", None, block.into
        if first(r"ff_conv_inverted|ff_conv_point"):
            return "sana", None, None
    if first(r"^(layers|noise_refiner|context_refiner)_\d+_attention_(to_|qkv|out)"):
        wide = first(r"^layers_\d+_attention_(to_q|qkv)$")
        return ("z-image" if wide is None or wide.into == 3840 else None), None, wide.into if wide else None
    if first(r"^layers_\d+_attn_to_"):
        return "lumina-2", None, None
    return None, None, None


def _unet_family(pairs: list[Pair], unet: list[Pair]) -> tuple[str | None, str | None, int | None]:
    listens = next((p.into for p in unet if re.search(r"attn2_to_[kv]$", p.name)), None)
    parts = {p.part for p in pairs}
    deep = any(re.search(r"transformer_blocks_[1-9]", p.name) for p in unet)
    # XL has no attention where the picture is largest; version 1 and 2 have it there.
    shallow = any(re.match(r"(down_blocks_0_attentions|input_blocks_[12]_1_)", p.name) for p in unet)
    if deep or (not shallow and "text_encoder_2" in parts) or listens in (2048, 1280):
        return "stable-diffusion-xl", "refiner" if listens == 1280 else "base", listens
    if shallow or listens in (768, 1024):
        flat = listens == 1024
        return "stable-diffusion", "2" if flat else "1", listens
    return None, None, listens


def _text_family(pairs: list[Pair]) -> tuple[str | None, str | None, int | None]:
    """A LoRA of text encoders alone: two of them mean XL or later, and one is told by its width."""
    if not pairs or len({p.part for p in pairs}) > 1:
        return None, None, None
    width = next((p.into for p in pairs if p.name.endswith("q_proj")), None)
    return ("stable-diffusion" if width in (768, 1024) else None), None, width


def _note(notes: Mapping[str, str], *names: str) -> str | None:
    for name in names:
        text = " ".join(notes.get(name, "").split())
        if text and text != "None":
            return text[:120]
    return None


def _words(notes: Mapping[str, str]) -> tuple[str, ...]:
    """The words the makers say call the LoRA up."""
    text = notes.get("modelspec.trigger_phrase") or notes.get("ss_trigger_words") or notes.get("trigger_words") or ""
    return tuple(word.strip()[:80] for word in text[:2000].split(",") if word.strip())[:20]


def _wrong(path: Path, why: str) -> KnownError:
    return KnownError(f"The LoRA {path} is damaged: {why}", "Get the file again, whole.")
