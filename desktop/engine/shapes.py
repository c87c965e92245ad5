"""Whether weights have the names and shapes that a model's configuration asks for, told from their headers.

The networks are built without values, on torch's meta device: Stable Diffusion XL takes a second and a half, and no
weight is read. Where it cannot be told, because a library renames weights while it reads them or the configuration is
of no class it knows, nothing is said; loading has the last word.
"""

import atexit
import functools
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from desktop.engine.families.base import ModelFolder
from desktop.errors import KnownError
from desktop.library import header
from desktop.library.weights import indexes_in, weights_in

_log = logging.getLogger(__name__)

T = TypeVar("T")
Shape = tuple[int, ...]

# What a wrapper of a text encoder is called in some versions of transformers and left out in others.
_WRAPPERS = ("text_model.", "model.")
_NEVER_MISSED = re.compile(r"(^|\.)(position_ids|lm_head\.weight)$")
_CALLS_MAX = 30_000  # of torch, while one network is built; the largest that are published take 9,000
_PLAIN = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")  # the others may be packed, several to a number


def check_folder(folder: ModelFolder, components: Iterable[str]) -> None:
    """Compare the headers of a diffusers folder's components with their configurations.

    Raises KnownError for the first component with a weight that is missing or shaped otherwise.
    """
    for component in components:
        found = wanted_of(folder, component)
        if found is None:
            continue
        there = _in_folder(folder.path / component, transformers=found[1].transformers)
        fault = None if there is None else found[1].fault(there)
        if fault is not None:
            raise KnownError(
                f"The model's {component.replace('_', ' ')} in {folder.path / component} does not fit its "
                f"configuration: {fault}",
                "Get the model again, whole, or choose another.",
            )


class Wanted:
    """The weights of one network: groups of names that stand for the same weight, and its shape.

    transformers: whether it is a network of that library, which renames some weights while it reads them.
    """

    def __init__(self, network: Any, *, transformers: bool) -> None:
        groups: dict[int, list[str]] = {}
        shapes: dict[int, Shape] = {}
        for name, weight in network.named_parameters(remove_duplicate=False):
            groups.setdefault(id(weight), []).append(name)
            shapes[id(weight)] = tuple(weight.shape)
        self.transformers = transformers
        read = network.state_dict(keep_vars=True)  # what is not saved is not read either, though a file may have it
        self.shapes: dict[str, Shape] = {n: tuple(kept.shape) for n, kept in network.named_buffers() if n in read}
        self.shapes |= {name: shapes[key] for key, names in groups.items() for name in names}
        self._groups = tuple(groups.values())
        self._ignored = tuple(getattr(network, "_keys_to_ignore_on_load_missing", None) or ())

    def fault(self, there: Mapping[str, Shape | None], *, whole: bool = True) -> str | None:
        """What is wrong with weights of these names and shapes, in words; None where nothing is known to be.

        there: by name; None in place of a shape that is not to be compared. whole: whether all have to be there.
        """
        found = {self._ours(name): shape for name, shape in there.items()}
        for name, shape in found.items():
            if shape is not None and shape != self.shapes.get(name, shape):
                return f"{name[:120]} is of {_by(shape)} numbers and should be of {_by(self.shapes[name])}"
        unknown = [n for n in found if n not in self.shapes and not _is_extra(n)]
        if unknown or not whole:  # names of another version may be those that are missing
            return None
        missing = [
            names[0] for names in self._groups if not any(name in found or self._may_lack(name) for name in names)
        ]
        return f"{len(missing)} of its weights are missing, {missing[0][:120]} among them" if missing else None

    def _may_lack(self, name: str) -> bool:
        return _is_extra(name) or any(re.search(pattern, name) for pattern in self._ignored)

    def _ours(self, name: str) -> str:
        """A name in the file as this version of the library has it, as far as that is a matter of a wrapper."""
        if name in self.shapes or not self.transformers:
            return name
        for wrapper in _WRAPPERS:
            if name.removeprefix(wrapper) in self.shapes:
                return name.removeprefix(wrapper)
            if wrapper + name in self.shapes:
                return wrapper + name
        return name


def _is_extra(name: str) -> bool:
    return _NEVER_MISSED.search(name) is not None


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "1"


def wanted_of(folder: ModelFolder, component: str) -> tuple[Any, Wanted] | None:
    """A component's class, and what that makes of its configuration; None where that cannot be told."""
    return inside_torch(lambda: _wanted(folder, component))


def _wanted(folder: ModelFolder, component: str) -> tuple[Any, Wanted] | None:
    from desktop.engine.families.components import class_of
    from desktop.engine.startup import import_torch_gently

    import_torch_gently()
    try:
        config = {key: value for key, value in folder.configs[component].items() if key != "_name_or_path"}
        if "quantization_config" in config:
            return None
        cls = class_of(folder, component)
        return cls, _build(cls, json.dumps(config, sort_keys=True))
    except Exception as error:  # a dozen kinds, for what only loading can tell
        _log.debug("the shapes of %s are not known: %s", folder.path / component, error)
        return None


_inside = threading.Lock()
_ending = threading.Event()


def inside_torch(work: Callable[[], T]) -> T | None:
    """The result of what a check does with torch, for which the end of the program waits; None from then on.

    Nobody waits for the thread of a check, and one that is inside torch when the interpreter goes, if only to give
    tensors back, aborts the process. So work leaves none behind, in a cycle or in the traceback of an exception.
    """
    with _inside:
        return None if _ending.is_set() else work()


@atexit.register
def _end() -> None:
    _ending.set()
    _inside.acquire(timeout=60)


@functools.lru_cache(maxsize=64)  # many models share their configurations
def _build(cls: Any, config: str) -> Wanted:
    """config: the component's, as JSON."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Bounded(TorchFunctionMode):
        """Ends the building of networks of a billion layers, which cost time even without values; any at the end."""

        calls = 0

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.calls += 1
            if self.calls > _CALLS_MAX or _ending.is_set():
                raise ValueError("it has no end")
            return function(*args, **(kwargs or {}))

    table = json.loads(config)
    # Not accelerate's init_empty_weights: that changes torch for every thread, and the engine's may be loading.
    with torch.device("meta"), Bounded():
        if cls.__module__.startswith("transformers."):
            kind = cls.config_class
            return Wanted(cls(kind.from_dict(table.get(kind.base_config_key, table))), transformers=True)
        return Wanted(cls.from_config(table), transformers=False)


def _in_folder(folder: Path, *, transformers: bool) -> dict[str, Shape | None] | None:
    """The shapes in the files that a component is read from, by name; None where that is not plain."""
    from desktop.engine.families.folder import variant_of

    variant = variant_of(folder)
    half = f".{variant}" if variant else ""
    stem = "model" if transformers else "diffusion_pytorch_model"
    index = indexes_in(folder).get(folder / f"{stem}.safetensors.index{half}.json")
    single = folder / f"{stem}{half}.safetensors"
    if index is not None and single in weights_in(folder):
        return None
    files = sorted({folder / name for name in index.values()}) if index is not None else [single]
    if not all(path.is_file() for path in files):
        return None
    tensors = {name: tensor for path in files for name, tensor in header.read(path).tensors.items()}
    return {name: tensor.shape if tensor.dtype in _PLAIN else None for name, tensor in tensors.items()}
