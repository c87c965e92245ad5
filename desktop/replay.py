"""Making a picture again from its file, and saying how near the new one comes."""

import io
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from desktop.engine.families import Inputs
from desktop.errors import KnownError
from desktop.messages import GenerationRequest, PictureRecord, TimelineStep
from desktop.store.picture_file import open_picture
from desktop.store.recipe import GRID, read_recipe

# What of the record decides the pixels, with words for people.
_DECISIVE = {
    "torch": "torch",
    "diffusers": "diffusers",
    "transformers": "transformers",
    "device": "device",
    "device_name": "device",
    "dtype": "precision",
    "tiled": "decoding in tiles",
    "compiled": "compiled blocks",
    "attention": "attention",
    "model_fingerprint": "model",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """largest_difference: of any channel of any pixel, 0 to 255. psnr_db: infinite for identical pictures.

    differs: what is not as it was when the picture was made: words to (then, now).
    """

    largest_difference: int
    psnr_db: float
    differs: dict[str, tuple[str, str]]

    @property
    def identical(self) -> bool:
        return self.largest_difference == 0

    def to_json(self) -> dict[str, object]:
        return {
            "identical": self.identical,
            "largest_difference": self.largest_difference,
            "psnr_db": None if math.isinf(self.psnr_db) else round(self.psnr_db, 2),
            "differs": {name: list(values) for name, values in self.differs.items()},
        }

    def words(self) -> str:
        if self.identical:
            first = "identical: every pixel is the same"
        else:
            first = f"not identical: largest difference {self.largest_difference} of 255, PSNR {self.psnr_db:.1f} dB"
        changes = [f"{name}: was {then}, is {now}" for name, (then, now) in self.differs.items()]
        return "\n".join([first, *changes])


class Replay:
    """One picture that is made again. Its request, kept picture and start picture come from the file alone.

    Raises KnownError where the file is not one of ours or is damaged.
    """

    def __init__(self, path: Path) -> None:
        recipe = read_recipe(path)
        if GRID in recipe.extra:
            raise KnownError(f"{path.name} is the sheet of a grid", "Choose one of its single pictures.")
        self.request: GenerationRequest = recipe.request
        self._path = path
        self._then = recipe.extra
        self._recipe = recipe
        self._now: dict[str, Any] = {}
        self._again: Image.Image | None = None

    def open_start(self, fingerprint: str) -> Image.Image:
        """The start picture or the mask that travels inside the file."""
        png = self._recipe.picture_of(fingerprint)
        if png is None:
            raise KnownError(
                f"{self._path.name} was made from a start picture that is not in the file",
                "It cannot be made again from its file alone.",
            )
        return open_picture(png)

    def keep(
        self,
        request: GenerationRequest,
        image: Image.Image,
        *,
        seconds: float,
        made: dict[str, Any],
        inputs: Inputs,
        timeline: tuple[TimelineStep, ...],
    ) -> PictureRecord:
        """Takes the place of saving: the new picture stays in memory."""
        self._again, self._now = image, made
        return PictureRecord(id=0, path=str(self._path), request=request, created_at=time.time(), seconds=seconds)

    def compare(self) -> Comparison:
        """After the run. Raises KnownError where the file's picture has been resized since."""
        assert self._again is not None
        with Image.open(io.BytesIO(self._path.read_bytes()), formats=["PNG"]) as kept:
            then = kept.convert("RGB")
        if then.size != self._again.size:
            raise KnownError(
                f"{self._path.name} has another size than its recipe says", "It was changed after it was made."
            )
        largest, psnr = difference(then, self._again)
        differs = {
            words: (str(self._then[key]), str(self._now[key]))
            for key, words in _DECISIVE.items()
            if key in self._then and key in self._now and self._then[key] != self._now[key]
        }
        return Comparison(largest_difference=largest, psnr_db=psnr, differs=differs)


def difference(one: Image.Image, other: Image.Image) -> tuple[int, float]:
    """(largest difference of a channel 0 to 255, peak signal-to-noise ratio in dB) of two RGB pictures of one size."""
    from PIL import ImageChops, ImageStat

    apart = ImageChops.difference(one, other)
    largest = max(high for _, high in apart.getextrema())
    squares = sum(ImageStat.Stat(apart).sum2)
    if squares == 0:
        return 0, math.inf
    return largest, 10 * math.log10(255**2 * one.width * one.height * 3 / squares)
