"""Films as MP4, through the ffmpeg of the machine: none is bundled, for its encoders have licences of their own."""

import contextlib
import itertools
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from desktop.errors import KnownError

if TYPE_CHECKING:
    from PIL import Image

RATE = 25  # frames a second; players stumble over rates that are much lower, so a step is shown for several
WAIT_SECONDS = 300
# Without the flag a black window opens for a moment on Windows; other systems have no such flag.
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
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
            [program, "-hide_banner", "-encoders"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WAIT_SECONDS,
            check=False,
            creationflags=_NO_WINDOW,
        ).stdout.decode("utf-8", "replace")
        codec = ["libx264", "-crf", "18"] if " libx264 " in encoders else ["mpeg4", "-q:v", "3"]
        with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
            film = Path(folder) / "film.mp4"
            source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0"]
            target = ["-an", "-c:v", *codec, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(film)]
            command = [program, "-hide_banner", "-loglevel", "error", "-y", *source, *target]
            said = Path(folder) / "said.txt"  # a pipe that nobody reads meanwhile could fill and stop it
            with said.open("wb") as log:
                status = _feed(command, _frames(pictures, durations_ms, width, height), log)
            if status != 0:
                lines = said.read_text("utf-8", "replace").strip().splitlines()
                raise KnownError(
                    f"ffmpeg could not write the film ({(lines or ['no reason given'])[-1][:200]})", _INSTEAD
                )
            return film.read_bytes()
    except (OSError, subprocess.SubprocessError) as error:
        raise KnownError(f"ffmpeg could not be run ({error})", _INSTEAD) from error


def _frames(pictures: "Sequence[Image.Image]", durations_ms: Sequence[int], width: int, height: int) -> Iterator[bytes]:
    for picture, duration in zip(pictures, durations_ms, strict=True):
        raw = picture.crop((0, 0, width, height)).tobytes()
        yield from itertools.repeat(raw, max(1, round(duration * RATE / 1000)))


def _feed(command: Sequence[str], frames: Iterable[bytes], log: IO[bytes]) -> int:
    """Run a program and give it one frame after another, so that no more than one lies in memory; its exit status."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, creationflags=_NO_WINDOW
    ) as process:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        end = threading.Timer(WAIT_SECONDS, give_up)  # a write waits as long as the program reads nothing
        end.daemon = True
        end.start()
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it gave up, and has said why
                for frame in frames:
                    pipe.write(frame)
            status = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            end.cancel()
    if late.is_set():
        raise KnownError("ffmpeg took too long for the film", _INSTEAD)
    return status
