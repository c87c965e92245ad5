"""What every model family offers to the library and to the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from desktop.engine.cancel import CancelHooks, CancelToken
from desktop.engine.memory import MemoryPlan
from desktop.messages import GenerationRequest, ModelInfo

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from desktop.engine.added import Added
    from desktop.engine.hardware import Device
    from desktop.engine.preview import PreviewMap
    from desktop.messages import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder in diffusers layout. index: its model_index.json; configs: each component's config.json."""

    path: Path
    index: Mapping[str, Any]
    configs: Mapping[str, Mapping[str, Any]]
    bytes: int

    @property
    def pipeline(self) -> str:
        """The name of the pipeline class that wrote the folder."""
        return str(self.index.get("_class_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Pictures a run starts from, RGB at the request's size. mask: L, white where the picture is drawn anew."""

    start: "Image | None" = None
    mask: "Image | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One chain of steps in a run; a cascade or a prior has several, one after another.

    name: "main", "prior", "decoder" or "upscaler". scheduler: the object whose step() takes the chain's steps.
    steps: how many it will take, as far as is known before. frame: x_0 of a step as a picture, or None where it is
    none, as in a prior, which works on an embedding.
    """

    name: str
    scheduler: Any
    steps: int
    frame: "Callable[[torch.Tensor], Frame] | None" = None
    latents: "Callable[[torch.Tensor], torch.Tensor] | None" = None  # x_0 as (1, C, h, w), to fit a preview with


@dataclass(slots=True, kw_only=True)
class LoadedModel:
    """A model in memory; owned by the engine's thread, which is the only one to touch it.

    pipelines: by task, "text_to_image", "image_to_image" and "inpaint"; they share their networks.
    parts: what a family needs beside its pipelines, such as the second half of a cascade.
    scheduler_config: as it came with the model; every run makes a fresh scheduler from it.
    preview: how its latents become pixels; None for models that work on pixels.
    preview_is_fitted: whether it was fitted against the VAE's own decode, so that there is nothing to improve.
    plan: how it is spread over the memory there is. configs: of its components.
    fingerprint: tells two models apart in a picture's record.
    """

    info: ModelInfo
    pipelines: dict[str, Any]
    hooks: CancelHooks
    scheduler_config: dict[str, Any]
    preview: "PreviewMap | None"
    dtype: "torch.dtype"
    device: str
    plan: MemoryPlan
    configs: Mapping[str, Mapping[str, Any]]
    fingerprint: str
    preview_is_fitted: bool = False
    parts: dict[str, Any] = field(default_factory=dict)
    added: "Added | None" = None  # LoRA files and embeddings, made for the first
    answer_shapes: dict[Any, Any] = field(default_factory=dict)  # see skip.NetworkSkip


class Family(Protocol):
    """name: short and stable, kept in records. standalone: False for the halves of models that others complete."""

    name: str
    standalone: bool

    def recognise(self, folder: ModelFolder) -> bool: ...

    def weighted(self, folder: ModelFolder) -> tuple[str, ...]:
        """The components whose folders must hold weights."""
        ...

    def describe(self, folder: ModelFolder, *, name: str, builtin: bool) -> ModelInfo:
        """Raises KnownError where the folder is of this family and cannot be used."""
        ...

    def load(
        self,
        info: ModelInfo,
        *,
        device: "Device",
        plan: MemoryPlan,
        token: CancelToken,
        on_progress: Callable[[int, int], None],
    ) -> LoadedModel:
        """on_progress(done_bytes, total_bytes). Raises KnownError for broken files, JobCancelled when stopped."""
        ...

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        """Puts the request's scheduler into the pipeline; returns the chains of steps in the order they run in."""
        ...

    def draw(
        self,
        model: LoadedModel,
        pipeline: Any,
        request: GenerationRequest,
        inputs: Inputs,
        generator: "torch.Generator",
    ) -> Any:
        """The picture, as (3, H, W) tensor or (H, W, 3) array, 0 to 1."""
        ...
