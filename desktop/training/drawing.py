"""Pictures of a model, drawn from prompts in batches by worker threads, kept so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, LCMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTokenizer

from desktop.errors import KnownError
from desktop.training import checkpoint
from desktop.training.crew import half_is_fast

BATCH = 12
GPU_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a model is asked to draw. guidance: 1 for none, which takes half the time."""

    steps: int = 20
    guidance: float = 4.0


class Model:
    """The parts of a diffusers folder, drawing as StableDiffusionPipeline does with the folder's own scheduler.

    Safe to draw with from several threads: each call has a scheduler of its own, and the networks keep no state.
    """

    def __init__(
        self,
        vae: AutoencoderKL,
        unet: UNet2DConditionModel,
        text_encoder: CLIPTextModel,
        words: CLIPTokenizer,
        scheduler: DPMSolverMultistepScheduler | LCMScheduler,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.vae, self.unet, self.text_encoder = (part.eval().to(self.device) for part in (vae, unet, text_encoder))
        self.words, self._scheduler = words, scheduler

    @classmethod
    def open(cls, folder: Path, device: torch.device | str = "cpu") -> Model:
        """Raises: KnownError where the folder cannot be read."""
        options = {"local_files_only": True}
        try:
            return cls(
                AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32, **options),
                UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, **options),
                CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32, **options),
                CLIPTokenizer.from_pretrained(folder / "tokenizer", **options),
                _scheduler_class(folder).from_pretrained(folder / "scheduler", **options),
                device,
            )
        except (OSError, ValueError, SafetensorError) as error:
            hint = "Name the folder that holds its model_index.json."
            raise KnownError(f"The model in {folder} cannot be read", hint=hint) from error

    def draw(self, prompts: Sequence[str], seed: int, style: Style) -> np.ndarray:
        """(N, S, S, 3) uint8; the noise of picture n depends on `seed` and its prompt only, not on the batch."""
        guided = style.guidance != 1
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self._half()):
            said = self._encoded(["" for _ in prompts if guided] + list(prompts))
            scheduler = type(self._scheduler).from_config(self._scheduler.config)
            scheduler.set_timesteps(style.steps, device=self.device)
            side, channels = self.unet.config.sample_size, self.unet.config.in_channels
            sources = [generator(seed, text) for text in prompts]
            noise = [torch.randn(channels, side, side, generator=source) for source in sources]
            latents = (torch.stack(noise) * scheduler.init_noise_sigma).to(self.device)
            for time in scheduler.timesteps:
                scaled = scheduler.scale_model_input(latents, time)
                found = self.unet(torch.cat([scaled, scaled]) if guided else scaled, time, said).sample.float()
                if guided:
                    free, led = found.chunk(2)
                    found = free + style.guidance * (led - free)
                latents = scheduler.step(found, time, latents, generator=sources).prev_sample
            drawn = self.vae.decode(latents / self.vae.config.scaling_factor).sample.float()
        pixels = ((drawn.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).cpu().numpy()

    def _half(self) -> bool:
        return self.device.type != "cpu" and half_is_fast(self.device)

    def _encoded(self, texts: list[str]) -> torch.Tensor:
        options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
        tokens = self.words(texts, max_length=self.words.model_max_length, **options).input_ids
        return self.text_encoder(tokens.to(self.device)).last_hidden_state


def _scheduler_class(folder: Path) -> type[DPMSolverMultistepScheduler] | type[LCMScheduler]:
    """That of the folder's configuration, of those that the exports have."""
    config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    if not isinstance(config, dict):
        raise ValueError("the scheduler's configuration is no table")
    return LCMScheduler if config.get("_class_name") == "LCMScheduler" else DPMSolverMultistepScheduler


def generator(seed: int, text: str) -> torch.Generator:
    """Where the noise of a picture comes from."""
    digest = hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def draw_all(
    model: Model,
    prompts: Sequence[str],
    seed: int,
    style: Style,
    folder: Path,
    *,
    shrink: Callable[[np.ndarray], np.ndarray],
    workers: int = 2,
    report: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """(N, s, s, 3) uint8, each picture as shrink() gives it; batches that lie in `folder` are not drawn again.

    report: is told the pictures done, and may raise; finished batches stay. Raises: KnownError as checkpoint.
    """
    size = BATCH if model.device.type == "cpu" else GPU_BATCH
    starts = range(0, len(prompts), size)

    def batch(start: int) -> np.ndarray:
        texts = list(prompts[start : start + size])
        key = json.dumps([texts, seed, style.steps, style.guidance])
        path = folder / f"{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}.safetensors"
        if path.exists():
            return checkpoint.load(path)[0]["pictures"].numpy()
        drawn = np.stack([shrink(picture) for picture in model.draw(texts, seed, style)])
        checkpoint.store(path, {"pictures": torch.from_numpy(drawn)}, {})
        return drawn

    found = []
    before = torch.get_num_threads()
    alone = model.device.type != "cpu"
    with ThreadPoolExecutor(1 if alone else workers, "drawing", torch.set_num_threads, (1,)) as pool:
        try:
            for drawn in pool.map(batch, starts):
                found.append(drawn)
                report(sum(map(len, found)))
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)
    return np.concatenate(found)
