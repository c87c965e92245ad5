"""Networks built from the tensors of a single file, through diffusers' own conversion of the original names.

diffusers brings its conversion only one way and together with its own reading of files, which goes by a file's name
and asks the hub for whatever is missing; so the tensors are read here, and its functions are given tables.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from desktop.engine.gguf_weights import assign
from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.networks import ORIGINAL_PREFIX

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

# Where the tensors of a VAE begin, as recognise has it.
VAE = ("first_stage_model.", "vae.")


def read_tensors(
    path: Path, prefixes: tuple[str, ...], dtype: "torch.dtype", after: Callable[[int], None]
) -> "dict[str, torch.Tensor]":
    """The tensors whose names begin with one of the prefixes, in dtype; after(bytes) is called behind each.

    Each is a copy in memory of its own: what safetensors gives lies in the mapped file, wherever the header's length
    put it, and at an odd address the same weights multiply along another path and give other last digits.
    """
    import torch
    from safetensors import safe_open

    tensors = {}
    with safe_open(str(path), framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 -- no table, it only looks like one
            if not name.startswith(prefixes):
                continue
            tensor = file.get_tensor(name)
            after(tensor.nbytes)
            tensors[name] = tensor.to(dtype if torch.is_floating_point(tensor) else tensor.dtype, copy=True)
    return tensors


class NotWhole(ValueError):
    """Some weights of a network are missing."""


def bare(tensors: Mapping[str, T], kind: FileKind, name: str) -> dict[str, T]:
    """The denoiser's tensors without what the file puts before their names, as convert() or diffusers expects them.

    name: of the component.
    """
    before = ORIGINAL_PREFIX if name == "unet" and not kind.in_diffusers_names else ""
    names = ((key, key.removeprefix(kind.prefix)) for key in tensors if key.startswith(kind.prefix))
    return {before + short: tensors[key] for key, short in names}


def channels(kind: FileKind, name: str) -> dict[str, int]:
    """What the file says about its denoiser's configuration: inpainting and control models take in more than they give
    out. name: of the component.
    """
    if kind.family != "flux" and name != "unet":
        return {}
    sizes = {"in_channels": kind.in_channels, "out_channels": kind.out_channels}
    return {key: size for key, size in sizes.items() if size is not None}


def build_denoiser(
    cls: Any, tensors: "dict[str, torch.Tensor]", kind: FileKind, folder: Path, name: str, dtype: "torch.dtype"
) -> Any:
    """A U-Net or transformer. folder/name: its configuration. Raises NotWhole, or whatever conversion raises."""
    quantised = dtype if kind.layout == "gguf" else None
    original = not kind.in_diffusers_names
    own = bare(tensors, kind, name)
    return _build(cls, own, folder / name, channels(kind, name), original=original, quantised=quantised)


def build_vae(cls: Any, tensors: "dict[str, torch.Tensor]", folder: Path) -> Any:
    """A VAE in the original layout. folder: its configuration. Raises NotWhole, or whatever conversion raises."""
    return _build(cls, tensors, folder, {}, original=True)


def build_clip(cls: Any, tensors: "dict[str, torch.Tensor]", folder: Path, name: str, dtype: "torch.dtype") -> Any:
    """The CLIP text encoder among the tensors that is as wide as folder/name says. Raises NotWhole."""
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm

    try:
        model = create_diffusers_clip_model_from_ldm(
            cls, tensors, subfolder=name, config=str(folder), torch_dtype=dtype, local_files_only=True
        )
    except NotImplementedError as error:  # how torch says that some weights have no values
        raise NotWhole("weights are missing") from error
    missing = [key for key, weight in model.named_parameters() if weight.is_meta]
    if missing:
        raise NotWhole(f"{len(missing)} weights are missing, {missing[0]} among them")
    return model


def build_t5(cls: Any, tensors: "dict[str, torch.Tensor]", folder: Path) -> Any:
    """A T5 encoder. folder: its configuration."""
    from accelerate import init_empty_weights

    prefix = "text_encoders.t5xxl.transformer."
    bare = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
    with init_empty_weights():
        model = cls(cls.config_class.from_pretrained(str(folder), local_files_only=True))
    missing = [key for key in model.load_state_dict(bare, strict=False, assign=True)[0] if "embed_tokens" not in key]
    if missing:
        raise NotWhole(f"{len(missing)} weights are missing, {missing[0]} among them")
    model.tie_weights()  # embed_tokens is the shared table
    return model


class _Untold(Exception):
    """Something that a configuration lacks."""


class _Told(dict[str, Any]):
    """A configuration that tells what it lacks apart from what is missing among the weights: both are tables."""

    def __missing__(self, key: str) -> Any:
        raise _Untold(str(key)[:80])


def convert(cls: Any, config: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """A network's tensors in the original names to diffusers' own, by diffusers' function for the class.

    Raises NotWhole where one is missing, KnownError where the configuration lacks what the function asks for, and where
    diffusers has no such function.
    """
    from diffusers.loaders import single_file_model

    name = single_file_model._get_single_file_loadable_mapping_class(cls)
    if name is None:
        raise KnownError(
            f"A {cls.__name__} in the names of its makers' own repository cannot be read",
            "Get it in diffusers layout.",
        )
    try:
        return single_file_model.SINGLE_FILE_LOADABLE_CLASSES[name]["checkpoint_mapping_fn"](
            config=_Told(config), checkpoint=tensors
        )
    except _Untold as error:
        raise KnownError(
            f"The configuration of the {cls.__name__} lacks {error}", "Get the folder beside the file again, whole."
        ) from error
    except KeyError as error:
        raise NotWhole(f"{str(error)[:120]} is missing") from error


def _build(
    cls: Any,
    tensors: "dict[str, torch.Tensor]",
    folder: Path,
    changes: dict[str, Any],
    *,
    original: bool,
    quantised: "torch.dtype | None" = None,
) -> Any:
    """A network of diffusers' from exactly the weights it needs; those it does not know are left out.

    changes: to its configuration. original: whether the names are the original repository's. quantised: what to compute
    in where the weights are GGUF's; None where they are plain.
    """
    from accelerate import init_empty_weights

    config = cls.load_config(str(folder), local_files_only=True) | changes
    with init_empty_weights():
        model = cls.from_config(config)
    if original:
        tensors = convert(cls, config, tensors)
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in tensors]
    if missing:
        raise NotWhole(f"{len(missing)} weights are missing, {missing[0]} among them")
    if quantised is not None:
        assign(model, {key: tensors[key] for key in wanted}, quantised)
        return model
    for key, empty in wanted.items():
        if empty.shape != tensors[key].shape:
            raise ValueError(f"{key} has the shape {tuple(tensors[key].shape)} in place of {tuple(empty.shape)}")
    model.load_state_dict({key: tensors[key] for key in wanted}, assign=True)
    return model
