"""Films as MP4, through the ffmpeg of the machine: none is bundled, for its encoders have licences of their own."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError

if TYPE_CHECKING:
    from PIL import Image

RATE = 25  # frames a second; players stumble over rates that are much lower, so a step is shown for several
WAIT_SECONDS = 300
_INSTEAD = "GIF and WebP need no other program."


def ffmpeg() -> str | None:
    """The path of the machine's ffmpeg, None where there is none."""
    return shutil.which("ffmpeg")


def mp4(pictures: "Sequence[Image.Image]", durations_ms: Sequence[int]) -> bytes:
    """pictures: RGB, all of one size. H.264 where this ffmpeg has libx264, else MPEG-4, in yuv420p, which all play.

    Raises KnownError where there is no ffmpeg, or it fails.
    """
    program = ffmpeg()
    if program is None:
        raise KnownError("A film as MP4 needs ffmpeg, which is not on this machine", f"Install ffmpeg. {_INSTEAD}")
    width, height = (max(2, side // 2 * 2) for side in pictures[0].size)  # yuv420p has one colour for 2x2 pixels
    try:
        encoders = subprocess.run(
            [program, "-hide_banner", "-encoders"], stdin=subprocess.DEVNULL, **_options()
        ).stdout.decode("utf-8", "replace")
        codec = ["libx264", "-crf", "18"] if " libx264 " in encoders else ["mpeg4", "-q:v", "3"]
        with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
            film = Path(folder) / "film.mp4"
            source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0"]
            target = ["-an", "-c:v", *codec, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(film)]
            done = subprocess.run(
                [program, "-hide_banner", "-loglevel", "error", "-y", *source, *target],
                input=b"".join(
                    picture.crop((0, 0, width, height)).tobytes() * max(1, round(duration * RATE / 1000))
                    for picture, duration in zip(pictures, durations_ms, strict=True)
                ),
                **_options(),
            )
            if done.returncode != 0:
                lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
                raise KnownError(
                    f"ffmpeg could not write the film ({(lines or ['no reason given'])[-1][:200]})", _INSTEAD
                )
            return film.read_bytes()
    except (OSError, subprocess.SubprocessError) as error:
        raise KnownError(f"ffmpeg could not be run ({error})", _INSTEAD) from error


def _options() -> dict[str, object]:
    # Without the flag a black window opens for a moment on Windows; other systems have no such flag.
    return {
        "capture_output": True,
        "timeout": WAIT_SECONDS,
        "check": False,
        "creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0),
    }
