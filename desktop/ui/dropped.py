"""What a drag brings along."""

from pathlib import Path

from PySide6.QtCore import QMimeData


def local_file(data: QMimeData) -> str:
    """The path of the first file in a drag, "" where there is none."""
    for url in data.urls():
        if url.isLocalFile():
            return url.toLocalFile()
    return ""


def is_model(path: str) -> bool:
    """Whether a path is taken for a model: a folder, or a file of weights. What is in it is looked at later."""
    return bool(path) and (Path(path).is_dir() or path.lower().endswith((".safetensors", ".gguf")))
