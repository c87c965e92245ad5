"""The autoencoder: 128x128 pictures to 16x16 latents of 16 channels and back.

Loss: L1, L1 of the horizontal and vertical differences, and half the mean square error; the latents are pulled to an
anchor (see anchor.py) and blurred with a little noise, which stands in for the KL term of an ordinary VAE: it keeps
them smooth, and their posterior variance is a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from desktop.training import anchor as anchors
from desktop.training import checkpoint
from desktop.training.anchor import Anchor
from desktop.training.budget import Budget, rate
from desktop.training.pictures import WHITE, to_unit

POSTERIOR_LOGVAR = -7.0  # a deviation of 0.03, far below what shows


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeSettings:
    """widths: one a level, the coarsest last; groups: of the norms, few, so that they hide less of the mean colour.
    noise: the most that is added to a latent, in its own units. free_from, frozen_from: progress at which the anchor
    has let go of all but the colours, and at which only the decoder goes on learning.
    """

    widths: tuple[int, ...] = (32, 64, 96, 96)
    groups: int = 4
    batch: int = 24
    crop: int = 64
    whole_batch: int = 6
    whole_every: int = 4
    peak: float = 1e-3
    noise: float = 0.15
    free_from: float = 0.5
    frozen_from: float = 0.75
    favourites: float = 0.4  # share of the samples drawn from the chosen things


def build(settings: VaeSettings, size: int) -> AutoencoderKL:
    """size: side of a picture in pixels, written into the configuration."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(settings.widths),
        up_block_types=("UpDecoderBlock2D",) * len(settings.widths),
        block_out_channels=settings.widths,
        layers_per_block=1,
        latent_channels=anchors.CHANNELS,
        norm_num_groups=settings.groups,
        sample_size=size,
        scaling_factor=1.0,
        mid_block_add_attention=False,
        force_upcast=False,
    )


def encode_mean(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """pictures: (B, 3, H, W) in -1..1. Returns the posterior's mean (B, 16, H/8, W/8)."""
    return vae.quant_conv(vae.encoder(pictures))[:, : anchors.CHANNELS]


def decode(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    return vae.decoder(vae.post_quant_conv(latents))


def picture_loss(drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Both (B, 3, H, W) in -1..1."""
    drawn = drawn.float()
    error = drawn - wanted
    across = (error[..., :, 1:] - error[..., :, :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + across + down + 0.5 * error.square().mean()


def psnr(drawn: torch.Tensor, wanted: torch.Tensor) -> float:
    """Mean over pictures of the peak signal to noise ratio in decibels; both (B, 3, H, W) in -1..1."""
    error = (drawn.clamp(-1, 1).float() - wanted).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float((10 * torch.log10(4 / error)).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """laid: (N, S, S, 4) uint8, premultiplied; favourites: indices into it of the things the model shall draw."""

    laid: np.ndarray
    favourites: np.ndarray

    def sample(self, rng: np.random.Generator, count: int, side: int, share: float) -> np.ndarray:
        """(count, side, side, 3) uint8: crops that hold something, mirrored at random, one in seven on a colour."""
        size = self.laid.shape[1]
        found = np.empty((count, side, side, 3), np.uint8)
        for place in range(count):
            favourite = len(self.favourites) and rng.random() < share
            index = rng.choice(self.favourites) if favourite else rng.integers(len(self.laid))
            crop = self.laid[index]
            for _ in range(4):  # prefer a crop with an edge in it
                top, left = rng.integers(0, size - side + 1, 2)
                crop = self.laid[index, top : top + side, left : left + side]
                if 0.1 < crop[..., 3].mean() / 255 < 0.98:
                    break
            background = tuple(rng.integers(0, 256, 3)) if rng.random() < 1 / 7 else WHITE
            pixels = _paste(crop, background)
            found[place] = pixels[:, ::-1] if rng.random() < 0.5 else pixels
        return found


def _paste(laid: np.ndarray, background: tuple[int, ...]) -> np.ndarray:
    clear = 255 - laid[..., 3:].astype(np.uint16)
    paper = np.asarray(background, np.uint16)
    return (laid[..., :3] + (paper * clear + 127) // 255).clip(0, 255).astype(np.uint8)


def train(
    path: Path,
    settings: VaeSettings,
    shelf: Shelf,
    budget: Budget,
    *,
    device: torch.device,
    seed: int,
    report: Callable[[dict[str, float]], bool],
    save_every_seconds: float = 120.0,
) -> tuple[AutoencoderKL, Anchor, dict[str, float]]:
    """Train from the checkpoint at `path`, or from nothing, until the budget is over.

    report: called after each step with step, samples, loss, error (mean absolute, in 0..255) and seconds_left; training
    stops early, with a checkpoint, where it returns False. Returns the model, its anchor and the last counters.
    """
    size = shelf.laid.shape[1]
    torch.manual_seed(seed)
    vae = build(settings, size).to(device)
    optimiser = torch.optim.AdamW(vae.parameters(), lr=settings.peak, betas=(0.9, 0.99), weight_decay=1e-3)
    counters: dict[str, float] = {"seconds": 0.0, "done": 0, "samples": 0, "loss": 0.0, "error": 0.0}
    if path.exists():
        tensors, counters = checkpoint.load(path)
        vae.load_state_dict(checkpoint.under("vae", tensors))
        checkpoint.restore_optimiser(optimiser, checkpoint.under("optimiser", tensors))
        anchor = Anchor(**checkpoint.under("anchor", tensors))
    else:
        anchor = anchors.fit(_paste(shelf.laid, WHITE), seed=seed)
    vae.to(memory_format=torch.channels_last).train()
    deviation = anchor.deviation.to(device)[None, :, None, None]
    budget.seconds, budget.done = float(counters["seconds"]), int(counters["done"])

    def keep() -> None:
        counters.update(seconds=budget.seconds, done=budget.done)
        tensors = checkpoint.prefixed("vae", vae.state_dict())
        tensors |= checkpoint.prefixed("optimiser", checkpoint.optimiser_tensors(optimiser))
        checkpoint.store(path, tensors | checkpoint.prefixed("anchor", anchor.tensors()), counters)

    budget.start()
    kept_at = budget.seconds
    half = torch.autocast(device.type, torch.bfloat16)
    while not budget.over:
        progress = budget.progress
        rng = np.random.default_rng((seed, budget.done))
        noise = torch.Generator().manual_seed(seed * 1_000_003 + budget.done)
        frozen = progress >= settings.frozen_from
        whole = (budget.done + 1) % settings.whole_every == 0
        count, side = (settings.whole_batch, size) if whole else (settings.batch, settings.crop)
        pixels = shelf.sample(rng, count, side, settings.favourites)
        pictures = torch.from_numpy(to_unit(pixels)).to(device, memory_format=torch.channels_last)
        target = anchor.project(pictures)

        with half:
            with torch.set_grad_enabled(not frozen):
                latents = encode_mean(vae, pictures).float()
            true_share = max(0.0, 1 - progress / 0.35)
            true = torch.from_numpy(rng.random(count) < true_share).to(device)[:, None, None, None]
            given = torch.where(true, target, latents)
            strength = settings.noise * torch.rand(count, 1, 1, 1, generator=noise)
            given = given + (strength * torch.randn(given.shape, generator=noise)).to(device)
            drawn = decode(vae, given.to(memory_format=torch.channels_last))
        loss = picture_loss(drawn, pictures)
        total = loss
        if not frozen:
            released = min(1.0, max(0.0, (progress - 0.1) / (settings.free_from - 0.1)))
            pull = torch.full((anchors.CHANNELS,), 0.02 + 0.98 * (1 - released), device=device)
            pull[: anchors.COLOURS] = 1.0
            total = loss + (((latents - target) / deviation).square().mean((0, 2, 3)) * pull).mean()

        for group in optimiser.param_groups:
            group["lr"] = rate(progress, peak=settings.peak, floor=0.03)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        budget.tick()
        last, error = float(loss.detach()), float((drawn.detach().float() - pictures).abs().mean()) * 127.5
        weight = max(0.01, 1 / budget.done)
        counters["samples"] = int(counters["samples"]) + count
        counters["loss"] += (last - counters["loss"]) * weight
        counters["error"] += (error - counters["error"]) * weight
        if not math.isfinite(last):
            raise FloatingPointError("the autoencoder's loss is not a number")
        go_on = report(
            {
                "step": budget.done,
                "samples": counters["samples"],
                "loss": counters["loss"],
                "error": counters["error"],
                "anchor": float((total - loss).detach()),
                "seconds": budget.seconds,
                "seconds_left": budget.seconds_left,
            }
        )
        if budget.seconds - kept_at > save_every_seconds:
            keep()
            kept_at = budget.seconds
        if not go_on:
            break
    keep()
    return vae, anchor, counters


def latent_statistics(vae: AutoencoderKL, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """pictures: (N, 3, H, W) in -1..1. Returns mean (16,) and deviation (16,) of the posterior's mean."""
    sums, squares, count = 0, 0, 0
    with torch.no_grad():
        for part in pictures.split(16):
            latents = encode_mean(vae, part).double()
            sums = sums + latents.sum((0, 2, 3))
            squares = squares + latents.square().sum((0, 2, 3))
            count += latents.shape[0] * latents.shape[2] * latents.shape[3]
    mean = sums / count
    return mean.float(), (squares / count - mean.square()).clamp_min(1e-8).sqrt().float()


def fold(vae: AutoencoderKL, mean: torch.Tensor, scale: torch.Tensor) -> None:
    """Rewrite the two 1x1 convolutions so that latents come out as (z - mean) / scale, both (16,), and go in so.
    The pipeline knows one scaling factor only, which then is 1; the posterior's variance becomes a constant.
    """
    channels = anchors.CHANNELS
    with torch.no_grad():
        inward, outward = vae.quant_conv, vae.post_quant_conv
        inward.weight[:channels] /= scale[:, None, None, None]
        inward.bias[:channels] = (inward.bias[:channels] - mean) / scale
        inward.weight[channels:] = 0
        inward.bias[channels:] = POSTERIOR_LOGVAR
        outward.bias += outward.weight[:, :, 0, 0] @ mean
        outward.weight *= scale[None, :, None, None]
