"""The parts of a diffusers folder: which class each one is, and reading them in turn."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import CancelToken
from desktop.engine.families.base import ModelFolder
from desktop.engine.families.folder import load_component, stoppable, variant_of
from desktop.errors import KnownError

if TYPE_CHECKING:
    import torch

# Classes that folders name by the pipeline they were written with, and where diffusers keeps them.
_ELSEWHERE = {
    "UnCLIPTextProjModel": "diffusers.pipelines.deprecated.unclip.text_proj",
    "StableUnCLIPImageNormalizer": "diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer",
}
# Never loaded: what looks at finished pictures, or marks them.
SKIPPED = frozenset({"safety_checker", "watermarker", "feature_extractor"})


def named(folder: ModelFolder) -> dict[str, tuple[str, str]]:
    """Each component that the folder says it has: name to (library, class)."""
    found = {}
    for name, entry in folder.index.items():
        match entry:
            case [str(library), str(cls)] if not name.startswith("_") and name not in SKIPPED:
                found[name] = (library, cls)
    return found


def has_weights(cls: str) -> bool:
    """Told by the class's name, so that no library has to be imported for it."""
    return not any(word in cls for word in ("Scheduler", "Tokenizer", "Processor", "FeatureExtractor"))


def class_of(folder: ModelFolder, component: str) -> Any:
    """The class the folder names for a component, where it is one of the two libraries' own.

    A folder that names anything else could name code of its own. Raises KnownError.
    """
    import diffusers
    import transformers

    library, name = named(folder)[component]
    home = {"diffusers": diffusers, "transformers": transformers}.get(library)
    if name in _ELSEWHERE:
        home = importlib.import_module(_ELSEWHERE[name])
    found = getattr(home, name, None) if name.isidentifier() else None
    kinds = (
        diffusers.ModelMixin,
        diffusers.SchedulerMixin,
        transformers.PreTrainedModel,
        transformers.PreTrainedTokenizerBase,
        transformers.ProcessorMixin,
        transformers.image_processing_base.ImageProcessingMixin,
    )
    if not (isinstance(found, type) and issubclass(found, kinds)):
        raise KnownError(
            f"The {component.replace('_', ' ')} of {folder.path.name} is of a kind this version does not know "
            f"({library}.{name})"[:300],
            "Choose another model, or a newer Safelight.",
        )
    return found


class Reader:
    """Reads the components of one or more folders in turn, with a progress in bytes over all of them.

    finish: called with each network before the next one is read, so that no two need more memory than they must.
    """

    def __init__(
        self,
        total_bytes: int,
        token: CancelToken,
        on_progress: Callable[[int, int], None],
        finish: Callable[[Any], None],
    ) -> None:
        self._finish = finish
        self._total = total_bytes
        self._done = 0
        self._token = token
        self._on_progress = on_progress

    def read(
        self,
        folder: ModelFolder,
        *,
        dtype: "torch.dtype",
        device: str,
        leave_out: Sequence[str] = (),
        classes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Every component by name; those in leave_out are None. classes: where the folder's own are not to be trusted.

        Raises KnownError for broken files, JobCancelled when stopped.
        """
        parts: dict[str, Any] = {}
        for component, (_, name) in named(folder).items():
            if component in leave_out:
                parts[component] = None
                continue
            self._token.check()
            self._on_progress(min(self._done, self._total), self._total)
            cls = (classes or {}).get(component) or class_of(folder, component)
            inside = folder.path / component
            if has_weights(name):
                part = load_component(cls, inside, dtype=dtype, variant=variant_of(inside), token=self._token)
                with stoppable(self._token):
                    part.eval().requires_grad_(False)
                    self._finish(part)
                    parts[component] = part.to(device)
                self._done += sum(file.stat().st_size for file in inside.glob("*.safetensors"))
            else:
                parts[component] = load_component(cls, inside)
        self._token.check()
        self._on_progress(min(self._done, self._total), self._total)
        return parts
