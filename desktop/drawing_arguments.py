"""What was typed for a command that draws from a prompt, as a request."""

import argparse
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import user_path
from desktop.limits import random_seed
from desktop.messages import GenerationRequest, Lora

if TYPE_CHECKING:
    from desktop.studio import Studio


def check_start(arguments: argparse.Namespace) -> None:
    """Raises KnownError where something about a start picture is said and there is none."""
    if arguments.strength is not None and arguments.init is None:
        raise KnownError("--strength needs a start picture", "Add --init IMAGE.")
    if arguments.mask is not None and arguments.init is None:
        raise KnownError("--mask needs a start picture", "Add --init IMAGE.")


def request_of(arguments: argparse.Namespace, studio: "Studio") -> GenerationRequest:
    """What was not said is the model's own choice, or chance. Takes in the start picture. Raises KnownError."""
    info = studio.library.resolve(arguments.model)
    width, height = arguments.size or (info.width, info.height)
    return GenerationRequest(
        prompt=arguments.prompt,
        negative_prompt=arguments.negative,
        model=info.name,
        seed=random_seed() if arguments.seed is None else arguments.seed,
        steps=info.steps if arguments.steps is None else arguments.steps,
        guidance_scale=info.guidance_scale if arguments.guidance is None else arguments.guidance,
        scheduler=arguments.scheduler or info.scheduler,
        width=width,
        height=height,
        start_picture=None if arguments.init is None else studio.starts.keep(user_path(arguments.init)),
        strength=0.6 if arguments.strength is None else arguments.strength,
        loras=tuple(Lora(file=str(user_path(file).absolute()), weight=weight) for file, weight in arguments.lora),
        embeddings=tuple(str(user_path(path).absolute()) for path in arguments.embedding),
        mask=None if arguments.mask is None else studio.starts.keep(user_path(arguments.mask)),
    )
