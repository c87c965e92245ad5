"""Whether a single file's weights have the names and shapes that its configuration asks for, told from its header.

diffusers' own conversion of the original names is given tensors without values, so that what is compared is what would
be loaded.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any

from desktop.engine import original_weights, single_file
from desktop.engine.families.base import ModelFolder
from desktop.engine.shapes import Shape, inside_torch, wanted_of
from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.recognise import TEXT_ENCODERS, shapes_in

_TENSORS_MAX = 20_000  # a whole model of the largest kind has 3,000


def check_file(model: ModelFolder, kind: FileKind, parts: Mapping[str, tuple[str, ...]]) -> None:
    """Compare the parts that a file holds itself with their configurations.

    model: what open_model() says of it. parts: by component, the text encoders it may be; see single_file.own_parts().
    Raises KnownError for the first part with a weight that is missing or shaped otherwise, or that cannot be read.
    """
    shapes = shapes_in(model.path)
    for component, encoders in parts.items():
        found = wanted_of(model, component)
        if found is None:
            continue
        cls, wanted = found
        try:
            there, whole = _converted(shapes, dict(model.configs[component]), component, cls, kind, encoders)
        except original_weights.NotWhole as error:
            fault: str | None = str(error)[:200]
        except KnownError:
            raise
        except Exception:  # a dozen kinds, for what only loading can tell
            continue
        else:
            fault = wanted.fault(there, whole=whole)
        if fault is not None:
            raise KnownError(
                f"{model.path} does not fit its configuration: of {single_file.word(component)}, {fault}",
                "Get the file again, or choose another.",
            )


def _converted(
    shapes: Mapping[str, Shape],
    config: dict[str, Any],
    component: str,
    cls: Any,
    kind: FileKind,
    encoders: tuple[str, ...],
) -> tuple[dict[str, Shape], bool]:
    """(the shapes of a part in diffusers' names, whether all of them have to be there)."""
    if len(shapes) > _TENSORS_MAX:
        raise ValueError("what takes diffusers' conversion hours is left to loading")
    if component in ("unet", "transformer"):
        bare = original_weights.bare(shapes, kind, component)
        return (dict(bare), True) if kind.in_diffusers_names else (_convert(cls, config, bare), True)
    if component == "vae":
        return _convert(cls, config, {k: s for k, s in shapes.items() if k.startswith(original_weights.VAE)}), True
    prefix = next(
        start for start, name in TEXT_ENCODERS if name in encoders and any(k.startswith(start) for k in shapes)
    )
    inside = {key: shape for key, shape in shapes.items() if key.startswith(prefix)}
    if any(key.startswith(f"{prefix}transformer.resblocks.") for key in inside):
        return _with_values(lambda tensors: _open_clip(tensors, prefix, config), inside), False
    names = {key.removeprefix(prefix).removeprefix("transformer."): shape for key, shape in inside.items()}
    return names, cls.__name__.startswith("T5")  # of CLIP, what is left out may be put there by the conversion


def _convert(cls: Any, config: dict[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    return _with_values(lambda tensors: original_weights.convert(cls, config, tensors), shapes)


def _open_clip(tensors: dict[str, Any], prefix: str, config: dict[str, Any]) -> dict[str, Any]:
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    encoder = types.SimpleNamespace(config=types.SimpleNamespace(hidden_size=config["hidden_size"]))
    return convert_open_clip_checkpoint(encoder, tensors, prefix=prefix)


def _with_values(convert: Callable[[dict[str, Any]], dict[str, Any]], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """convert() by tensors, of shapes by name."""
    found = inside_torch(lambda: _shapes_after(convert, shapes))
    if isinstance(found, Exception):
        raise found
    if found is None:
        raise ValueError("what only loading can tell")
    return found


def _shapes_after(
    convert: Callable[[dict[str, Any]], dict[str, Any]], shapes: Mapping[str, Shape]
) -> dict[str, Shape] | original_weights.NotWhole | KnownError | None:
    import torch

    try:
        tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        return {name: tuple(tensor.shape) for name, tensor in convert(tensors).items()}
    except original_weights.NotWhole as error:
        return original_weights.NotWhole(str(error))
    except KnownError as error:
        return KnownError(error.message, error.hint)
    except Exception:  # a dozen kinds
        return None
