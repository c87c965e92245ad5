"""The denoiser: a small UNet on 16x16 latents and the text encoder that is trained along with it.

It predicts v (Salimans and Ho, arXiv 2202.00512, section 4) on a noise schedule whose last step is pure noise
(Lin et al., arXiv 2305.08891, algorithm 1), which is what lets plain white backgrounds come out white.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from desktop.training import anchor, checkpoint, loop
from desktop.training.budget import Budget
from desktop.training.crew import Crew, half_is_fast
from desktop.training.loop import Course, Outcome

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
    threads take one by one; on a CUDA device it stays whole. compiled: by torch.compile, on a CUDA device.
    """

    widths: tuple[int, ...] = (64, 128, 192)
    groups: int = 16
    text_width: int = 192
    text_layers: int = 3
    text_heads: int = 6
    batch: int = 32
    peak: float = 6e-4
    decay: float = 0.999
    portion: int = 16
    workers: int = 2
    compiled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoiser:
    """unet and text_encoder as trained, and their averages, which are what is shipped."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    unet_average: UNet2DConditionModel
    text_average: CLIPTextModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """latents: (N, 16, h, w) float16, of N scenes, scaled; tokens: (N, V, length) whole numbers, V captions of each."""

    latents: torch.Tensor
    tokens: torch.Tensor

    def batch(self, size: int, number: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (B, 16, h, w) float32 and tokens (B, length) of batch `number`: all scenes once in an order of their
        own, then again in another, each time with one of their captions.
        """
        scenes = len(self.latents)
        first, picked = number * size, []
        for lap in range(first // scenes, (first + size - 1) // scenes + 1):
            order = np.random.default_rng((seed, 8, lap)).permutation(scenes)
            picked.append(order[max(0, first - lap * scenes) : first + size - lap * scenes])
        which = torch.from_numpy(np.concatenate(picked))
        said = torch.from_numpy(np.random.default_rng((seed, 7, number)).integers(0, self.tokens.shape[1], size))
        there = which.to(self.latents.device)
        return self.latents[there].float(), self.tokens[which, said].long()


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


def load(path: Path, denoiser: Denoiser) -> dict[str, object]:
    """Fill `denoiser` from a checkpoint; returns its counters. Raises: KnownError if damaged or of another shape."""
    tensors, counters = checkpoint.load(path)
    loop.fill(tensors, _named(denoiser))
    return counters


def warm_start(denoiser: Denoiser, folder: Path) -> None:
    """Take the weights of the diffusers folder, whose networks have the same shape. Raises: KnownError if not."""
    for part, modules in (
        ("unet/diffusion_pytorch_model", (denoiser.unet, denoiser.unet_average)),
        ("text_encoder/model", (denoiser.text_encoder, denoiser.text_average)),
    ):
        tensors = checkpoint.weights(folder / f"{part}.safetensors")
        for module in modules:
            loop.fill(checkpoint.prefixed("it", tensors), {"it": module})


def _named(denoiser: Denoiser) -> dict[str, torch.nn.Module]:
    return {
        "unet": denoiser.unet,
        "text": denoiser.text_encoder,
        "unet_average": denoiser.unet_average,
        "text_average": denoiser.text_average,
    }


def train(
    path: Path,
    settings: DenoiserSettings,
    denoiser: Denoiser,
    lesson: Lesson,
    budget: Budget,
    *,
    device: torch.device,
    seed: int,
    report: loop.Report,
) -> dict[str, object]:
    """Train from the checkpoint at `path`, or from how `denoiser` is, until the budget is over; see loop.run."""
    named = _named(denoiser)
    for module in named.values():
        module.to(device)
    for module in (denoiser.unet, denoiser.unet_average):
        module.to(memory_format=torch.channels_last)  # a tenth faster on two cores as well
    denoiser.unet.train(), denoiser.text_encoder.train()
    unet = torch.compile(denoiser.unet) if settings.compiled and device.type == "cuda" else denoiser.unet
    modules = (denoiser.unet, denoiser.text_encoder)
    course = Course(
        modules={"unet": denoiser.unet, "text": denoiser.text_encoder},
        weights=[weight for module in modules for weight in module.parameters()],
        peak=settings.peak,
        averaged=modules,
        averages={"unet_average": denoiser.unet_average, "text_average": denoiser.text_average},
        decay=settings.decay,
    )
    shares, half = alphas_cumulative().to(device), half_is_fast(device)
    stored = Lesson(latents=lesson.latents.to(device), tokens=lesson.tokens)

    def step(number: int, progress: float) -> Outcome:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        latents, tokens = stored.batch(settings.batch, number, seed)
        tokens = tokens.to(device)
        noise = torch.randn(latents.shape, generator=generator).to(device)
        times = timesteps(settings.batch, generator).to(device)
        noisy, wanted = noised(latents, noise, shares[times])
        noisy = noisy.contiguous(memory_format=torch.channels_last)

        def loss(rows: slice) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
                words = denoiser.text_encoder(tokens[rows]).last_hidden_state
                guess = unet(noisy[rows], times[rows], words).sample
            share = len(guess) / settings.batch
            return functional.mse_loss(guess.float(), wanted[rows]) * share

        last, gradients = crew.gradients(course.weights, settings.batch, loss, settings.portion)
        return Outcome(loss=last, samples=settings.batch, gradients=gradients)

    with Crew(settings.workers, device) as crew:
        return loop.run(path, course, budget, step, report)
