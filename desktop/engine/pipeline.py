"""One request through one loaded model: from words to pixels, every step reported."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop.engine import tape
from desktop.engine.added import put_on
from desktop.engine.cancel import CancelToken
from desktop.engine.crossing import Crossing, keeping_schedule, maker_of, was_crossed
from desktop.engine.families import Family, Inputs, LoadedModel, Stage
from desktop.engine.memory import Placement
from desktop.engine.skip import NetworkSkip, denoisers
from desktop.errors import KnownError
from desktop.messages import GenerationRequest, ModelInfo, Phase

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


_CANNOT = {
    "text_to_image": ("{} refines pictures and cannot begin one", "Give it a start picture."),
    "image_to_image": ("{} cannot work from a start picture", "Remove the picture, or choose another model."),
    "inpaint": ("{} cannot redraw a part of a picture", "Remove the mask, or choose another model."),
}


def task_of(request: GenerationRequest) -> str:
    """Which of messages.TASKS the request is."""
    if request.start_picture is None:
        return "text_to_image"
    return "image_to_image" if request.mask is None else "inpaint"


def check_fits(request: GenerationRequest, info: ModelInfo) -> None:
    """Raises KnownError where the model cannot do what is asked."""
    task = task_of(request)
    if task not in info.tasks:
        raise KnownError(*(text.format(info.title) for text in _CANNOT[task]))
    multiple = info.size_multiple
    if info.fixed_size and (request.width, request.height) != (info.width, info.height):
        raise KnownError(
            f"{info.title} draws {info.width}x{info.height} only, not {request.width}x{request.height}",
            f"Choose {info.width}x{info.height}.",
        )
    if request.width % multiple or request.height % multiple:
        width, height = (max(multiple, round(side / multiple) * multiple) for side in (request.width, request.height))
        raise KnownError(
            f"{info.title} cannot draw {request.width}x{request.height}: "
            f"width and height must be multiples of {multiple}",
            f"Try {width}x{height}.",
        )
    if request.scheduler not in info.schedulers:
        raise KnownError(
            f"{info.title} does not work with the scheduler {request.scheduler}",
            f"Choose one of {', '.join(info.schedulers)}.",
        )
    if request.start_picture is not None and int(request.steps * request.strength) < 1:
        steps = math.ceil(1 / request.strength)
        raise KnownError(
            f"A strength of {request.strength:g} with {request.steps} steps leaves no step to take",
            f"Use at least {steps} steps, or more strength.",
        )


def _other_noise(request: GenerationRequest, state: tape.State) -> int | None:
    """The seed of the noise still to be drawn, where a branch begins here and changes it; None goes on with the
    state's own.
    """
    branch = request.branch
    if branch is None or state.index > branch.step:
        return None
    trunk = branch.trunk
    while trunk.branch is not None and state.index <= trunk.branch.step:  # a step that the trunk shares with its own
        trunk = trunk.branch.trunk
    return None if trunk.seed == request.seed else request.seed


def _gather(model: LoadedModel) -> None:
    """Bring back what the last run spread over the memory: a LoRA or an embedding takes the place of weights, and
    offloading layer by layer has put empty ones there.
    """
    if model.plan.placement != Placement.DEVICE:
        for pipeline in (*model.pipelines.values(), *_beside(model)):
            pipeline.remove_all_hooks()


def _beside(model: LoadedModel) -> list[Any]:
    """The pipelines of a cascade that come after the one a task has."""
    return [part for part in model.parts.values() if hasattr(part, "maybe_free_model_hooks")]


def _spread(model: LoadedModel, pipeline: Any, tiled: bool) -> None:
    """Bring the pipeline into the model's plan for the memory."""
    vae = getattr(pipeline, "vae", None)
    if hasattr(vae, "enable_tiling") and getattr(vae, "use_tiling", False) != tiled:
        vae.enable_tiling() if tiled else vae.disable_tiling()
    # Both of these take away first what another pipeline over the same networks has set up.
    for drawing in (pipeline, *_beside(model)):
        if model.plan.placement == Placement.OFFLOAD:
            drawing.enable_model_cpu_offload(device=model.device)
        elif model.plan.placement == Placement.SEQUENTIAL:
            drawing.enable_sequential_cpu_offload(device=model.device)


class _FarEnough(Exception):
    """Ends a pipeline's loop whose further steps nobody wants."""


class _Progress:
    """Counts the steps of all stages as one chain."""

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self._expected = [stage.steps for stage in stages]

    def step(self, place: int, step: tape.Step) -> tape.Step:
        self._expected[place] = step.total  # known now
        before = sum(self._expected[:place])
        return dataclasses.replace(step, index=before + step.index, total=sum(self._expected))


def run(
    model: LoadedModel,
    family: Family,
    request: GenerationRequest,
    *,
    inputs: Inputs,
    tiled: bool,
    token: CancelToken,
    on_phase: Callable[[Phase], None],
    on_step: Callable[[Stage, tape.Step], None],
    on_state: Callable[[tape.State], None] | None = None,
    start_from: tape.State | None = None,
    until: int | None = None,
) -> "Image | None":
    """Run the request's pipeline and return its picture, RGB, at the request's size.

    tiled: whether the VAE decodes in tiles. on_step is called on this thread after every step, with index and total
    over all stages. A model whose preview was not fitted to its VAE's own decode yet has that done from the finished
    picture.
    on_state gets the chain's state before each step; start_from goes on from one, taking only the steps after it, and
    until ends the run, with no picture, once that many steps of the chain are done.
    Raises JobCancelled within one block of the network once the token is set; KnownError for what cannot work.
    """
    import torch

    check_fits(request, model.info)
    token.check()
    pipeline = model.pipelines[task_of(request)]
    _gather(model)
    put_on(model, request)
    _spread(model, pipeline, tiled)
    # Drawn on the CPU, so that a seed means the same on every device.
    generator = torch.Generator("cpu").manual_seed(request.seed)
    stages = family.stages(model, pipeline, request)
    if len(stages) > 1 and (start_from is not None or until is not None):
        raise KnownError(
            f"{model.info.title} works in several stages, and cannot go on from the middle of one",
            "Make the picture again from the beginning.",
        )
    progress = _Progress(stages)
    skip = NetworkSkip(denoisers(pipeline), model.answer_shapes)
    latents: torch.Tensor | None = None

    def after_step(place: int, step: tape.Step) -> None:
        nonlocal latents
        token.check()
        stage, last_of_stage = stages[place], step.index == step.total
        step = progress.step(place, step)
        if step.index == 1 + (0 if start_from is None else start_from.index):
            on_phase(Phase.DENOISING)
        on_step(stage, step)
        if until is not None and step.index >= until:
            raise _FarEnough
        if last_of_stage and stage is stages[-1]:
            on_phase(Phase.DECODING)
            if stage.latents is not None and step.x_0 is not None and not model.preview_is_fitted:
                latents = stage.latents(step.x_0)

    resume, schedule = None, contextlib.nullcontext()
    if start_from is not None:
        maker, crossing = maker_of(request, start_from.index), None
        if maker.scheduler != request.scheduler:
            crossing = Crossing(start_from, request)
            schedule = crossing.scheduling(stages[0].scheduler)
        elif was_crossed(maker):
            schedule = keeping_schedule(stages[0].scheduler, start_from)
        resume = tape.Resumption(
            state=start_from,
            seed=_other_noise(request, start_from),
            arrived=skip.stop,
            enter=None if crossing is None else crossing.enter,
        )
        skip.start()
    keep = on_state if len(stages) == 1 else None
    on_phase(Phase.ENCODING)
    model.hooks.token = token
    try:
        with torch.no_grad(), schedule, contextlib.ExitStack() as recordings:
            for place, stage in enumerate(stages):
                told = functools.partial(after_step, place)
                recordings.enter_context(tape.recording(stage.scheduler, told, keep, resume))
            drawn = torch.as_tensor(family.draw(model, pipeline, request, inputs, generator))
    except _FarEnough:
        return None
    finally:
        skip.stop()
        model.hooks.token = None
        for drawing in (pipeline, *_beside(model)):
            with contextlib.suppress(AttributeError):
                drawing.maybe_free_model_hooks()
    token.check()
    # diffusers gives tensors with the channels first, and numpy arrays with the channels last
    pixels = (drawn if drawn.shape[0] == 3 else drawn.movedim(-1, 0)).float()
    if not torch.isfinite(pixels).all():
        raise KnownError(
            "The model produced numbers that are no picture",
            "Lower the guidance, or choose another scheduler.",
        )
    if latents is not None and torch.isfinite(latents).all():
        _fit_preview(model, latents, pixels)
    return as_image(pixels)


def as_image(pixels: "torch.Tensor") -> "Image":
    """pixels: (3, H, W), 0 to 1."""
    import torch
    from PIL import Image as images

    rows = pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
    height, width, _ = rows.shape
    return images.frombytes("RGB", (width, height), rows.numpy().tobytes())


def _fit_preview(model: LoadedModel, latents: Any, pixels: Any) -> None:
    from desktop.engine import preview

    model.preview = preview.fit_to_picture(latents.float(), pixels)
    model.preview_is_fitted = True
