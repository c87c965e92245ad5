"""A job of the engine, and what it needs of the rest of the program."""

import contextlib
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from desktop.engine.cancel import CancelToken
from desktop.engine.tape import State
from desktop.messages import (
    AttentionSeen,
    GenerationRequest,
    ModelInfo,
    Phase,
    PictureRecord,
    Saved,
    TimelineStep,
    Verified,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.families import Inputs, LoadedModel


class Models(Protocol):
    """What the engine asks of the library. resolve raises KnownError for a name it does not know."""

    def resolve(self, name: str) -> ModelInfo: ...


class SavePicture(Protocol):
    """Write picture and record to disk; return only when both are there. Raises KnownError."""

    def __call__(
        self,
        request: GenerationRequest,
        image: "Image",
        *,
        seconds: float,
        made: dict[str, Any],
        inputs: "Inputs",
        timeline: tuple[TimelineStep, ...],
    ) -> PictureRecord: ...


class Watch(Protocol):
    """Looks on while a job's networks compute, and changes nothing; of the engine's thread only."""

    def covers(self, index: int) -> bool:
        """Whether the run may go on from the state of this index, or would leave a gap in what was seen."""

    def watching(self, model: "LoadedModel", request: GenerationRequest) -> contextlib.AbstractContextManager[None]:
        """Around the run. Raises KnownError where there is nothing to see."""

    def on_state(self, state: State) -> None:
        """Before each step that is taken, after the network has run for it."""


Ending = Saved | Verified | AttentionSeen


class Job:
    """A request on its way through the engine.

    Attributes: in_gallery, whether its picture is saved there, and not only looked at; phase, the last it came to;
    pausing: it is stopped, and goes on from here when the engine does; leaving: it is stopped because the program ends.
    """

    __slots__ = (
        "ended",
        "in_gallery",
        "job_id",
        "leaving",
        "open_start",
        "pausing",
        "phase",
        "request",
        "save",
        "steps_done",
        "token",
        "watch",
    )

    def __init__(
        self,
        request: GenerationRequest,
        save: SavePicture,
        open_start: "Callable[[str], Image]",
        ended: Callable[[str, PictureRecord], Ending],
        watch: Watch | None,
        *,
        in_gallery: bool,
    ) -> None:
        self.job_id = uuid.uuid4().hex
        self.request = request
        self.save = save
        self.open_start = open_start
        self.ended = ended
        self.watch = watch
        self.in_gallery = in_gallery
        self.token = CancelToken()
        self.steps_done = 0
        self.phase: Phase | None = None
        self.pausing = False
        self.leaving = False
