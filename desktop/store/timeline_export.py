"""A picture's steps as a film or a strip that other programs show."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import write_atomically
from desktop.frames import as_image
from desktop.messages import TimelineStep
from desktop.store import film

if TYPE_CHECKING:
    from PIL import Image

FILMS = (".gif", ".webp", ".mp4")  # the last where the machine has ffmpeg
STRIPS = (".png", ".jpg")
FRAME_MS = 120
LAST_MS = 1500  # the finished picture stays for a while
STRIP_FRAMES = 8
STRIP_SIDE = 192  # pixels


def export(path: Path, steps: Sequence[TimelineStep], picture: "Image.Image", kind: str = "x_0") -> None:
    """Write the steps, and the finished picture after them, to a GIF, WebP or MP4, or a strip as PNG or JPEG.

    picture: RGB. kind: "x_0" or "x_t". Raises KnownError for another ending, steps without frames, or a full disk.
    """
    ending = path.suffix.lower()
    if ending not in FILMS + STRIPS:
        raise KnownError(
            f"A timeline cannot be written as {ending or 'a file without an ending'}",
            "Name a file that ends in .gif, .webp, .mp4, .png or .jpg.",
        )
    frames = [as_image(frame) for step in steps if (frame := getattr(step, kind)) is not None]
    if not frames:
        raise KnownError("This picture's steps have no frames to show", "Make the picture again.")
    buffer = io.BytesIO()
    if ending in FILMS:
        _film(buffer, frames, picture, ending)
    else:
        _strip(frames, picture).save(buffer, "PNG" if ending == ".png" else "JPEG", quality=90)
    write_atomically(path, buffer.getvalue())


def film_endings() -> tuple[str, ...]:
    """Those that this machine can write."""
    return FILMS if film.ffmpeg() else FILMS[:-1]


def _film(buffer: io.BytesIO, frames: "Sequence[Image.Image]", picture: "Image.Image", ending: str) -> None:
    from PIL import Image

    side = min(512, max(picture.size))
    size = _within(picture.size, side)
    shown = [frame.resize(size, Image.Resampling.BICUBIC) for frame in frames]
    shown.append(picture.resize(size, Image.Resampling.LANCZOS))
    first, rest = shown[0], shown[1:]
    durations = [FRAME_MS] * len(frames) + [LAST_MS]
    if ending == ".mp4":
        buffer.write(film.mp4(shown, durations))
        return
    options = {"save_all": True, "append_images": rest, "duration": durations, "loop": 0}
    if ending == ".gif":
        first.save(buffer, "GIF", **options)
    else:
        first.save(buffer, "WEBP", quality=80, **options)


def _strip(frames: "Sequence[Image.Image]", picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    count = min(STRIP_FRAMES, len(frames))
    chosen = [frames[round(place * (len(frames) - 1) / max(1, count - 1))] for place in range(count)]
    width, height = _within(picture.size, STRIP_SIDE)
    strip = Image.new("RGB", ((width + 4) * (count + 1) - 4, height), "white")
    for place, frame in enumerate([*chosen, picture]):
        strip.paste(frame.resize((width, height), Image.Resampling.BICUBIC), (place * (width + 4), 0))
    return strip


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    longest = max(size)
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))
