"""Drawing in four steps: the denoiser learns to say at once where its own guided chain would end.

Latent consistency distillation (Luo et al., arXiv 2310.04378, algorithm 1) with one fixed guidance, so that the student
needs a single evaluation a step. Boundary weights as in diffusers' LCMScheduler, which draws with it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import LCMScheduler, UNet2DConditionModel

from desktop.training import checkpoint, denoiser, loop
from desktop.training.budget import Budget
from desktop.training.crew import Crew, half_is_fast
from desktop.training.denoiser import SCHEDULE, Denoiser, Lesson
from desktop.training.loop import Course, Outcome

STEPS = 4
SIGMA_DATA, TIME_SCALE = 0.5, 10.0  # of LCMScheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillSettings:
    """guidance: that the student has built in; grid: how many times the chain is cut into; batch, portion, workers,
    peak, decay: as DenoiserSettings has them.
    """

    guidance: float = 4.0
    grid: int = 50
    batch: int = 16
    peak: float = 1e-4
    decay: float = 0.95
    portion: int = 8
    workers: int = 2


def scheduler() -> LCMScheduler:
    """What the student draws with, at STEPS steps and without guidance."""
    # steps_offset has no part in its times; the pipeline asks for it
    return LCMScheduler(**SCHEDULE, original_inference_steps=50, set_alpha_to_one=True, steps_offset=1)


def boundary(times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """c_skip and c_out (B, 1, 1, 1) for times (B,): at time 0 the picture is what it is."""
    scaled = times.float()[:, None, None, None] * TIME_SCALE
    square = scaled.square() + SIGMA_DATA**2
    return SIGMA_DATA**2 / square, scaled / square.sqrt()


def consistent(noisy: torch.Tensor, v: torch.Tensor, times: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The student's idea of the clean latents: noisy, v (B, C, h, w); times (B,); share (B,) of alphas_cumulative."""
    skip, out = boundary(times)
    clean, _ = _split(noisy, v, share)
    return skip * noisy + out * clean


def _split(noisy: torch.Tensor, v: torch.Tensor, share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Clean latents and noise that v means."""
    kept, added = share.sqrt()[:, None, None, None], (1 - share).sqrt()[:, None, None, None]
    return kept * noisy - added * v, added * noisy + kept * v


def train(
    path: Path,
    settings: DistillSettings,
    teacher: Denoiser,
    lesson: Lesson,
    empty: list[int],
    budget: Budget,
    *,
    device: torch.device,
    seed: int,
    report: loop.Report,
) -> UNet2DConditionModel:
    """Distil the averaged networks of `teacher`; returns the student's average. empty: tokens of no prompt.
    Raises: Stopped, KnownError as loop.run.
    """
    words, guide = teacher.text_average.to(device).eval(), teacher.unet_average.to(device).eval()
    student, average = copy.deepcopy(guide).train(), copy.deepcopy(guide).eval()
    course = Course(
        modules={"student": student},
        weights=list(student.parameters()),
        peak=settings.peak,
        averaged=(student,),
        averages={"average": average},
        decay=settings.decay,
    )
    shares, half = denoiser.alphas_cumulative().to(device), half_is_fast(device)
    stored = Lesson(latents=lesson.latents.to(device), tokens=lesson.tokens)
    stride = len(shares) // settings.grid

    def step(number: int, progress: float) -> Outcome:
        rng = np.random.default_rng((seed, 9, number))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        latents, tokens = stored.batch(settings.batch, number, seed)
        tokens, blank = tokens.to(device), torch.tensor([empty]).to(device)
        noise = torch.randn(latents.shape, generator=generator).to(device)
        later = torch.from_numpy(rng.integers(1, settings.grid + 1, settings.batch)).to(device) * stride - 1
        earlier = (later - stride).clamp_min(0)
        noisy, _ = denoiser.noised(latents, noise, shares[later])

        def loss(rows: slice) -> torch.Tensor:
            at, to, start = later[rows], earlier[rows], noisy[rows]
            with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
                with torch.no_grad():
                    led = words(tokens[rows]).last_hidden_state
                    free = words(blank).last_hidden_state.expand_as(led)
                    with_prompt = guide(start, at, led).sample.float()
                    without = guide(start, at, free).sample.float()
                    v = without + settings.guidance * (with_prompt - without)
                    clean, added = _split(start, v, shares[at])
                    share = shares[to][:, None, None, None]
                    nearer = share.sqrt() * clean + (1 - share).sqrt() * added
                    wanted = consistent(nearer, average(nearer, to, led).sample.float(), to, shares[to])
                guess = consistent(start, student(start, at, led).sample.float(), at, shares[at])
            # Pseudo-Huber (Song and Dhariwal, arXiv 2310.14189, section 3.3): outliers at high noise weigh less.
            apart = (guess - wanted).square().sum((1, 2, 3))
            scale = 0.00054 * guess[0].numel() ** 0.5
            return ((apart + scale**2).sqrt() - scale).sum() / (settings.batch * guess[0].numel() ** 0.5)

        last, gradients = crew.gradients(course.weights, settings.batch, loss, settings.portion)
        return Outcome(loss=last, samples=settings.batch, gradients=gradients)

    with Crew(settings.workers, device) as crew:
        loop.run(path, course, budget, step, report)
    return average


def load(path: Path, teacher: Denoiser) -> UNet2DConditionModel:
    """The student of a checkpoint. Raises: KnownError where it is damaged or of another shape."""
    student = copy.deepcopy(teacher.unet_average)
    loop.fill(checkpoint.load(path)[0], {"average": student})
    return student
