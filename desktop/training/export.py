"""The finished model as an ordinary diffusers folder, from whatever the checkpoints hold."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, SchedulerMixin, StableDiffusionPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from desktop.engine import preview
from desktop.engine.preview import PreviewMap
from desktop.errors import KnownError
from desktop.library.library import CARD
from desktop.training.denoiser import SCHEDULE, Denoiser

BYTES_MAX = 64 * 2**20


def scheduler() -> DPMSolverMultistepScheduler:
    """What the model is best drawn with, at 20 steps."""
    return DPMSolverMultistepScheduler(
        **{name: value for name, value in SCHEDULE.items() if name != "clip_sample"},
        algorithm_type="dpmsolver++",
        solver_order=2,
        final_sigmas_type="zero",
        steps_offset=1,  # unused with trailing spacing; the pipeline asks for it
    )


def pipeline(
    vae: AutoencoderKL, unet: torch.nn.Module, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer
) -> StableDiffusionPipeline:
    """The parts, in float32 and evaluation mode, as the pipeline that draws."""
    for module in (vae, unet, text_encoder):
        module.eval()
    made = StableDiffusionPipeline(
        vae=vae,
        unet=unet,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def _half(module: torch.nn.Module) -> torch.nn.Module:
    """A copy in float16; the plain method, since those of diffusers and transformers add notes of their own."""
    return torch.nn.Module.half(copy.deepcopy(module))


def recommended(things: int) -> dict[str, object]:
    """What the program reads beside the model, see desktop.library.library."""
    return {
        "title": "Built-in model",
        "note": f"Draws icon-like pictures of {things} everyday things, alone or in pairs, in colours, on plain paper.",
        "steps": 20,
        "guidance_scale": 4.0,
        "scheduler": "dpmpp_2m",
    }


def write(
    folder: Path,
    vae: AutoencoderKL,
    denoiser: Denoiser,
    tokenizer: CLIPTokenizer,
    things: int,
    shown: PreviewMap | None = None,
    drawn_with: SchedulerMixin | None = None,
    changes: dict[str, object] | None = None,
) -> int:
    """Replace `folder` by the model in half precision. Returns its bytes.
    things: how many it knows; shown: how its latents become preview pixels; drawn_with: another scheduler than that of
    scheduler(), and changes to recommended() that go with it.
    Raises: KnownError where the disk is full or the model larger than BYTES_MAX.
    """
    halves = [_half(part) for part in (vae, denoiser.unet_average, denoiser.text_average)]
    made = pipeline(*halves, tokenizer)
    made.scheduler = drawn_with or made.scheduler
    advice = recommended(things) | (changes or {})

    def fill(beside: Path) -> None:
        made.save_pretrained(beside, safe_serialization=True)
        _forget_where_from(beside)
        tokenizer_folder = Path(tokenizer.name_or_path)
        for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copyfile(tokenizer_folder / name, beside / "tokenizer" / name)
        (beside / "tokenizer" / "tokenizer.json").unlink(missing_ok=True)  # says the same as the two above
        (beside / CARD).write_text(json.dumps(advice, indent=1) + "\n", encoding="utf-8")
        if shown is not None:
            preview.save(beside / preview.FILE_NAME, shown)

    return replace(folder, fill)


def _forget_where_from(folder: Path) -> None:
    """Take the folder that a network was read from out of its configuration: it means nothing elsewhere."""
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text("utf-8"))
        if config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def replace(folder: Path, fill: Callable[[Path], None]) -> int:
    """Put what `fill` writes into a new folder in the place of `folder`, in one go; returns its bytes.
    Raises: KnownError where the disk is full or it is larger than BYTES_MAX; `folder` stays as it was then.
    """
    beside = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    try:
        for left in (beside, old):
            shutil.rmtree(left, ignore_errors=True)
        beside.mkdir(parents=True)
        fill(beside)
        total = 0
        for path in sorted(beside.rglob("*")):
            if path.is_file():
                path.chmod(0o644)
                total += path.stat().st_size
        if total > BYTES_MAX:
            shutil.rmtree(beside)
            raise KnownError(f"The model is {total >> 20} MB large", hint="Choose narrower layers: 64 MB is the limit.")
        if folder.exists():
            os.replace(folder, old)
        os.replace(beside, folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        hint = "Free some space and start again: it goes on from the last checkpoint."
        raise KnownError(f"The model cannot be written ({error.strerror or error})", hint=hint) from error
    return total
