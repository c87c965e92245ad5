"""A model on disk, whether it is a folder in diffusers layout or one file: described and told apart alike."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine import single_file
from desktop.engine.cancel import CancelToken
from desktop.engine.families import folder as folders
from desktop.engine.families.base import ModelFolder
from desktop.engine.families.depth import is_as_deep
from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.recognise import recognise, require_model

if TYPE_CHECKING:
    import torch

# The pipelines of families that files are told apart by, and that one general family draws.
_GENERAL = {
    "z-image": ("ZImagePipeline",),
    "sana": ("SanaPipeline",),
    "pixart": ("PixArtSigmaPipeline", "PixArtAlphaPipeline"),
    "lumina-2": ("Lumina2Pipeline",),
}
FILE_ENDINGS = (".safetensors", ".gguf")


def is_model_file(path: Path) -> bool:
    return path.suffix.lower() in FILE_ENDINGS


def open_model(path: Path) -> ModelFolder:
    """What the model's configuration says, of a file by the packaged configuration of its family. Raises KnownError."""
    if not path.is_file():
        if is_model_file(path) and not path.is_dir():
            raise KnownError(f"The model's file {path} is gone", "Bring it back, or choose another model.")
        return folders.open_folder(path)
    kind = recognise(path)
    require_model(path, kind)
    base = base_beside(path, kind)
    return single_file.as_folder(path, kind, base=base, config=_config(kind, base))


def check_shapes(model: ModelFolder, components: Iterable[str]) -> None:
    """Compare the weights' names and shapes with those that the configuration asks for. Imports torch.

    components: those of a folder that have weights. Raises KnownError for the first that does not fit.
    """
    if not model.path.is_file():
        from desktop.engine.shapes import check_folder

        check_folder(model, components)
        return
    from desktop.engine.file_shapes import check_file

    kind = recognise(model.path)
    base = base_beside(model.path, kind)
    check_file(model, kind, single_file.own_parts(model.path, kind, base=base, config=_config(kind, base)))


def _config(kind: FileKind, base: Path | None) -> Path | None:
    """The base's own configuration describes a network of its version and depth best; None asks for the packaged one.

    In the original names nobody publishes networks to which the guidance is an input, as it is to some folders'.
    """
    if base is None:
        return None
    network = folders.read_table(base / kind.kind / "config.json")
    if network is None or (network.get("time_cond_proj_dim") and not kind.in_diffusers_names):
        return None
    return base if is_as_deep(kind, network) else None


def base_beside(path: Path, kind: FileKind) -> Path | None:
    """The folder that gives what a file of a denoiser alone lacks: the first one beside it of the same family and, as
    far as its configuration tells, of the same version, one as deep before those that only have the same other parts.
    """
    from desktop.engine.families import family_of

    if kind.kind == "checkpoint":
        return None
    try:
        beside = sorted(folder for folder in path.parent.iterdir() if folder.is_dir())
    except OSError:
        return None
    first = None
    for folder in beside:
        try:
            model = folders.open_folder(folder)
        except KnownError:
            continue
        family = family_of(model)
        alike = family is not None and (family.name == kind.family or model.pipeline in _GENERAL.get(kind.family, ()))
        if alike and _is_same_version(kind, model):
            if is_as_deep(kind, model.configs.get(kind.kind, {})):
                return folder
            first = first or folder
    return first


def _is_same_version(kind: FileKind, model: ModelFolder) -> bool:
    """Whether nothing speaks against it: versions of one family differ in width, or in what their network takes in."""
    unet, transformer = model.configs.get("unet"), model.configs.get("transformer", {})
    if unet is not None:
        width = unet.get("cross_attention_dim")
    else:
        heads, each = transformer.get("num_attention_heads"), transformer.get("attention_head_dim")
        width = heads * each if type(heads) is int and type(each) is int else None
    if type(width) is int and kind.width is not None and width != kind.width:
        return False
    channels = (unet if unet is not None else transformer).get("in_channels")
    if type(channels) is int and kind.in_channels is not None and channels != kind.in_channels:
        return single_file.borrows_from(kind, model.pipeline)
    if kind.family == "stable-diffusion-3" and kind.variant != _stable_diffusion_3(transformer):
        return False
    guided = transformer.get("guidance_embeds")
    return kind.variant not in ("dev", "schnell") or guided is None or guided == (kind.variant == "dev")


def _stable_diffusion_3(transformer: Mapping[str, Any]) -> str:
    """The version that a configuration is of, as networks tells it from names; medium 3 and 3.5 are equally wide."""
    if transformer.get("dual_attention_layers"):
        return "3.5-medium"
    return "3.5-large" if transformer.get("qk_norm") else "3-medium"


def fingerprint(path: Path) -> str:
    """16 hex digits that tell the weights of two models apart."""
    return single_file.fingerprint(path) if path.is_file() else folders.fingerprint(path)


def read_file(
    path: Path,
    *,
    dtype: "torch.dtype",
    device: str,
    token: CancelToken,
    on_progress: Callable[[int, int], None],
    finish: Callable[[Any], None],
) -> dict[str, Any]:
    """Every part of a single file's model by name. finish: as in Reader. Raises KnownError, JobCancelled."""

    def settle(part: Any) -> None:
        finish(part)
        part.to(device)

    kind = recognise(path)
    base = base_beside(path, kind)
    parts = single_file.load(
        path,
        kind,
        dtype=dtype,
        token=token,
        on_progress=on_progress,
        base=base,
        config=_config(kind, base),
        finish=settle,
    )
    return parts.components | {"scheduler": single_file.make_scheduler(parts)}
