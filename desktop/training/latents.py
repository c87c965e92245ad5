"""The latents that the denoiser learns from: many scenes, drawn and encoded once, kept in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from desktop.training import checkpoint, render
from desktop.training.crew import Crew
from desktop.training.render import Artist
from desktop.training.scenes import Scene

PIECE = 1024  # scenes in a file: 8 MB
BATCH = 16  # and at a time through the encoder, on a processor's core
GPU_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """latents: (N, C, h, w) float16, as the encoder gives them; scenes: what each shows."""

    latents: torch.Tensor
    scenes: tuple[Scene, ...]


def cache(
    folder: Path,
    scene: Callable[[int], Scene],
    count: int,
    artist: Artist,
    *,
    encode: Callable[[torch.Tensor], torch.Tensor],
    crew: Crew,
    device: torch.device,
    report: Callable[[int], None],
) -> Cache:
    """Draw and encode what is not in `folder` yet of scene(0) .. scene(count - 1), and load all of it.

    encode: takes (B, 3, H, W) in -1..1. report: is told the scenes done after each piece, and may raise; what is done
    stays. Raises: KnownError as checkpoint.
    """
    pieces = [range(start, min(count, start + PIECE)) for start in range(0, count, PIECE)]
    paths = [folder / f"latents-{place:04d}.safetensors" for place in range(len(pieces))]
    missing = [place for place, path in enumerate(paths) if not path.exists()]
    shown = {place: [scene(number) for number in pieces[place]] for place in missing}
    step = GPU_BATCH if device.type != "cpu" else BATCH
    drawings = artist.each(part for place in missing for part in _parts(shown[place]))
    for place in missing:
        drawn = np.concatenate([next(drawings) for _ in _parts(shown[place])])

        def encoded(part: int, drawn: np.ndarray = drawn) -> torch.Tensor:
            pixels = torch.from_numpy(drawn[part * step : (part + 1) * step]).to(device)
            unit = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1  # channels_last, as it lies
            with torch.no_grad():
                return encode(unit).half().cpu().contiguous()

        parts = crew.map(encoded, -(-len(drawn) // step))
        rows = [one.as_row() for one in shown[place]]
        checkpoint.store(paths[place], {"latents": torch.cat(parts)}, {"scenes": rows})
        report(pieces[place][-1] + 1)
    found = [checkpoint.load(path) for path in paths]
    return Cache(
        latents=torch.cat([tensors["latents"] for tensors, _ in found]),
        scenes=tuple(Scene.from_row(row) for _, counters in found for row in counters["scenes"]),
    )


def _parts(shown: list[Scene]) -> Iterator[list[Scene]]:
    for start in range(0, len(shown), render.PIECE):
        yield shown[start : start + render.PIECE]
