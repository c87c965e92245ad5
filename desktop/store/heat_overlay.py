"""A word's heat map laid over the picture, as a picture."""

from typing import TYPE_CHECKING

from desktop.heat import DIMMED, ramp
from desktop.messages import WordHeat

if TYPE_CHECKING:
    from PIL import Image


def overlay(picture: "Image.Image", heat: WordHeat) -> "Image.Image":
    """RGB at the picture's size: the picture, dimmed and without its colours, and the heat in its own on top."""
    from PIL import Image

    plain = picture.convert("L").point(lambda value: round(DIMMED * value)).convert("RGB")
    values = Image.frombytes("L", (heat.width, heat.height), heat.heat)
    values = values.resize(picture.size, Image.Resampling.BICUBIC)
    channels = [values.point([color[part] for color in ramp()]) for part in range(4)]
    plain.paste(Image.merge("RGB", channels[:3]), mask=channels[3])
    return plain
