"""What every model family offers to the library and to the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from desktop.engine.cancel import CancelHooks, CancelToken
from desktop.messages import GenerationRequest, ModelInfo

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from desktop.engine.hardware import Device
    from desktop.engine.preview import PreviewMap


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder in diffusers layout. index: its model_index.json; configs: each component's config.json."""

    path: Path
    index: Mapping[str, Any]
    configs: Mapping[str, Mapping[str, Any]]
    bytes: int


@dataclass(slots=True, kw_only=True)
class LoadedModel:
    """A model in memory; owned by the engine's thread, which is the only one to touch it.

    scheduler_config: as it came with the model; every run makes a fresh scheduler from it.
    preview: how its latents become pixels. fingerprint: tells two models apart in a picture's record.
    """

    info: ModelInfo
    text_to_image: Any
    image_to_image: Any
    hooks: CancelHooks
    scheduler_config: dict[str, Any]
    preview: "PreviewMap | None"
    dtype: "torch.dtype"
    fingerprint: str


class Family(Protocol):
    """name: short and stable, kept in records. components_with_weights: the folders that must hold weights."""

    name: str
    components_with_weights: tuple[str, ...]

    def recognise(self, folder: ModelFolder) -> bool: ...

    def describe(self, folder: ModelFolder, *, name: str, builtin: bool) -> ModelInfo:
        """Raises KnownError where the folder is of this family and cannot be used."""
        ...

    def load(
        self,
        info: ModelInfo,
        *,
        device: "Device",
        token: CancelToken,
        on_progress: Callable[[int, int], None],
    ) -> LoadedModel:
        """on_progress(done_bytes, total_bytes). Raises KnownError for broken files, JobCancelled when stopped."""
        ...

    def arguments(self, request: GenerationRequest, start: "Image | None") -> dict[str, Any]:
        """What the pipeline is called with, beyond the generator. start: RGB, at the request's size."""
        ...
