"""Start pictures, kept by what they show, so that a request can name one by its fingerprint."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import write_atomically

if TYPE_CHECKING:  # Pillow is imported where a picture is opened; the window is there before
    from PIL import Image

SIDE_MAX = 2048  # pixels; larger ones are made smaller when they come in


class StartPictures:
    """A folder of <sha256 of the pixels>.png."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, source: "Path | str | bytes | Image.Image") -> str:
        """Keep a picture and return its fingerprint, 64 hex digits.

        Raises KnownError where it is no picture (see open_picture) or the disk refuses.
        """
        from PIL import Image

        from desktop.store.picture_file import open_picture, pixels_digest, png_bytes

        image = source.convert("RGB") if isinstance(source, Image.Image) else open_picture(source)
        if max(image.size) > SIDE_MAX:
            image.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
        fingerprint = pixels_digest(image)
        try:
            self.open(fingerprint)
        except KnownError:  # not there yet, or altered since: write it (again)
            write_atomically(self.path_of(fingerprint), png_bytes(image))
        return fingerprint

    def path_of(self, fingerprint: str) -> Path:
        """Where it lies, whether it is there or not. Raises KnownError where it is no fingerprint."""
        if not re.fullmatch(r"[0-9a-f]{64}", fingerprint):
            raise KnownError("The start picture's fingerprint is damaged", "Drop the picture again.")
        return self._folder / f"{fingerprint}.png"

    def open(self, fingerprint: str) -> "Image.Image":
        """The picture as RGB. Raises KnownError where it is gone or altered."""
        path = self.path_of(fingerprint)
        if not path.exists():
            raise KnownError("The start picture is not there any more", "Drop it on the window again.")
        from desktop.store.picture_file import open_picture, pixels_digest

        image = open_picture(path)
        if pixels_digest(image) != fingerprint:
            raise KnownError("The start picture's file was altered", "Drop the picture on the window again.")
        return image
