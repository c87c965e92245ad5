"""How the autoencoder learns.

Loss: L1, L1 of the horizontal and vertical differences, half the mean square error and, where asked for, a small
critic's (see adversary.py). From random weights, the latents are pulled to an anchor (see anchor.py) and blurred with a
little noise, which stands in for the KL term of an ordinary VAE: it keeps them smooth, and their posterior variance is
a constant. With a teacher, the decoder learns from the teacher's latents and the encoder to give the same ones, so that
a denoiser which draws for the teacher draws for the new decoder as well; the encoder of a model that keeps its size
gives them already and is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from desktop.training import adversary, checkpoint, loop
from desktop.training import anchor as anchors
from desktop.training import vae as coder
from desktop.training.anchor import Anchor
from desktop.training.budget import Budget
from desktop.training.crew import Crew, half_is_fast
from desktop.training.loop import Course, Outcome
from desktop.training.pictures import to_unit
from desktop.training.vae import VaeSettings


def picture_loss(drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Both (B, 3, H, W) in -1..1."""
    error = drawn.float() - wanted
    across = (error[..., :, 1:] - error[..., :, :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + across + down + 0.5 * error.square().mean()


def sample(shelf: np.ndarray, rng: np.random.Generator, count: int, side: int) -> np.ndarray:
    """shelf: (N, S, S, 3) uint8. Returns (count, side, side, 3): crops that hold something, mirrored at random. Their
    corners lie on multiples of 16, as the patches of the latents do.
    """
    size = shelf.shape[1]
    found = np.empty((count, side, side, 3), np.uint8)
    for place in range(count):
        picture = shelf[rng.integers(len(shelf))]
        crop = picture
        for _ in range(4):  # prefer a crop with an edge in it
            top, left = 16 * rng.integers(0, (size - side) // 16 + 1, 2)
            crop = picture[top : top + side, left : left + side]
            if side == size or int(crop.max()) - int(crop.min()) > 40:
                break
        found[place] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Of one batch. pictures: (B, 3, H, W); target: the latents that are wanted of them; shown: (B,) whether the
    decoder gets those in place of the encoder's own; blur: noise to add to either; pull: (C,) how strongly the encoder
    is held to the target, none where it is frozen; adversary: weight of the critic's term.
    """

    pictures: torch.Tensor
    target: torch.Tensor
    shown: torch.Tensor
    blur: torch.Tensor
    pull: torch.Tensor | None
    adversary: float


def train(
    path: Path,
    settings: VaeSettings,
    shelf: np.ndarray,
    budget: Budget,
    *,
    teacher: AutoencoderKL | None,
    device: torch.device,
    seed: int,
    report: loop.Report,
) -> dict[str, object]:
    """Train from the checkpoint at `path`, or from the teacher's or random weights, until the budget is over.

    shelf: (N, S, S, 3) uint8. report: is told error (mean absolute, in 0..255) besides what loop.run tells. Returns the
    counters. Raises: KnownError as loop.run and vae.grow.
    """
    size = shelf.shape[1]
    torch.manual_seed(seed)
    model = coder.grow(teacher, settings, size) if teacher else coder.build(settings, size)
    layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format  # the faster one of each
    model.to(device, memory_format=layout).train()
    critic = adversary.build().to(device) if settings.adversary else None
    target = _teacher(teacher.to(device), size) if teacher else None
    also: dict[str, torch.Tensor] = {}
    if target is None:
        anchor = _anchor(path, shelf, settings, seed)
        also = checkpoint.prefixed("anchor", anchor.tensors())
        target = anchor.project
    modules = {"vae": model} | ({"critic": critic} if critic else {})
    keeps_size = teacher is not None and teacher.config.sample_size == size
    if keeps_size:
        model.encoder.requires_grad_(False)
        model.quant_conv.requires_grad_(False)
    course = Course(
        modules=modules,
        weights=[weight for module in modules.values() for weight in module.parameters() if weight.requires_grad],
        peak=settings.peak,
        floor=0.03,
        weight_decay=1e-3,
        also=also,
    )
    half = half_is_fast(device)
    deviation = also["anchor.deviation"].to(device) if also else torch.ones(anchors.CHANNELS, device=device)

    def step(number: int, progress: float) -> Outcome:
        rng = np.random.default_rng((seed, number))
        noise = torch.Generator().manual_seed(seed * 1_000_003 + number)
        whole = (number + 1) % settings.whole_every == 0
        count, side = (settings.whole_batch, size) if whole else (settings.batch, settings.crop)
        pixels = torch.from_numpy(to_unit(sample(shelf, rng, count, side)))
        pictures = pixels.to(device, memory_format=layout)
        with torch.no_grad():
            wanted = torch.cat([target(part) for part in pictures.split(64)])
        blur = settings.noise * torch.rand(count, 1, 1, 1, generator=noise) * torch.randn(wanted.shape, generator=noise)
        shown_share = 1.0 if teacher else max(0.0, 1 - progress / 0.35)
        given = Given(
            pictures=pictures,
            target=wanted,
            shown=torch.from_numpy(rng.random(count) < shown_share).to(device),
            blur=blur.to(device),
            pull=None if keeps_size else _pull(settings, progress, bool(teacher), device),
            adversary=settings.adversary if progress >= settings.adversary_from else 0.0,
        )
        errors = [0.0] * count

        def loss(rows: slice) -> torch.Tensor:
            taught = teacher is None or rows.start == 0  # a teacher's encoder is followed on one portion of the batch
            with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
                return _loss(model, critic, given, rows, deviation, taught, errors) * (len(pictures[rows]) / count)

        last, gradients = crew.gradients(course.weights, count, loss, 1 if whole else settings.portion)
        return Outcome(loss=last, samples=count, gradients=gradients, figures={"error": sum(errors) / count})

    with Crew(settings.workers, device) as crew:
        return loop.run(path, course, budget, step, report)


def _loss(
    model: AutoencoderKL,
    critic: torch.nn.Module | None,
    given: Given,
    rows: slice,
    deviation: torch.Tensor,
    taught: bool,
    errors: list[float],
) -> torch.Tensor:
    """The mean loss over the rows; `errors` is filled with their mean absolute errors in 0..255."""
    pictures, wanted = given.pictures[rows], given.target[rows]
    shown = given.shown[rows][:, None, None, None]
    latents = wanted
    pulled = torch.zeros((), device=pictures.device)
    if not bool(shown.all()) or (taught and given.pull is not None):
        with torch.set_grad_enabled(given.pull is not None):
            latents = coder.encode_mean(model, pictures).float()
        if given.pull is not None and taught:
            apart = ((latents - wanted) / deviation[:, None, None]).square().mean((0, 2, 3))
            pulled = (apart * given.pull).mean()
    shown_latents = torch.where(shown, wanted, latents) + given.blur[rows]
    drawn = coder.decode(model, shown_latents).float()
    with torch.no_grad():
        for place, error in enumerate((drawn - pictures).abs().mean((1, 2, 3)).tolist()):
            errors[(rows.start or 0) + place] = 127.5 * error
    total = picture_loss(drawn, pictures) + pulled
    if critic is not None and given.adversary:
        total = total + given.adversary * adversary.for_decoder(critic, drawn)
        total = total + adversary.for_critic(critic, drawn, pictures)
    return total


def _teacher(teacher: AutoencoderKL, size: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Pictures of `size` or crops of them -> the teacher's latents, of pictures halved to the size it knows."""
    teacher.eval().requires_grad_(False)
    by = size // teacher.config.sample_size

    def target(pictures: torch.Tensor) -> torch.Tensor:
        return coder.encode_mean(teacher, functional.avg_pool2d(pictures, by) if by > 1 else pictures).float()

    return target


def _pull(settings: VaeSettings, progress: float, taught: bool, device: torch.device) -> torch.Tensor | None:
    """How strongly each channel is held to its target; None where the encoder does not learn any more."""
    if taught:
        return torch.ones(anchors.CHANNELS, device=device)
    if progress >= settings.frozen_from:
        return None
    released = min(1.0, max(0.0, (progress - 0.1) / (settings.free_from - 0.1)))
    pull = torch.full((anchors.CHANNELS,), 0.02 + 0.98 * (1 - released), device=device)
    pull[: anchors.COLOURS] = 1.0
    return pull


def _anchor(path: Path, shelf: np.ndarray, settings: VaeSettings, seed: int) -> Anchor:
    if path.exists():
        return Anchor(**checkpoint.under("anchor", checkpoint.load(path)[0]))
    return anchors.fit(shelf, patch=settings.factor, seed=seed)
