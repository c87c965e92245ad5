"""What can be asked of the small pictures that travel in events and timelines. Pillow is imported when asked."""

from typing import TYPE_CHECKING

from desktop.messages import Frame

if TYPE_CHECKING:
    from PIL import Image


def as_image(frame: Frame) -> "Image.Image":
    from PIL import Image

    return Image.frombytes("RGB", (frame.width, frame.height), frame.rgb)


def change(before: Frame | None, after: Frame | None) -> float | None:
    """Mean absolute difference of two frames, 0 to 1; None where there are not two of one size."""
    from PIL import ImageChops, ImageStat

    if before is None or after is None or (before.width, before.height) != (after.width, after.height):
        return None
    apart = ImageStat.Stat(ImageChops.difference(as_image(before), as_image(after)))
    return sum(apart.mean) / (3 * 255)
