"""What a single file holds, told from its header alone; its name is never asked."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from desktop.errors import KnownError
from desktop.library import gguf_header, header, networks
from desktop.library.file_kind import FileKind
from desktop.library.header import Header, Tensor, first_bytes
from desktop.library.lora_header import is_lora, name_of, recognise_lora

__all__ = [
    "TEXT_ENCODERS",
    "FileKind",
    "default_prediction",
    "recognise",
    "require_model",
    "said_prediction",
    "shapes_in",
]

# The text encoders inside a whole model, by where they stand.
TEXT_ENCODERS = (
    ("cond_stage_model.transformer.", "clip-l"),
    ("cond_stage_model.model.", "open-clip-h"),
    ("conditioner.embedders.0.transformer.", "clip-l"),
    ("conditioner.embedders.0.model.", "clip-g"),
    ("conditioner.embedders.1.model.", "clip-g"),
    ("text_encoders.clip_l.", "clip-l"),
    ("text_encoders.clip_g.", "clip-g"),
    ("text_encoders.t5xxl.", "t5"),
)
_VAES = ("first_stage_model.", "vae.")
_EMBEDDINGS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2", "t5xxl": "text_encoder_3"}
_EMBEDDING_VECTORS_MAX = 256
# What stands beside weights that are noise without it, by the ends of its names.
_SCALES = ("scaled_fp8", ".scale_weight", ".weight_scale", ".comfy_quant")
_BITSANDBYTES = (".absmax", ".quant_map", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4", ".SCB")
_PACKED = (".qweight", ".qzeros")  # of GPTQ, AWQ and Nunchaku, where all of a layer's four-bit numbers are


def recognise(path: Path) -> FileKind:
    """The kind of one safetensors or GGUF file. Reads no more of it than its header.

    Raises KnownError for what is neither, is not whole, or is a pickle under whatever name.
    """
    start, _ = first_bytes(path, len(gguf_header.MAGIC))
    if start == gguf_header.MAGIC:
        found = gguf_header.read(path)
        return _with_numbers(_gguf(path, found), found)
    found = header.read(path)
    if is_lora(found.tensors):
        return recognise_lora(path, found)
    for look in (_embedding, _model, _part):
        kind = look(path, found)
        if kind is not None:
            return _with_numbers(kind, found)
    return _with_numbers({"kind": "unknown"}, found)


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a safetensors or GGUF file, by name. Raises KnownError as recognise() does."""
    start, _ = first_bytes(path, len(gguf_header.MAGIC))
    is_gguf = start == gguf_header.MAGIC
    tensors = _unflattened(gguf_header.read(path)) if is_gguf else header.read(path).tensors
    return {name: tensor.shape for name, tensor in tensors.items()}


def require_model(path: Path, kind: FileKind) -> None:
    """Raises KnownError, naming what it is instead, where no picture can be made from the file."""
    if kind.is_model and kind.quantised is not None:
        how = {
            "scaled": "8-bit weights with scales beside them",
            "bitsandbytes": "weights that bitsandbytes quantised (as NF4, FP4 or in 8 bit)",
            "packed": "weights packed into 4 bits, as GPTQ, AWQ and Nunchaku do it",
        }
        raise KnownError(
            f"{path} holds {how[kind.quantised]}, which cannot be read yet",
            "Get the model in bfloat16, in plain 8 bit, or as GGUF.",
        )
    if kind.is_model:
        return
    hints = {
        "lora": "Add it to a model as a LoRA.",
        "embedding": "Add it to a model as an embedding.",
        "vae": "It belongs into a model's folder; choose the model itself.",
        "text_encoder": "It belongs into a model's folder; choose the model itself.",
        "controlnet": "Choose the model it was made for.",
    }
    raise KnownError(
        f"{path} is no model but {name_of(kind)}", hints.get(kind.kind, "Give a model in safetensors or GGUF format.")
    )


def default_prediction(kind: FileKind, path: Path) -> str:
    """What the model predicts: "epsilon", "v_prediction" or "flow"; a guess where said_prediction() says nothing.

    Stable Diffusion 2 was published in both kinds, with the same names and shapes, and most often in the second.
    """
    return said_prediction(kind, path) or ("v_prediction" if (kind.variant or "").startswith("2") else "epsilon")


def said_prediction(kind: FileKind, path: Path) -> str | None:
    """What the model predicts, as the file says it or as its design asks for, or as a text file beside it says.

    Beside NAME.safetensors, NAME.json may hold {"prediction_type": "epsilon"}, or NAME.yaml, as other programs keep
    it, may hold parameterization: "v" or leave it out, which means epsilon there.
    """
    if kind.kind == "transformer" or kind.prediction_type is not None:
        return kind.prediction_type
    return _prediction_beside(path)


def _prediction_beside(path: Path) -> str | None:
    try:
        note = path.with_suffix(".json")
        if note.is_file() and note.stat().st_size < 2**16:
            table = json.loads(note.read_text(encoding="utf-8"))
            if isinstance(table, dict) and table.get("prediction_type") in ("epsilon", "v_prediction"):
                return table["prediction_type"]
        settings = path.with_suffix(".yaml")
        if settings.is_file() and settings.stat().st_size < 2**16:
            lines = [line.split("#")[0].split() for line in settings.read_text(encoding="utf-8").splitlines()]
            said = [line[1].strip("\"'") for line in lines if len(line) == 2 and line[0] == "parameterization:"]
            return "v_prediction" if said == ["v"] else "epsilon"  # what is not said is epsilon there
    except (OSError, ValueError, RecursionError):
        pass
    return None


def _with_numbers(fields: dict[str, Any], found: Header) -> FileKind:
    counts = Counter(t.dtype for t in found.tensors.values())
    notes = found.metadata
    title = " ".join((notes.get("modelspec.title") or notes.get("general.name") or "").split())[:120]
    return FileKind(
        bytes=found.bytes, dtypes=tuple(name for name, _ in counts.most_common()), title=title or None, **fields
    )


def _model(path: Path, found: Header) -> dict[str, Any] | None:
    tensors = found.tensors
    recognised = networks.denoiser(tensors)
    if recognised is None:
        return None
    network, prefix = recognised
    encoders = {name for start, name in TEXT_ENCODERS if any(k.startswith(start) for k in tensors)}
    has_vae = any(k.startswith(_VAES) for k in tensors) if prefix else False
    kind = network.kind
    if network.layout == "original" and (encoders or has_vae) and kind != "controlnet":
        kind = "checkpoint"
    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    return fields | {
        "kind": kind,
        "prefix": prefix,
        "text_encoders": tuple(sorted(encoders)),
        "has_vae": has_vae,
        "prediction_type": _prediction(network, found),
        "zero_snr": "ztsnr" in tensors,
        "quantised": _quantised(tensors),
    }


def _quantised(tensors: Iterable[str]) -> str | None:
    """As FileKind has it. tensors: their names."""
    ways = (("bitsandbytes", _BITSANDBYTES), ("packed", _PACKED), ("scaled", _SCALES))
    return next((way for way, ends in ways if any(name.endswith(ends) for name in tensors)), None)


def _prediction(network: networks.Network, found: Header) -> str | None:
    if network.kind == "transformer":  # of which design follows what is predicted
        return "epsilon" if network.family == "pixart" else "flow"
    if "v_pred" in found.tensors:  # an empty tensor by which training programs mark it
        return "v_prediction"
    said = found.metadata.get("modelspec.prediction_type")
    if said in ("epsilon", "v"):
        return {"epsilon": "epsilon", "v": "v_prediction"}[said]
    architecture = found.metadata.get("modelspec.architecture", "")
    if architecture.startswith("stable-diffusion-v2"):
        return "v_prediction" if architecture.startswith("stable-diffusion-v2-768-v") else "epsilon"
    return None


def _gguf(path: Path, found: Header) -> dict[str, Any]:
    tensors = _unflattened(found)
    fields = _model(path, Header(tensors=tensors, metadata=found.metadata, bytes=found.bytes))
    if fields is None:
        architecture = found.metadata.get("general.architecture", "")
        if architecture in ("t5", "t5encoder", "llama", "qwen2vl", "qwen3", "gemma2", "gemma3", "clip"):
            return {"kind": "text_encoder", "layout": "gguf"}
        return {"kind": "unknown", "layout": "gguf"}
    # All of these are one network; a GGUF file holds nothing beside it.
    return fields | {"layout": "gguf", "names": fields["layout"]}


def _unflattened(found: Header) -> dict[str, Tensor]:
    """A GGUF's tensors in their own shapes."""
    shapes = gguf_header.own_shapes(found)
    return {name: Tensor(dtype=t.dtype, shape=shapes.get(name, t.shape)) for name, t in found.tensors.items()}


def _embedding(path: Path, found: Header) -> dict[str, Any] | None:
    tensors = found.tensors
    if len(tensors) > 3 or any(len(t.shape) not in (1, 2) or 0 in t.shape for t in tensors.values()):
        return None
    if any(len(t.shape) == 2 and t.shape[0] > _EMBEDDING_VECTORS_MAX for t in tensors.values()):
        return None
    if set(tensors) <= set(_EMBEDDINGS):
        parts = {_EMBEDDINGS[name]: t for name, t in tensors.items()}
    elif len(tensors) == 1 and "." not in next(iter(tensors)):  # "emb_params", or the token itself
        parts = {"text_encoder": next(iter(tensors.values()))}
    else:
        return None
    counts = {t.shape[0] if len(t.shape) == 2 else 1 for t in parts.values()}
    if len(counts) != 1:
        raise KnownError(f"The embedding {path} is damaged: its parts differ in length", "Get the file again, whole.")
    widths = tuple(parts[name].shape[-1] for name in sorted(parts))
    family, variant = None, None
    if len(parts) == 1 and "text_encoder" in parts:
        family, variant = {768: ("stable-diffusion", "1"), 1024: ("stable-diffusion", "2")}.get(widths[0], (None, None))
    elif "text_encoder_2" in parts and "text_encoder_3" not in parts:
        family = "stable-diffusion-xl"
    return {
        "kind": "embedding",
        "family": family,
        "variant": variant,
        "parts": tuple(sorted(parts)),
        "vectors": counts.pop(),
        "widths": widths,
    }


def _part(path: Path, found: Header) -> dict[str, Any] | None:
    """The parts of a model that draw nothing by themselves."""
    names = found.tensors

    def has(*starts: str) -> bool:
        return any(name.startswith(starts) for name in names)

    if has("control_model.", "controlnet_blocks.", "controlnet_down_blocks.", "controlnet_cond_embedding."):
        return {"kind": "controlnet"}
    if has("decoder.up_blocks.", "decoder.mid_block.", "decoder.layers.", "encoder.down_blocks."):
        return {"kind": "vae", "layout": "diffusers"}
    if has("decoder.up.", "first_stage_model.decoder.up.", "decoder.mid.", "vae.decoder."):
        return {"kind": "vae", "layout": "original"}
    if has(
        "text_model.encoder.", "encoder.block.0.layer.", "resblocks.", "transformer.resblocks.", "cond_stage_model."
    ):
        return {"kind": "text_encoder"}
    if has("model.layers.", "model.language_model.") and ("model.embed_tokens.weight" in names or has("model.visual.")):
        return {"kind": "text_encoder"}
    return None
