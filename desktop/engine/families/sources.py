"""A model on disk, whether it is a folder in diffusers layout or one file: described and told apart alike."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine import single_file
from desktop.engine.cancel import CancelToken
from desktop.engine.families import folder as folders
from desktop.engine.families.base import ModelFolder
from desktop.library.recognise import recognise, require_model

if TYPE_CHECKING:
    import torch

FILE_ENDINGS = (".safetensors", ".gguf")


def is_model_file(path: Path) -> bool:
    return path.suffix.lower() in FILE_ENDINGS


def open_model(path: Path) -> ModelFolder:
    """What the model's configuration says, of a file by the packaged configuration of its family. Raises KnownError."""
    if not path.is_file():
        return folders.open_folder(path)
    kind = recognise(path)
    require_model(path, kind)
    return single_file.as_folder(path, kind)


def fingerprint(path: Path) -> str:
    """16 hex digits that tell the weights of two models apart."""
    return single_file.fingerprint(path) if path.is_file() else folders.fingerprint(path)


def read_file(
    path: Path, *, dtype: "torch.dtype", device: str, token: CancelToken, on_progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Every part of a single file's model by name. Raises KnownError, JobCancelled."""
    parts = single_file.load(path, recognise(path), dtype=dtype, token=token, on_progress=on_progress)
    for part in parts.components.values():
        if hasattr(part, "named_modules"):
            part.to(device)
    return parts.components | {"scheduler": single_file.make_scheduler(parts)}
