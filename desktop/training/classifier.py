"""The judge: a small network that names the things and the main colour in a picture of 64x64 pixels.

It is trained on renders only, never on what a model drew, with blur and noise on them, so that it is not put off by
what decoded pictures look like.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from desktop.training import checkpoint, loop, scenes
from desktop.training.budget import Budget
from desktop.training.colours import PAINTS
from desktop.training.crew import Crew, half_is_fast
from desktop.training.dataset import Dataset
from desktop.training.loop import Course, Outcome
from desktop.training.pictures import to_unit
from desktop.training.render import Artist
from desktop.training.scenes import Mix, Scene

SIDE = 64
COLOURS = (*PAINTS, "brown", "white", "gray", "black")
_MEANT = {"cream": "yellow", "gold": "yellow", "silver": "gray"}  # how a list of things may call them


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """widths: a level each, halved in between. mix: what it is trained on, wilder than what a denoiser sees."""

    widths: tuple[int, ...] = (32, 64, 128, 192)
    batch: int = 64
    peak: float = 2e-3
    portion: int = 16
    workers: int = 2
    mix: Mix = field(default_factory=lambda: Mix(tilt=8.0, shift=0.05, stretch=0.12, on=0.1, beside=0.28))


class _Block(nn.Module):
    """Two 3x3 convolutions beside a short cut, after He et al., arXiv 1603.05027."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.first_norm = nn.GroupNorm(8, after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second_norm = nn.GroupNorm(8, after)
        same = stride == 1 and before == after
        self.short = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, inside: torch.Tensor) -> torch.Tensor:
        turned = functional.relu(self.first_norm(self.first(inside)))
        return functional.relu(self.short(inside) + self.second_norm(self.second(turned)))


class Classifier(nn.Module):
    """(B, 3, 64, 64) in -1..1 -> logits of the things (B, N), of the colours (B, 11), and features (B, F)."""

    def __init__(self, settings: ClassifierSettings, things: int) -> None:
        super().__init__()
        widths = settings.widths
        self.stem = nn.Conv2d(3, widths[0], 3, 2, 1)
        strides = (1, *(2,) * (len(widths) - 1))
        self.blocks = nn.Sequential(
            *(_Block(a, b, stride) for a, b, stride in zip((widths[0], *widths), widths, strides, strict=False))
        )
        self.things = nn.Linear(2 * widths[-1], things)
        self.colours = nn.Linear(2 * widths[-1], len(COLOURS))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inside = self.blocks(functional.relu(self.stem(pictures)))
        features = torch.cat([inside.mean((2, 3)), inside.amax((2, 3))], 1)
        return self.things(features), self.colours(features), features[:, : inside.shape[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """things: (B, N) indices, likeliest first; colours: (B,) indices into COLOURS; features: (B, F) float32."""

    things: np.ndarray
    colours: np.ndarray
    features: np.ndarray


def colour_label(scene: Scene, known: Dataset) -> int:
    """Index into COLOURS of the scene's one thing; -1 where there are two, or its colour has no class."""
    if len(scene.placed) > 1:
        return -1
    placed = scene.placed[0]
    named = known.nouns[placed.noun].colours
    colour = placed.paint or (named[0] if named else "")
    colour = _MEANT.get(colour, colour)
    return COLOURS.index(colour) if colour in COLOURS else -1


def train(
    path: Path,
    settings: ClassifierSettings,
    known: Dataset,
    artist: Artist,
    budget: Budget,
    *,
    device: torch.device,
    seed: int,
    report: loop.Report,
) -> Classifier:
    """Train from the checkpoint at `path`, or from nothing, until the budget is over; see loop.run.

    All combinations come up, those that the denoiser never sees too: the judge has to know them.
    """
    torch.manual_seed(seed)
    model = Classifier(settings, len(known.nouns)).to(device).train()
    course = Course(
        modules={"classifier": model}, weights=list(model.parameters()), peak=settings.peak, weight_decay=2e-2
    )
    half = half_is_fast(device)

    def step(number: int, progress: float) -> Outcome:
        scene = scenes.stream(known, settings.batch, seed * 7919 + number, settings.mix, held_out=True)
        shown = [scene(place) for place in range(settings.batch)]
        rng = np.random.default_rng((seed, 21, number))
        pictures = torch.from_numpy(to_unit(artist.draw(shown)))
        pictures = _worn(pictures, rng, torch.Generator().manual_seed(seed * 1_000_003 + number)).to(device)
        wanted = torch.zeros(settings.batch, len(known.nouns))
        for row, one in enumerate(shown):
            for placed in one.placed:
                wanted[row, placed.noun] += 1 / len(one.placed)
        colours = torch.tensor([colour_label(one, known) for one in shown]).to(device)
        wanted = wanted.to(device)
        counted = max(1, int((colours >= 0).sum()))

        def loss(rows: slice) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
                things, tints, _ = model(pictures[rows])
            named = functional.cross_entropy(things.float(), wanted[rows], reduction="sum") / settings.batch
            tinted = functional.cross_entropy(tints.float(), colours[rows], ignore_index=-1, reduction="sum") / counted
            return named + 0.5 * tinted

        last, gradients = crew.gradients(course.weights, settings.batch, loss, settings.portion)
        return Outcome(loss=last, samples=settings.batch, gradients=gradients)

    with Crew(settings.workers, device) as crew:
        loop.run(path, course, budget, step, report)
    return model.eval()


def load(path: Path, settings: ClassifierSettings, things: int) -> Classifier:
    """Raises: KnownError where the checkpoint is damaged or knows other things."""
    model = Classifier(settings, things)
    loop.fill(checkpoint.load(path)[0], {"classifier": model})
    return model.eval()


def judge(model: Classifier, pictures: np.ndarray) -> Verdict:
    """pictures: (B, 64, 64, 3) uint8."""
    device = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for part in torch.from_numpy(to_unit(pictures)).split(64):
            found.append([tensor.float().cpu() for tensor in model(part.to(device))])
    things, tints, features = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return Verdict(things=np.argsort(-things, axis=1), colours=tints.argmax(1), features=features)


def shrink(picture: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8 to (64, 64, 3), for judge()."""
    by = picture.shape[0] // SIDE
    if by * SIDE != picture.shape[0]:
        unit = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        small = functional.interpolate(unit, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        return small[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
    mean = picture.reshape(SIDE, by, SIDE, by, 3).mean((1, 3), dtype=np.float32)
    return np.rint(mean).astype(np.uint8)


def _worn(pictures: torch.Tensor, rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
    """Some of them blurred, all a little noisy, lighter or darker."""
    soft = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.from_numpy(rng.uniform(0, 1, len(pictures)) * (rng.random(len(pictures)) < 0.5)).float()
    mixed = pictures + share[:, None, None, None] * (soft - pictures)
    strength = torch.from_numpy(rng.uniform(0, 0.06, len(pictures))).float()[:, None, None, None]
    light = torch.from_numpy(rng.uniform(0.94, 1.0, len(pictures))).float()[:, None, None, None]
    return ((mixed + 1) * light - 1 + strength * torch.randn(mixed.shape, generator=noise)).clamp(-1, 1)
