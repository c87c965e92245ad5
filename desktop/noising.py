"""The forward process as people look at it: a model's schedule, a picture, and that picture with noise."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from desktop.engine.families.sources import open_model
from desktop.engine.forward import NoiseSchedule, schedule_of
from desktop.errors import KnownError
from desktop.messages import Frame, ModelInfo
from desktop.store.picture_file import open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.job import Models

SIDE_MAX = 512  # pixels; quick enough to follow a hand on a slider
SPAN = 4.0  # histograms go from -SPAN to SPAN: one value of normal noise in 16,000 lies outside
BINS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Noised:
    """A picture at timestep t, with the noise of a seed.

    frame: x_t, clipped to black and white. of_picture, of_noise: which shares of the values of x_t (where black is
    -1 and white is 1) and of eps fall into each of BINS bins from -span to span; each sums to 1, and what lies
    outside counts for the bins at the ends.
    """

    t: int
    seed: int
    frame: Frame
    of_picture: tuple[float, ...]
    of_noise: tuple[float, ...]
    span: float = SPAN


def model_schedule(info: ModelInfo) -> NoiseSchedule:
    """The schedule a model was trained with. Reads its configuration only; raises KnownError."""
    configs = open_model(Path(info.path)).configs
    names = ["scheduler", *sorted(name for name in configs if name.endswith("scheduler"))]
    config = next((configs[name] for name in names if name in configs), None)
    if config is None:
        raise KnownError(f"{info.title} does not say which noise it was trained with", "Choose another model.")
    return schedule_of(config)


def scaled_values(picture: "np.ndarray | Image") -> np.ndarray:
    """Pixels of 0 to 255 as x_0: black is -1, white is 1. float64, of the same shape."""
    return np.asarray(picture, np.float64) / 127.5 - 1


def as_pixels(values: np.ndarray) -> np.ndarray:
    """The inverse of scaled_values, clipped to black and white. uint8, of the same shape."""
    return ((values + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def seeded_noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """eps: standard normal, float64, the same for the same seed and shape. seed: at least 0."""
    return np.random.default_rng(seed).standard_normal(shape)


class Noising:
    """Answers for the noise view; every call reads files or computes, so none is for the GUI thread.

    The values of one picture and one noise are kept, for whoever asks for one timestep after another.
    """

    def __init__(self, models: "Models") -> None:
        self._models = models
        self._kept: tuple[Frame, int, np.ndarray, np.ndarray, tuple[float, ...]] | None = None

    def schedule_of(self, model: str) -> NoiseSchedule:
        """Raises KnownError where the model is gone, or has no schedule."""
        return model_schedule(self._models.resolve(model))

    def open(self, path: str) -> Frame:
        """A picture of at most SIDE_MAX pixels on its longer side. Raises KnownError where it is none."""
        image = open_picture(Path(path))
        image.thumbnail((SIDE_MAX, SIDE_MAX))
        return Frame(width=image.width, height=image.height, rgb=image.tobytes())

    def noised(self, picture: Frame, schedule: NoiseSchedule, t: int, seed: int) -> Noised:
        """x_t of a picture from open(). Raises KnownError for a timestep there is none of."""
        x_0, noise, of_noise = self._values(picture, seed)
        x_t = schedule.noised(x_0, t, noise)
        frame = Frame(width=picture.width, height=picture.height, rgb=as_pixels(x_t).tobytes())
        return Noised(t=t, seed=seed, frame=frame, of_picture=_histogram(x_t), of_noise=of_noise)

    def _values(self, picture: Frame, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
        kept = self._kept
        if kept is None or kept[0] is not picture or kept[1] != seed:
            pixels = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)
            noise = seeded_noise(seed, pixels.shape)
            kept = self._kept = picture, seed, scaled_values(pixels), noise, _histogram(noise)
        return kept[2:]


def _histogram(values: np.ndarray) -> tuple[float, ...]:
    places = ((values.ravel() + SPAN) * (BINS / (2 * SPAN))).astype(np.int32).clip(0, BINS - 1)
    return tuple((np.bincount(places, minlength=BINS) / places.size).tolist())
