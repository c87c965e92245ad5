"""What the widgets need of the rest of the program. The composition root hands in the real ones, tests small fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from desktop.engine.forward import NoiseSchedule
    from desktop.errors import KnownError
    from desktop.grids import Grid, Results
    from desktop.library.download import Download
    from desktop.library.hub import Offer
    from desktop.library.stop import Stop
    from desktop.messages import AddedFile, Frame, GenerationRequest, ModelInfo, NoiseQuestion, PictureRecord
    from desktop.noising import Noised
    from desktop.store.timeline_limit import Usage


class Engine(Protocol):
    """Every call returns at once; what came of it arrives as an event."""

    def submit(self, request: GenerationRequest) -> str:
        """Put a request at the end of the queue. Returns the job's id."""

    def cancel(self, job_id: str) -> None:
        """Stop a running job, take a waiting one out of the queue; one that has ended is passed over."""

    def move(self, job_id: str, index: int) -> None:
        """Give a waiting job another place. index counts waiting jobs only, from 0."""

    def pause(self) -> None:
        """Stop where it is and start nothing, until resume; the running job keeps its place."""

    def resume(self) -> None: ...

    def set_modes(self, *, memory: str, compiling: str) -> None:
        """memory: how a model is kept; compiling: whether its blocks are compiled; as Settings has them."""

    def warm_up(self, model: str) -> None:
        """Load this model when nothing else is to be done."""

    def look(self, question: NoiseQuestion) -> None:
        """Answer with NoiseSeen when no job runs; the newest question takes the place of one that waits."""


class Models(Protocol):
    def list(self) -> tuple[ModelInfo, ...]: ...

    def add(self, path: str) -> ModelInfo:
        """Take in a folder. Raises KnownError where it is no model that can be loaded."""

    def resolve(self, name: str) -> ModelInfo:
        """Raises KnownError where there is no such model."""

    def check_all(self) -> Mapping[str, KnownError | None]:
        """Every model by name, those that cannot be used too, and why; reads files, never on the GUI thread."""

    def look_at(self, path: str, model: str) -> AddedFile:
        """What a LoRA or an embedding is, and whether it goes on that model; reads the file, never on the GUI thread.

        Raises KnownError where it is neither.
        """


class HistoryEntry(Protocol):
    """A prompt that was run. last_used: seconds since 1970, UTC."""

    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def last_used(self) -> float: ...
    @property
    def uses(self) -> int: ...


class History(Protocol):
    def recent(self, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest first."""

    def search(self, text: str, limit: int) -> tuple[HistoryEntry, ...]: ...


class StartPictures(Protocol):
    def keep(self, path: str) -> str:
        """Copy a picture in; may take 100s of ms, so never on the GUI thread.

        Returns its sha256 in hex. Raises KnownError where it is not a picture.
        """

    def path_of(self, sha: str) -> Path:
        """A PNG. Raises KnownError where there is none of that fingerprint."""


class Downloads(Protocol):
    """Models on their way here. Calls marked so wait for the hub, the disk or the keyring: never on the GUI thread.

    What comes of the others arrives as a Download.
    """

    def look(self, text: str) -> tuple[Offer, ...]:
        """What a catalogue's name or a repository stands for. Waits. Raises KnownError."""

    def get(self, offers: Sequence[Offer], stop: Stop) -> tuple[str, ...]:
        """Begin to fetch these, or go on. Waits, and no longer than until stop is set. Raises KnownError, Stopped."""

    def reopen(self, stop: Stop) -> tuple[Download, ...]:
        """Everything begun and not ended. Waits, and no longer than until stop is set. Raises Stopped."""

    def repos_here(self) -> frozenset[str]:
        """Which repositories were fetched before. Waits."""

    def keep_token(self, token: str) -> str:
        """Use this access token. Returns a sentence where it cannot be kept. Waits. Raises KnownError."""

    def pause(self, key: str) -> None: ...

    def resume(self, key: str) -> None: ...

    def remove(self, key: str) -> None: ...


class Noising(Protocol):
    """The forward process. Every call waits for the disk or computes: never on the GUI thread."""

    def schedule_of(self, model: str) -> NoiseSchedule:
        """Raises KnownError where the model is gone, or has no schedule."""

    def open(self, path: str) -> Frame:
        """A picture, made small enough. Raises KnownError where it is none."""

    def noised(self, picture: Frame, schedule: NoiseSchedule, t: int, seed: int) -> Noised:
        """The picture with the noise of a seed, at a timestep from 0 to schedule.timesteps - 1."""


class TimelineRoom(Protocol):
    """Where the steps of all pictures lie. Both calls wait for the disk: never on the GUI thread."""

    def usage(self) -> Usage: ...

    def use_limit(self, limit_bytes: int) -> None:
        """Keep no more than this, 0 for none; what is too much goes soon. Raises KnownError."""


class Grids(Protocol):
    """Grids and their sheets, over restarts. Every call waits for the disk: never on the GUI thread.

    What is kept is read by load(), the exception: a few small rows, once, while the window is completed.
    """

    def keep(self, grid: Grid) -> int:
        """Remember it until it is finished. Returns the number it is kept under. Raises KnownError."""

    def drawn(self, grid: Grid) -> Mapping[GenerationRequest, PictureRecord]:
        """The pictures of the grid that are there. Raises KnownError."""

    def finish(self, number: int | None, grid: Grid, results: Results) -> PictureRecord | None:
        """Make the sheet, None where no picture was made, and forget the grid; takes seconds. Raises KnownError."""


# Reads a PNG's recipe, and keeps the pictures it started from; waits for the disk. Raises KnownError.
Recall = Callable[[str], "GenerationRequest"]
