"""Small pictures for the gallery, made once and kept on disk."""

import contextlib
import hashlib
import io
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import write_atomically

if TYPE_CHECKING:  # Pillow is imported when the first picture is opened; the window is there before
    from PIL import Image

BYTES_MAX = 200 * 2**20  # about 5,000 thumbnails of 512 pixels
QUALITY = 92  # JPEG, without halving the colours: no visible difference at this size, a tenth of a PNG


class Thumbnails:
    """A cache folder; safe to use from several threads. Losing the folder costs time, nothing else."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._bytes: int | None = None  # known after the first count

    def get(self, path: Path | str, side: int) -> "Image.Image":
        """The picture as RGB with its longest side at most `side` pixels, never enlarged.

        Raises KnownError where the picture is gone or damaged; a full disk only means nothing is kept.
        """
        from PIL import Image

        from desktop.store.picture_file import open_picture

        path = Path(path)
        try:
            facts = path.stat()
        except OSError as error:
            raise KnownError(f"{path.name} is not there any more", "It was moved or deleted.") from error
        kept = self._folder / f"{_digest(str(path))}-{_digest(f'{facts.st_mtime_ns}|{facts.st_size}|{side}')}.jpg"
        with contextlib.suppress(KnownError):
            if kept.exists():
                small = open_picture(kept)
                with contextlib.suppress(OSError):
                    kept.touch()  # pruning goes by the last use
                return small
        image = open_picture(path)
        if max(image.size) <= side:
            return image  # opening it again is as fast as opening a thumbnail
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        with contextlib.suppress(KnownError):
            write_atomically(kept, buffer.getvalue())
            self._grown(len(buffer.getvalue()))
        return image

    def forget_all(self, paths: Iterable[Path | str]) -> None:
        """Remove what was made of pictures: they are gone for good, and are not to be seen here either.

        Looks through the folder once (50 ms where it is full), however many pictures they are.
        """
        digests = {_digest(str(path)) for path in paths}
        if not digests:
            return
        with contextlib.suppress(OSError), os.scandir(self._folder) as files:
            gone = [file.path for file in files if file.name.partition("-")[0] in digests]
            for path in gone:
                with contextlib.suppress(OSError):
                    os.unlink(path)

    def _grown(self, size: int) -> None:
        with self._lock:
            self._bytes = None if self._bytes is None else self._bytes + size
            if self._bytes is None or self._bytes > self._bytes_max:
                self._prune()

    def _prune(self) -> None:
        """Drop the longest unused until a fifth of the room is free; counts what is there."""
        files = []
        for path in self._folder.glob("*.jpg"):
            with contextlib.suppress(OSError):  # gone meanwhile
                facts = path.stat()
                files.append((facts.st_mtime_ns, facts.st_size, path))
        total = sum(size for _, size, _ in files)
        if total > self._bytes_max:
            for _, size, path in sorted(files):
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size
                if total <= self._bytes_max * 0.8:
                    break
        self._bytes = total


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:20]
