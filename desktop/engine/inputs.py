"""The pictures a run starts from, brought to the size that is drawn."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.families import Inputs


def inputs_of(request: GenerationRequest, open_start: "Callable[[str], Image]") -> "Inputs":
    """The pictures the request starts from, cut to its size. Raises KnownError where one is gone."""
    from desktop.engine.families import Inputs

    size = request.width, request.height
    start = mask = None
    if request.start_picture is not None:
        start = fit_to(open_start(request.start_picture), *size)
    if request.mask is not None:
        mask = fit_to(open_start(request.mask), *size).convert("L")
    return Inputs(start=start, mask=mask)


def fit_to(image: "Image", width: int, height: int) -> "Image":
    """The picture cut to the shape and scaled to the size, in the middle; nothing is squeezed."""
    from PIL import Image as images
    from PIL import ImageOps

    return ImageOps.fit(image.convert("RGB"), (width, height), images.Resampling.LANCZOS)
