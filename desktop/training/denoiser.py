"""The denoiser: a small UNet on 16x16 latents and the text encoder that is trained along with it.

It predicts v (Salimans and Ho, arXiv 2202.00512, section 4) on a noise schedule whose last step is pure noise
(Lin et al., arXiv 2305.08891, algorithm 1), which is what lets plain white backgrounds come out white.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from desktop.training import anchor, checkpoint
from desktop.training.budget import Budget, rate

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiserSettings:
    """widths: of the UNet, a level each, text attended to at all but the first; text_width, text_layers: of the text
    encoder. decay: of the moving average of the weights, reached gradually. A batch is cut into portions that `workers`
    threads take one by one; on a CUDA device it stays whole.
    """

    widths: tuple[int, ...] = (64, 128, 192)
    groups: int = 16
    text_width: int = 192
    text_layers: int = 3
    text_heads: int = 6
    batch: int = 32
    peak: float = 6e-4
    decay: float = 0.999
    half: bool = True
    portion: int = 16
    workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoiser:
    """unet and text_encoder as trained, and their averages, which are what is shipped."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    unet_average: UNet2DConditionModel
    text_average: CLIPTextModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """latents: (N, V, 16, h, w) float16, V views of N things; tokens: a caption of (thing, view), as numbers."""

    latents: torch.Tensor
    tokens: Callable[[int, int, np.random.Generator], Sequence[int]]


def build_unet(settings: DenoiserSettings, side: int) -> UNet2DConditionModel:
    """side: of the latents."""
    deeper = len(settings.widths) - 1
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=anchor.CHANNELS,
        out_channels=anchor.CHANNELS,
        layers_per_block=1,
        block_out_channels=settings.widths,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * deeper),
        up_block_types=(*("CrossAttnUpBlock2D",) * deeper, "UpBlock2D"),
        cross_attention_dim=settings.text_width,
        attention_head_dim=8,
        norm_num_groups=settings.groups,
    )


def build_text_encoder(settings: DenoiserSettings, vocabulary: dict[str, int], length: int) -> CLIPTextModel:
    """length: tokens of a prompt."""
    start, end = len(vocabulary) - 2, len(vocabulary) - 1  # see tokenizer.learn
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=settings.text_width,
            intermediate_size=4 * settings.text_width,
            projection_dim=settings.text_width,
            num_hidden_layers=settings.text_layers,
            num_attention_heads=settings.text_heads,
            max_position_embeddings=length,
            hidden_act="gelu",
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def build(settings: DenoiserSettings, vocabulary: dict[str, int], *, side: int, length: int, seed: int) -> Denoiser:
    torch.manual_seed(seed)
    unet, text = build_unet(settings, side), build_text_encoder(settings, vocabulary, length)
    unet_average, text_average = build_unet(settings, side), build_text_encoder(settings, vocabulary, length)
    unet_average.load_state_dict(unet.state_dict())
    text_average.load_state_dict(text.state_dict())
    return Denoiser(unet=unet, text_encoder=text, unet_average=unet_average, text_average=text_average)


def alphas_cumulative() -> torch.Tensor:
    """(1000,) float32, the share of the picture's variance that is left at each time; 0 at the last."""
    return DDPMScheduler(**SCHEDULE).alphas_cumprod


def timesteps(count: int, noise: torch.Generator) -> torch.Tensor:
    """(count,) whole numbers in 0..999, one from each of `count` equally likely stretches, shuffled.

    The noisier half comes up more often (density rising with the power 3/7): there the shapes are learnt, while what is
    left to predict where there is little noise is mostly the noise itself.
    """
    places = ((torch.arange(count) + torch.rand(count, generator=noise)) / count) ** 0.7
    return (places * SCHEDULE["num_train_timesteps"]).long()[torch.randperm(count, generator=noise)]


def noised(latents: torch.Tensor, noise: torch.Tensor, share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """latents, noise: (B, C, h, w); share: (B,) of alphas_cumulative. Returns the noisy latents and v."""
    kept, added = share.sqrt()[:, None, None, None], (1 - share).sqrt()[:, None, None, None]
    return kept * latents + added * noise, kept * noise - added * latents


def load(path: Path, denoiser: Denoiser, optimiser: torch.optim.Optimizer | None = None) -> dict[str, float]:
    """Fill `denoiser` (and `optimiser`) from a checkpoint; returns its counters. Raises: KnownError if damaged."""
    tensors, counters = checkpoint.load(path)
    denoiser.unet_average.load_state_dict(checkpoint.under("unet_average", tensors))
    denoiser.text_average.load_state_dict(checkpoint.under("text_average", tensors))
    denoiser.unet.load_state_dict(checkpoint.under("unet", tensors))
    denoiser.text_encoder.load_state_dict(checkpoint.under("text", tensors))
    if optimiser is not None:
        checkpoint.restore_optimiser(optimiser, checkpoint.under("optimiser", tensors))
    return counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """noisy, wanted: (B, C, h, w); times: (B,); tokens: (B, length)."""

    noisy: torch.Tensor
    wanted: torch.Tensor
    times: torch.Tensor
    tokens: torch.Tensor
    half: bool


class Crew:
    """Threads that share out a batch.

    Each computes on one core, so that a core that something else needs holds up a portion, not every single operation.
    The sum is taken in the portions' order, so results do not depend on who did what.
    """

    def __init__(self, workers: int, portion: int) -> None:
        self._portion = portion
        self._threads_before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(workers, "training", initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        torch.set_num_threads(self._threads_before)

    def gradients(
        self, denoiser: Denoiser, weights: list[nn.Parameter], batch: Batch
    ) -> tuple[float, list[torch.Tensor]]:
        """The mean square error over the batch, and its gradient for each of `weights`."""
        count = len(batch.noisy)
        starts = range(0, count, self._portion)
        tasks = [self._pool.submit(self._portion_of, denoiser, weights, batch, start) for start in starts]
        loss, total = 0.0, None
        for task in tasks:
            part, gradients = task.result()
            loss += part
            if total is None:
                total = gradients
            else:
                torch._foreach_add_(total, gradients)
        return loss, total

    def _portion_of(
        self, denoiser: Denoiser, weights: list[nn.Parameter], batch: Batch, start: int
    ) -> tuple[float, list[torch.Tensor]]:
        part = slice(start, start + self._portion)
        with torch.autocast(batch.noisy.device.type, torch.bfloat16, enabled=batch.half, cache_enabled=False):
            words = denoiser.text_encoder(batch.tokens[part]).last_hidden_state
            guess = denoiser.unet(batch.noisy[part], batch.times[part], words).sample
        share = len(batch.noisy[part]) / len(batch.noisy)
        loss = functional.mse_loss(guess.float(), batch.wanted[part]) * share
        found = torch.autograd.grad(loss, weights, allow_unused=True)
        filled = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
        return float(loss.detach()), filled


def train(
    path: Path,
    settings: DenoiserSettings,
    denoiser: Denoiser,
    lesson: Lesson,
    budget: Budget,
    *,
    device: torch.device,
    seed: int,
    report: Callable[[dict[str, float]], bool],
    save_every_seconds: float = 120.0,
) -> dict[str, float]:
    """Train from the checkpoint at `path`, or from nothing, until the budget is over.

    report: called after each step with step, samples, loss, last (this step's loss), seconds and seconds_left; training
    stops early, with a checkpoint, where it returns False. Returns the last counters.
    """
    modules = (denoiser.unet, denoiser.text_encoder)
    averages = (denoiser.unet_average, denoiser.text_average)
    for module in (*modules, *averages):
        module.to(device)
    denoiser.unet.train(), denoiser.text_encoder.train()
    live = [weight for module in modules for weight in module.parameters()]
    kept = [weight for module in averages for weight in module.parameters()]
    optimiser = torch.optim.AdamW(live, lr=settings.peak, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    counters: dict[str, float] = {"seconds": 0.0, "done": 0, "samples": 0, "loss": 0.0}
    if path.exists():
        counters = load(path, denoiser, optimiser)
    budget.seconds, budget.done = float(counters["seconds"]), int(counters["done"])
    shares = alphas_cumulative().to(device)
    things, views = lesson.latents.shape[:2]

    def keep() -> None:
        counters.update(seconds=budget.seconds, done=budget.done)
        tensors = checkpoint.prefixed("unet", denoiser.unet.state_dict())
        tensors |= checkpoint.prefixed("text", denoiser.text_encoder.state_dict())
        tensors |= checkpoint.prefixed("unet_average", denoiser.unet_average.state_dict())
        tensors |= checkpoint.prefixed("text_average", denoiser.text_average.state_dict())
        tensors |= checkpoint.prefixed("optimiser", checkpoint.optimiser_tensors(optimiser))
        checkpoint.store(path, tensors, counters)

    alone = device.type != "cpu"
    crew = Crew(1 if alone else settings.workers, settings.batch if alone else settings.portion)
    budget.start()
    kept_at = budget.seconds
    with crew:
        while not budget.over:
            progress = budget.progress
            rng = np.random.default_rng((seed, 7, budget.done))
            generator = torch.Generator().manual_seed(seed * 1_000_003 + budget.done)
            which = rng.permutation(np.resize(rng.permutation(things), settings.batch))
            view = rng.integers(0, views, settings.batch)
            tokens = torch.tensor([lesson.tokens(int(a), int(b), rng) for a, b in zip(which, view, strict=True)])
            latents = lesson.latents[torch.from_numpy(which), torch.from_numpy(view)].to(device).float()
            noise = torch.randn(latents.shape, generator=generator).to(device)
            times = timesteps(settings.batch, generator).to(device)
            noisy, wanted = noised(latents, noise, shares[times])
            batch = Batch(noisy=noisy, wanted=wanted, times=times, tokens=tokens.to(device), half=settings.half)
            last, gradients = crew.gradients(denoiser, live, batch)
            for group in optimiser.param_groups:
                group["lr"] = rate(progress, peak=settings.peak)
            for weight, gradient in zip(live, gradients, strict=True):
                weight.grad = gradient
            nn.utils.clip_grad_norm_(live, 1.0)
            optimiser.step()
            budget.tick()
            decay = min(settings.decay, (1 + budget.done) / (10 + budget.done))
            with torch.no_grad():
                torch._foreach_lerp_(kept, live, 1 - decay)
            if not math.isfinite(last):
                raise FloatingPointError("the denoiser's loss is not a number")
            counters["samples"] = int(counters["samples"]) + settings.batch
            counters["loss"] += (last - counters["loss"]) * max(0.005, 1 / budget.done)
            go_on = report(
                {
                    "step": budget.done,
                    "samples": counters["samples"],
                    "loss": counters["loss"],
                    "last": last,
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
    return counters
