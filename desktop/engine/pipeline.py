"""One request through one loaded model: from words to pixels, every step reported."""

import contextlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.engine import schedulers, tape
from desktop.engine.cancel import CancelToken
from desktop.engine.families import Family, LoadedModel
from desktop.errors import KnownError
from desktop.messages import GenerationRequest, ModelInfo, Phase

if TYPE_CHECKING:
    from PIL.Image import Image


def check_fits(request: GenerationRequest, info: ModelInfo) -> None:
    """Raises KnownError where the model cannot do what is asked."""
    multiple = info.size_multiple
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


def run(
    model: LoadedModel,
    family: Family,
    request: GenerationRequest,
    *,
    start: "Image | None",
    token: CancelToken,
    on_phase: Callable[[Phase], None],
    on_step: Callable[[tape.Step], None],
) -> "Image":
    """Run the request's pipeline and return its picture, RGB, at the request's size.

    start: the start picture, RGB, at the request's size. on_step is called on this thread after every step.
    Raises JobCancelled within one block of the network once the token is set; KnownError for what cannot work.
    """
    import torch
    from PIL import Image as images

    check_fits(request, model.info)
    token.check()
    pipeline = model.text_to_image if start is None else model.image_to_image
    pipeline.scheduler = schedulers.make(request.scheduler, model.scheduler_config, request.seed)
    # Drawn on the CPU, so that a seed means the same on every device.
    generator = torch.Generator("cpu").manual_seed(request.seed)

    def after_step(step: tape.Step) -> None:
        token.check()
        if step.index == 1:
            on_phase(Phase.DENOISING)
        on_step(step)
        if step.index == step.total:
            on_phase(Phase.DECODING)

    on_phase(Phase.ENCODING)
    model.hooks.token = token
    try:
        with torch.no_grad(), tape.recording(pipeline.scheduler, after_step):
            output = pipeline(
                **family.arguments(request, start), generator=generator, output_type="pt", return_dict=False
            )
    finally:
        model.hooks.token = None
        with contextlib.suppress(AttributeError):
            pipeline.maybe_free_model_hooks()
    token.check()
    pixels = output[0][0].float()
    if not torch.isfinite(pixels).all():
        raise KnownError(
            "The model produced numbers that are no picture",
            "Lower the guidance, or choose another scheduler.",
        )
    pixels = pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
    height, width, _ = pixels.shape
    return images.frombytes("RGB", (width, height), pixels.numpy().tobytes())
