"""Models from one file: a whole checkpoint, or a denoiser alone with a base model's folder. No network, no pickle."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import CancelToken, JobCancelled
from desktop.engine.configs import config_for, load_tokenizer, read_index, read_table
from desktop.engine.families.base import ModelFolder
from desktop.engine.families.components import SKIPPED
from desktop.engine.families.folder import ends_of, load_component, variant_of
from desktop.engine.gguf_weights import read_gguf
from desktop.engine.hardware import is_out_of_memory
from desktop.engine.original_weights import (
    VAE,
    NotWhole,
    build_clip,
    build_denoiser,
    build_t5,
    build_vae,
    channels,
    read_tensors,
)
from desktop.engine.parts import Parts, make_scheduler, pipeline
from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.networks import FAMILY_TITLES
from desktop.library.recognise import default_prediction, require_model, said_prediction

if TYPE_CHECKING:
    import torch

__all__ = [
    "Parts",
    "as_folder",
    "borrows_from",
    "fingerprint",
    "load",
    "make_scheduler",
    "own_parts",
    "pipeline",
    "word",
]

_DENOISERS = ("unet", "transformer")
# Which text encoder stands where in a family's pipeline.
_TEXT_ENCODERS = {
    "stable-diffusion": {"text_encoder": ("clip-l", "open-clip-h")},
    "stable-diffusion-xl": {"text_encoder": ("clip-l",), "text_encoder_2": ("clip-g",)},
    "stable-diffusion-3": {"text_encoder": ("clip-l",), "text_encoder_2": ("clip-g",), "text_encoder_3": ("t5",)},
    "flux": {"text_encoder": ("clip-l",), "text_encoder_2": ("t5",)},
}
# Where the tensors of a part begin, as networks and recognise have it.
_CLIP = ("cond_stage_model.", "conditioner.embedders.", "text_encoders.clip_l.", "text_encoders.clip_g.")
_T5 = ("text_encoders.t5xxl.",)
# Stable Diffusion 3 draws without its third text encoder; its makers describe that mode.
_OPTIONAL = {("stable-diffusion-3", "text_encoder_3")}
# Pipelines of models that take in more than a picture being drawn, by the variant and the plain model's pipeline.
_PIPELINES = {
    ("inpainting", "StableDiffusionPipeline"): "StableDiffusionInpaintPipeline",
    ("inpainting", "StableDiffusionXLPipeline"): "StableDiffusionXLInpaintPipeline",
    ("edit", "StableDiffusionPipeline"): "StableDiffusionInstructPix2PixPipeline",
    ("edit", "StableDiffusionXLPipeline"): "StableDiffusionXLInstructPix2PixPipeline",
    ("fill", "FluxPipeline"): "FluxFillPipeline",
    ("control", "FluxPipeline"): "FluxControlPipeline",
}
_WORDS = {"vae": "the VAE", "text_encoder": "the text encoder", "transformer": "the transformer", "unet": "the U-Net"}


def as_folder(path: Path, kind: FileKind, *, base: Path | None = None, config: Path | None = None) -> ModelFolder:
    """What a folder would say that held the file's model: for families, which describe folders.

    path of the result is the file's own. Reads no weights, imports no torch. Raises KnownError as load() does for
    files that are no model, and for parts that are missing.
    """
    folder = _configuration(path, kind, base, config)
    index = _with_pipeline(read_index(folder), kind)
    sources = _sources(path, kind, _wanted(index), base)
    configs = {}
    for name in (*sources, "scheduler"):
        where = folder / name / ("scheduler_config.json" if name == "scheduler" else "config.json")
        if where.is_file():
            configs[name] = read_table(where)
    if "scheduler" in configs:
        configs["scheduler"] = _with_prediction(configs["scheduler"], kind, said_prediction(kind, path))
    for name in _DENOISERS:
        if name in configs:
            configs[name] = configs[name] | channels(kind, name)
    beside = sum(f.stat().st_size for n, source in sources.items() if source == base for f in _weights(base, n))
    return ModelFolder(path=path, index=index, configs=configs, bytes=kind.bytes + beside)


def own_parts(path: Path, kind: FileKind, *, base: Path | None, config: Path | None) -> dict[str, tuple[str, ...]]:
    """The components that load() builds from the file itself, and the text encoders that each of them may be."""
    index = _with_pipeline(read_index(_configuration(path, kind, base, config)), kind)
    sources = _sources(path, kind, _wanted(index), base)
    encoders = _TEXT_ENCODERS.get(kind.family or "", {})
    return {name: encoders.get(name, ()) for name, source in sources.items() if source is path}


def borrows_from(kind: FileKind, pipeline: str) -> bool:
    """Whether the file's network takes in more than this plain pipeline's, which has everything else that it needs."""
    return (kind.variant, pipeline) in _PIPELINES


def load(
    path: Path,
    kind: FileKind,
    *,
    dtype: "torch.dtype",
    token: CancelToken,
    on_progress: Callable[[int, int], None],
    base: Path | None = None,
    config: Path | None = None,
    finish: Callable[[Any], None] = lambda part: None,
) -> Parts:
    """Load a model from its single file.

    kind: of the file, from recognise(). base: a folder in diffusers layout that gives what the file lacks.
    config: a weightless folder that describes the model; the packaged one of its family where None.
    on_progress(done_bytes, total_bytes) of the file. finish: called with each network before the next is read.
    Raises KnownError, naming what is missing or wrong; JobCancelled between two tensors once the token is set.
    """
    folder = _configuration(path, kind, base, config)
    index = _with_pipeline(read_index(folder), kind)
    wanted = _wanted(index)
    sources = _sources(path, kind, wanted, base)
    progress = _Progress(path, kind, dtype, token, on_progress)
    components: dict[str, Any] = {name: None for name, entry in index.items() if entry == [None, None]}
    scheduler_config = read_table(folder / "scheduler" / "scheduler_config.json")
    for name, (library, class_name) in wanted.items():
        token.check()
        if name == "scheduler":
            continue
        if "Tokenizer" in class_name:
            # A tokenizer without its text encoder is of no use, and a pipeline takes neither.
            encoder = name.replace("tokenizer", "text_encoder")
            use = sources.get(encoder) is not None
            components[name] = load_tokenizer(_tokenizers(folder, base, name), name, class_name) if use else None
        elif sources[name] is None:
            components[name] = None
        elif sources[name] is path:
            components[name] = _from_file(progress, name, _class(library, class_name), folder, dtype)
        else:
            part = sources[name] / name
            components[name] = load_component(
                _class(library, class_name), part, dtype=dtype, variant=variant_of(part), token=token
            )
        if hasattr(components[name], "requires_grad_"):
            finish(components[name].eval().requires_grad_(False))
    return Parts(
        pipeline_class=str(index.get("_class_name")),
        components=components,
        options={k: v for k, v in index.items() if not k.startswith("_") and isinstance(v, bool)},
        scheduler_class=wanted["scheduler"][1] if "scheduler" in wanted else "",
        scheduler_config=_with_prediction(scheduler_config, kind, said_prediction(kind, path)),
        config=folder,
    )


def fingerprint(path: Path) -> str:
    """16 hex digits over a file's size and its first and last 64 KiB; another name leaves them as they are."""
    size = path.stat().st_size
    return hashlib.sha256(b"%d\0" % size + ends_of(path, size)).hexdigest()[:16]


def _configuration(path: Path, kind: FileKind, base: Path | None, config: Path | None) -> Path:
    require_model(path, kind)
    folder = config or config_for(kind, default_prediction(kind, path)) or base
    if folder is None:
        raise KnownError(
            f"{path.name} holds {_part_of(kind)}, and Safelight packages no configuration for "
            f"{FAMILY_TITLES.get(kind.family or '', 'its family')}",
            f"Put it beside the folder of its base model in diffusers layout, which is not in {path.parent}.",
        )
    return folder


def _weights(base: Path | None, name: str) -> list[Path]:
    return sorted((base / name).glob("*.safetensors")) if base is not None else []


def _sources(path: Path, kind: FileKind, wanted: dict[str, Any], base: Path | None) -> dict[str, Path | None]:
    """Where each part with weights comes from: the file, the base's folder, or nowhere. Raises KnownError."""
    inside = set(kind.text_encoders)
    sources: dict[str, Path | None] = {}
    missing = []
    for name in wanted:
        if name in _DENOISERS:
            sources[name] = path
        elif name == "scheduler" or name.startswith("tokenizer"):
            continue
        elif (name == "vae" and kind.has_vae) or inside & set(_TEXT_ENCODERS.get(kind.family or "", {}).get(name, ())):
            sources[name] = path
        elif base is not None and (base / name).is_dir():
            sources[name] = base
        elif (kind.family, name) in _OPTIONAL:
            sources[name] = None
        else:
            missing.append(name)
    if missing:
        title = FAMILY_TITLES.get(kind.family or "", "its family")
        where = f"; {base} has none either" if base is not None else ""
        raise KnownError(
            f"{path.name} holds {_part_of(kind)}; it lacks {_listed(map(word, missing))} of {title}{where}",
            f"Put it beside the folder of a base model of {title} in diffusers layout, which is not in {path.parent}.",
        )
    return sources


def _from_file(progress: "_Progress", name: str, cls: Any, folder: Path, dtype: "torch.dtype") -> Any:
    """One part, built from the file. Raises KnownError for weights that are missing or shaped otherwise."""
    path, kind = progress.path, progress.kind
    try:
        if name == "vae":
            return build_vae(cls, progress.read(VAE), folder / name)
        if name in _DENOISERS:
            tensors = progress.read_gguf() if kind.layout == "gguf" else progress.read((kind.prefix,))
            return build_denoiser(cls, tensors, kind, folder, name, dtype)
        if cls.__name__.startswith("T5"):
            return build_t5(cls, progress.read(_T5), folder / name)
        return build_clip(cls, progress.read(_CLIP), folder, name, dtype)
    except (KnownError, JobCancelled):
        raise
    except NotWhole as error:
        raise KnownError(
            f"{path} is not whole: of {word(name)}, {str(error)[:200]}", "Get the file again, whole."
        ) from error
    except Exception as error:  # a dozen kinds for weights that do not fit
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [""])[0]
        raise KnownError(
            f"{path} does not fit: {word(name)} cannot be made of it ({type(error).__name__}: {reason[:200]})",
            "Get the file again, or choose another.",
        ) from error


class _Progress:
    """Reads parts of the file, tells how far it is, and stops between two tensors."""

    def __init__(
        self,
        path: Path,
        kind: FileKind,
        dtype: "torch.dtype",
        token: CancelToken,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.path, self.kind, self._dtype = path, kind, dtype
        self._token, self._on_progress, self._done = token, on_progress, 0

    def read(self, prefixes: tuple[str, ...]) -> dict[str, Any]:
        return read_tensors(self.path, prefixes, self._dtype, self._after)

    def read_gguf(self) -> dict[str, Any]:
        return read_gguf(self.path, self._after)

    def _after(self, count: int) -> None:
        self._token.check()
        self._done += count
        self._on_progress(min(self._done, self.kind.bytes), self.kind.bytes)


def _with_prediction(scheduler: dict[str, Any], kind: FileKind, said: str | None) -> dict[str, Any]:
    if said not in ("epsilon", "v_prediction"):
        return scheduler
    changes: dict[str, Any] = {"prediction_type": said}
    if kind.zero_snr:  # as arXiv 2305.08891 has it: rescaled, and begun at the last step
        changes |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return scheduler | changes


def _with_pipeline(index: dict[str, Any], kind: FileKind) -> dict[str, Any]:
    task = (kind.variant or "").rpartition("-")[2]
    name = index.get("_class_name")
    return index | {"_class_name": _PIPELINES.get((task, name), name)}


def _wanted(index: Mapping[str, Any]) -> dict[str, Any]:
    """The components to load, by name."""
    return {name: entry for name, entry in index.items() if name not in SKIPPED and _is_component(entry)}


def _is_component(entry: Any) -> bool:
    """A pair of library and class, both of which can only name what diffusers and transformers have."""
    match entry:
        case ["diffusers" | "transformers", str(name)] if name.isidentifier():
            return True
    return False


def _class(library: str, name: str) -> Any:
    import diffusers
    import transformers

    cls = getattr({"diffusers": diffusers, "transformers": transformers}[library], name, None)
    if not isinstance(cls, type):
        raise KnownError(f"Safelight knows no {name[:80]}", "Get the model in another form.")
    return cls


def _tokenizers(folder: Path, base: Path | None, name: str) -> Path:
    """The base's own tokenizer where there is one: it belongs to the base's text encoder."""
    return base if base is not None and (base / name).is_dir() else folder


def _part_of(kind: FileKind) -> str:
    return {"unet": "the U-Net only", "transformer": "the transformer only"}.get(
        kind.kind, "a model without some parts"
    )


def word(name: str) -> str:
    """A component in words."""
    return _WORDS.get(name) or f"the {name.replace('_', ' ')}"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
