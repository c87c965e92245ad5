"""What a request puts on a model for its own run: LoRA files and embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING

from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    from desktop.engine.families import LoadedModel


class Added:
    """The files on one model, of the engine's thread only. Nothing is read again while they stay the same."""

    def __init__(self, model: "LoadedModel") -> None:
        from desktop.engine.adapters import Adapters
        from desktop.engine.embeddings import Embeddings

        fullest = max(model.pipelines.values(), key=lambda pipeline: len(pipeline.components))
        self._adapters = Adapters(fullest, model.info.family)
        self._embeddings = Embeddings(model.pipelines.values())

    def apply(self, request: GenerationRequest) -> None:
        """Make exactly the request's files work. Raises KnownError, naming a file that does not fit."""
        from desktop.engine.adapters import Adapter
        from desktop.engine.embeddings import Embedding
        from desktop.files import user_path

        self._adapters.apply([Adapter(path=user_path(lora.file), weight=lora.weight) for lora in request.loras])
        self._embeddings.apply([Embedding(path=Path(user_path(path))) for path in request.embeddings])


def put_on(model: "LoadedModel", request: GenerationRequest) -> None:
    """Bring the model to what the request asks for, in either direction. Raises KnownError."""
    if model.added is None:
        if not request.loras and not request.embeddings:
            return
        model.added = Added(model)
    model.added.apply(request)
