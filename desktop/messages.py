"""What the parts of the program say to each other: one request in, typed events out.

Everything here is frozen and safe to hand to another thread. Nothing here imports torch, Qt or numpy.
Exactly one terminal event (Saved, Verified, AttentionSeen, Cancelled or Failed) ends a job.
"""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop import scheduler_change
from desktop.errors import KnownError
from desktop.limits import (
    ADDED_MAX,
    BRANCH_DEPTH_MAX,
    GUIDANCE_MAX,
    SEED_MAX,
    SIDE_MAX,
    SIDE_MIN,
    STEPS_MAX,
    TEXT_MAX,
)

SCHEDULERS = (
    *scheduler_change.DISCRETE_SCHEDULERS,
    "flow_euler",
    "native",  # whatever the model came with, where its steps follow from no other
)
TASKS = ("text_to_image", "image_to_image", "inpaint")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """Everything one picture depends on; it can be made again from this alone.

    start_picture: sha256 (hex) of a picture in the store's start pictures; None draws from pure noise.
    strength: how much of the start picture is replaced, 0 (exclusive) to 1; ignored without one.
    mask: sha256 likewise; white where the start picture is drawn anew, black where it stays. None draws all of it.
    branch: where this goes on from a step of another run instead of from noise; the seed is that of the noise still to
    be drawn then, and model, size, steps and start picture are the trunk's; another scheduler goes on where it can.
    loras: put on the model for this run, in this order. embeddings: paths of textual inversion files, each of which
    teaches the prompt one word, the file's name without its ending.
    width, height: pixels; what multiple a model needs is checked where the model is known.
    Raises KnownError where a value is of the wrong type or out of range.
    """

    prompt: str
    seed: int
    negative_prompt: str = ""
    model: str = "starter"
    steps: int = 20
    guidance_scale: float = 4.0
    scheduler: str = "ddim"
    width: int = 256
    height: int = 256
    start_picture: str | None = None
    strength: float = 0.6
    mask: str | None = None
    branch: "Branch | None" = None
    loras: "tuple[Lora, ...]" = ()
    embeddings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_text("prompt", self.prompt)
        _check_text("negative prompt", self.negative_prompt)
        if not self.prompt.strip():
            raise KnownError("The prompt is empty", "Write what the picture should show.")
        _check_text("model's name", self.model)
        if not self.model or len(self.model) > 4096:
            raise KnownError("The model's name is not a name", "Choose a model from the list.")
        _check_whole("seed", self.seed, 0, SEED_MAX)
        _check_whole("number of steps", self.steps, 1, STEPS_MAX)
        _check_whole("width", self.width, SIDE_MIN, SIDE_MAX)
        _check_whole("height", self.height, SIDE_MIN, SIDE_MAX)
        _check_number("guidance", self.guidance_scale, 0.0, GUIDANCE_MAX)
        _check_number("strength", self.strength, 0.01, 1.0)
        if self.scheduler not in SCHEDULERS:
            raise KnownError(
                f"There is no scheduler called {str(self.scheduler)[:40]!r}",
                f"Choose one of {', '.join(SCHEDULERS)}.",
            )
        for name, sha256 in (("start picture", self.start_picture), ("mask", self.mask)):
            if sha256 is not None and not (
                isinstance(sha256, str) and len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
            ):
                raise KnownError(f"The {name}'s fingerprint is damaged", "Drop the picture again.")
        if self.mask is not None and self.start_picture is None:
            raise KnownError("A mask needs a start picture", "Give the picture that it masks.")
        if not isinstance(self.loras, tuple) or not all(isinstance(lora, Lora) for lora in self.loras):
            raise KnownError("The list of LoRA files is damaged", "Choose them again.")
        if not isinstance(self.embeddings, tuple):
            raise KnownError("The list of embeddings is damaged", "Choose them again.")
        for path in self.embeddings:
            _check_text("embedding's path", path)
        if len(self.loras) + len(self.embeddings) > ADDED_MAX:
            raise KnownError(f"More than {ADDED_MAX} LoRA files and embeddings", "Use fewer.")
        if self.branch is not None:
            self._check_branch(self.branch)

    def _check_branch(self, branch: "Branch") -> None:
        if not isinstance(branch, Branch):
            raise KnownError("The branch point is damaged", "Branch again from the picture.")
        if branch.trunk.depth >= BRANCH_DEPTH_MAX:
            raise KnownError(
                f"This picture is a branch of a branch, {BRANCH_DEPTH_MAX} times over", "Branch from an earlier one."
            )
        for name in _SHARED_WITH_TRUNK:
            if getattr(self, name) != getattr(branch.trunk, name):
                raise KnownError(
                    f"A branch has the {name.replace('_', ' ')} of the picture it grows from",
                    "Change the prompt, the guidance, the seed or the scheduler.",
                )
        scheduler_change.check(branch.trunk.scheduler, self.scheduler)

    @property
    def depth(self) -> int:
        """How many branches lie between this and a run from noise."""
        return 0 if self.branch is None else 1 + self.branch.trunk.depth

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values; from_json gives it back equal."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: object) -> "GenerationRequest":
        """Read a request from JSON that somebody else may have written; unknown keys are passed over.

        Raises KnownError where the data is no request.
        """
        if not isinstance(data, Mapping):
            raise KnownError("The recipe is damaged: it is not a table of settings")
        fields = {f.name for f in dataclasses.fields(cls)}
        known = {key: value for key, value in data.items() if key in fields}
        if known.get("branch") is not None:
            known["branch"] = Branch.from_json(known["branch"])
        if "loras" in known:
            known["loras"] = _listed(known["loras"], Lora.from_json)
        if "embeddings" in known:
            known["embeddings"] = _listed(known["embeddings"], lambda path: path)
        if missing := {"prompt", "seed"} - known.keys():
            raise KnownError(f"The recipe is damaged: {' and '.join(sorted(missing))} is missing")
        return cls(**known)

    def replace(self, **changes: Any) -> "GenerationRequest":
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """A low-rank change of a model's weights, from a file. weight: 1 as it was trained, 0 not at all.

    Raises KnownError where a value is of the wrong type or out of range.
    """

    file: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_text("LoRA's path", self.file)
        _check_number("LoRA's weight", self.weight, -10.0, 10.0)

    @classmethod
    def from_json(cls, data: object) -> "Lora":
        if not isinstance(data, Mapping) or "file" not in data:
            raise KnownError("The recipe is damaged: a LoRA is no table")
        return cls(file=data["file"], weight=data.get("weight", 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFile:
    """A file that a request can put on a model, as people see it. kind: "lora" or "embedding".

    words: that the prompt should name for it to work, as far as the file says so. wrong: why it cannot be put on the
    model in question, None where nothing speaks against it.
    """

    path: str
    kind: str
    title: str
    words: tuple[str, ...] = ()
    wrong: KnownError | None = None


def _listed(value: object, make: "Callable[[object], Any]") -> tuple:
    if not isinstance(value, list | tuple):
        raise KnownError("The recipe is damaged: a list is none")
    return tuple(make(item) for item in value)


_SHARED_WITH_TRUNK = (
    "model",
    "steps",
    "width",
    "height",
    "start_picture",
    "strength",
    "mask",
    "loras",
    "embeddings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A place in another run's chain. step: how many of its steps are shared, at least 1.

    Raises KnownError where a value is of the wrong type or out of range.
    """

    trunk: GenerationRequest
    step: int

    def __post_init__(self) -> None:
        if not isinstance(self.trunk, GenerationRequest):
            raise KnownError("The branch point is damaged", "Branch again from the picture.")
        _check_whole("step to branch at", self.step, 1, 2 * STEPS_MAX)

    @classmethod
    def from_json(cls, data: object) -> "Branch":
        if not isinstance(data, Mapping) or not {"trunk", "step"} <= data.keys():
            raise KnownError("The recipe is damaged: the branch point is no table")
        return cls(trunk=GenerationRequest.from_json(data["trunk"]), step=data["step"])


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise KnownError(f"The {name} is not text")
    if len(value) > TEXT_MAX:
        raise KnownError(f"The {name} has {len(value)} characters", f"Use at most {TEXT_MAX}; models read far fewer.")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise KnownError(f"The {name} holds characters that are not text", "Type it again.")


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise KnownError(f"The {name} is {str(value)[:40]}", f"Use a whole number from {low} to {high}.")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not low <= value <= high  # false for nan as well
    ):
        raise KnownError(f"The {name} is {str(value)[:40]}", f"Use a number from {low:g} to {high:g}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A small picture on its way to a screen. rgb: height * width * 3 bytes, row by row, sRGB."""

    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineStep:
    """One step of a finished run, as people look at it.

    index: of the run's whole chain, from 1; the first of a branch is the one after its branch point, as that of a run
    that went on after a restart is the one after its last kept state.
    timestep: of the training schedule, falling to 0. alpha, sigma: x_t = alpha x_0 + sigma eps; None where not known.
    x_0: the clean picture predicted at the step; x_t: the noisy state it was predicted from, scaled to unit variance.
    change: mean absolute difference of x_0 to the step before, 0 to 1; stage: as in Preview.
    """

    index: int
    timestep: float
    alpha: float | None
    sigma: float | None
    stage: str
    x_0: Frame | None
    x_t: Frame | None
    change: float | None = None

    @property
    def log_snr(self) -> float | None:
        """Natural logarithm of alpha**2 / sigma**2 (Kingma et al., arXiv 2107.00630); None where it is not finite."""
        import math

        ratio = self.alpha / self.sigma if self.alpha and self.sigma else 0.0
        return 2 * math.log(ratio) if 0 < ratio < math.inf else None  # a file of steps may hold any number


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What the window and the command line need to know of a model, without loading it.

    name: unique in the library, what a request's `model` holds. path: the folder.
    size_multiple: width and height must be multiples of it. bytes: weights on disk.
    max_tokens: how many tokens of a prompt the text encoder reads, 0 where it is not known.
    tasks: of TASKS, what it can do. negative_prompt: whether it reads one. fixed_size: whether it draws one size only.
    """

    name: str
    title: str
    path: str
    family: str
    bytes: int
    width: int
    height: int
    size_multiple: int
    sizes: tuple[tuple[int, int], ...]
    steps: int
    guidance_scale: float
    scheduler: str
    schedulers: tuple[str, ...]
    max_tokens: int = 0
    tasks: tuple[str, ...] = ("text_to_image", "image_to_image")
    negative_prompt: bool = True
    fixed_size: bool = False
    note: str = ""
    builtin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRecord:
    """A finished picture that is on disk and in the database. created_at: seconds since 1970, UTC."""

    id: int
    path: str
    request: GenerationRequest
    created_at: float
    seconds: float  # wall time of the run
    rating: int = 0  # 0 (none) to 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """One picture of a tree of branches. record: None where it is deleted. depth: 0 for the one that all grew from."""

    record: PictureRecord | None
    request: GenerationRequest
    depth: int


class Phase(enum.StrEnum):
    """What the engine is doing; the window writes the words."""

    IMPORTING = "importing"  # torch and diffusers are being imported
    LOADING = "loading"  # weights are read from disk
    ENCODING = "encoding"  # the prompt goes through the text encoder
    DENOISING = "denoising"
    DECODING = "decoding"  # latents become pixels
    SAVING = "saving"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReady:
    """The engine waits for something to do: torch is imported, or a model was loaded ahead.

    device: words for people, such as "CPU, 2 cores". device_bytes: the memory of its own; None where it has none.
    trouble: why a graphics card that is there is not used, a sentence; empty where nothing is wrong.
    """

    device: str
    device_bytes: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged:
    """job_id is None while the engine warms up with nothing to do. done_bytes and total_bytes only while loading."""

    job_id: str | None
    phase: Phase
    model: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChosen:
    """How a model is about to be spread over the memory there is. plan: of memory.MODES. text: one line."""

    job_id: str | None
    model: str
    plan: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """Something the user should know about a job that goes on. message, hint: as in KnownError."""

    job_id: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job that waits or runs. saved: whether a picture comes of it, and not only a comparison."""

    job_id: str
    request: GenerationRequest
    running: bool
    saved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanged:
    """The whole queue, the running job first. paused: nothing runs until the user says so."""

    jobs: tuple[QueuedJob, ...]
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The job has left the queue. saved: whether a picture comes of it, and not only a comparison."""

    job_id: str
    request: GenerationRequest
    saved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The predicted clean picture x_0 after a step. step counts from 1 to total, over all stages.

    frame: None at a step that has no picture, as in a prior. stage: "main", "prior", "decoder" or "upscaler".
    seconds: since the job started. seconds_left: estimate for the whole job, None at the first step.
    taken: the step as the timeline shows it, with the same frame.
    """

    job_id: str
    step: int
    total: int
    frame: Frame | None
    seconds: float
    seconds_left: float | None
    stage: str = "main"
    taken: TimelineStep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The picture is on disk and recorded."""

    job_id: str
    record: PictureRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A picture was made again from its file and compared with it; nothing was saved.

    largest_difference: of any channel of any pixel, 0 to 255. psnr_db: infinite for identical pictures.
    differs: what is not as it was then, as (what, then, now).
    """

    job_id: str
    path: str
    largest_difference: int
    psnr_db: float
    differs: tuple[tuple[str, str, str], ...]

    @property
    def identical(self) -> bool:
        return self.largest_difference == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WordHeat:
    """Where in a picture a word of its prompt was heard.

    start: of the word among the prompt's characters. heat: width * height bytes, row by row. low, high: the shares of
    the attention, 0 to 1, that 0 and 255 stand for.
    """

    word: str
    start: int
    width: int
    height: int
    heat: bytes
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSeen:
    """A picture was made again to see which part of it each word of the prompt drew; nothing was saved.

    words: those the model read, in the prompt's order. unread: those beyond what its text encoder reads.
    identical: whether it came out as the same picture, pixel by pixel.
    """

    job_id: str
    path: str
    words: tuple[WordHeat, ...]
    unread: tuple[str, ...]
    identical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """step: how many steps were done when it stopped; 0 when it never ran."""

    job_id: str
    request: GenerationRequest
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """message, hint: as in KnownError. is_bug: not the user's doing; details hold the traceback then."""

    job_id: str | None
    request: GenerationRequest | None
    message: str
    hint: str
    is_bug: bool = False
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseQuestion:
    """What a model makes of a picture with noise: x_t in its VAE's latents, decoded, or its guess of x_0 from there.

    seed: of the noise. guess: whether the guess is wanted, with or without a prompt.
    """

    model: str
    picture: Frame
    t: int
    seed: int
    guess: bool = False
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSeen:
    """The answer, or why there is none, as in KnownError. of_picture, of_noise: shares of the latents' values of x_t
    and of eps, in bins of one width from -span to span.
    """

    question: NoiseQuestion
    frame: Frame | None = None
    of_picture: tuple[float, ...] = ()
    of_noise: tuple[float, ...] = ()
    span: float = 4.0
    message: str = ""
    hint: str = ""


Event = (
    EngineReady
    | PhaseChanged
    | PlanChosen
    | Advised
    | QueueChanged
    | Started
    | Preview
    | Saved
    | Verified
    | AttentionSeen
    | Cancelled
    | Failed
    | NoiseSeen
)
TERMINAL = (Saved, Verified, AttentionSeen, Cancelled, Failed)
