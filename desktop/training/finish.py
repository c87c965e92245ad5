"""From checkpoints to the model that ships: assembled, exported with its card, and published if it scores better."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from transformers import CLIPTokenizer

from desktop.engine.preview import PreviewMap
from desktop.errors import KnownError
from desktop.training import (
    card,
    checkpoint,
    denoiser,
    distill,
    evaluate,
    export,
    plot,
    previews,
    score,
    sheet,
    starter,
    vae,
)
from desktop.training.denoiser import Denoiser
from desktop.training.drawing import Model, Style
from desktop.training.evaluate import REPORT
from desktop.training.recipe import Recipe

BEFORE = "before.json"  # in the work folder: the score of the model that is to be replaced
FAST = "fast"
REPORT_OF_ALL, REPORT_OF_FOUR = "score-all.json", "score-4-steps.json"  # beside REPORT, by evaluate's --out
COLUMNS = 8


def assemble(recipe: Recipe) -> tuple[AutoencoderKL, Denoiser, CLIPTokenizer]:
    """The parts to export, from whatever checkpoints there are; as they were before training where there are none."""
    model, words = starter.build_denoiser(recipe)
    if (recipe.work / "denoiser.safetensors").exists():
        denoiser.load(recipe.work / "denoiser.safetensors", model)
    path, begun = recipe.work / "vae.safetensors", starter.start_vae(recipe)
    if path.exists():
        coder = vae.trained(path, recipe.vae, recipe.size)
    else:
        coder = vae.grow(begun, recipe.vae, recipe.size) if begun else vae.build(recipe.vae, recipe.size)
    scaling = recipe.work / starter.SCALING
    if scaling.exists() or recipe.start is not None:
        channels = coder.config.latent_channels
        same = {"mean": torch.zeros(channels), "scale": torch.ones(channels)}
        vae.fold(coder, **(checkpoint.load(scaling)[0] if scaling.exists() else same))
    return coder, model, words


def folder_of(recipe: Recipe) -> Path:
    """Where the export stays until it is published."""
    return recipe.work / "model"


def export_model(recipe: Recipe) -> int:
    """Write the model as it stands to the work folder, with a sheet of drawings and the card; returns its bytes.
    Raises: KnownError as export.write.
    """
    coder, model, words = assemble(recipe)
    folder, known = folder_of(recipe), starter.packed(recipe)
    total = export.write(folder, coder, model, words, len(known.nouns), _preview_map(recipe, coder))
    drawer = Model(coder, model.unet_average, model.text_average, words, export.scheduler(), recipe.device)
    texts = starter.sheet_prompts(known)
    drawn = [
        picture
        for start in range(0, len(texts), COLUMNS)
        for picture in drawer.draw(texts[start : start + COLUMNS], 1, Style(steps=card.STEPS, guidance=card.GUIDANCE))
    ]
    made = sheet.grid(drawn, texts, columns=min(COLUMNS, len(texts)))
    checkpoint.write_bytes(folder / "samples.webp", _webp(made, 80))
    checkpoint.write_bytes(folder / "losses.webp", _webp(_losses(recipe), 90))
    write_card(recipe)
    return total


def export_fast(recipe: Recipe) -> int:
    """Write the student that draws in four steps, without a card; returns its bytes. Raises as export.write."""
    coder, model, words = assemble(recipe)
    student = distill.load(recipe.work / "student.safetensors", model)
    fast = replace(model, unet_average=student)
    known, options = starter.packed(recipe), {"steps": distill.STEPS, "guidance_scale": 1.0, "scheduler": "lcm"}
    shown = _preview_map(recipe, coder)
    folder = recipe.work / FAST
    return export.write(folder, coder, fast, words, len(known.nouns), shown, distill.scheduler(), options)


def write_card(recipe: Recipe) -> None:
    """The card again, with the scores that there are by now: REPORT, beside that of the model before and of four steps,
    and that of all prompts where somebody had the time for it.
    """
    folder = folder_of(recipe)
    reports = []
    for name, path in (
        ("before", recipe.work / BEFORE),
        ("in 4 steps", folder / REPORT_OF_FOUR),
        ("now", folder / REPORT),
    ):
        if path.exists():
            reports.append((name, read_report(path)))
    processors = f"{os.cpu_count()} cores of a processor that had other work too, without a graphics card"
    text = card.render(
        starter.packed(recipe),
        _parts(recipe),
        reports if (folder / REPORT).exists() else [],
        machine=processors if recipe.device == "cpu" else torch.cuda.get_device_name(recipe.device),
        size=recipe.size,
        begun=recipe.begun,
        whole=read_report(folder / REPORT_OF_ALL) if (folder / REPORT_OF_ALL).exists() else None,
    )
    checkpoint.write_bytes(folder / "README.md", text.encode())


def read_report(path: Path) -> dict[str, Any]:
    """A report of evaluate. Raises: KnownError where it is missing or damaged."""
    try:
        report = json.loads(path.read_text("utf-8"))
        return report if float(report["overall"]) >= 0 else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = f"Score it again: python -m desktop.training.evaluate {path.parent} --work DIR --out {path}"
        raise KnownError(f"The score in {path} cannot be read", hint=hint) from error


def publish(recipe: Recipe, out: Path, *, force: bool = False) -> tuple[float, float | None]:
    """Put the exported and scored model in the place of `out`, unless the one there scores as well or better, or one
    measure fell far, see score.fallen.

    Returns both scores, new and old (None where `out` holds no model). The old one's is that of BEFORE, which was made
    by the same judge with the same prompts. Raises: KnownError where the new one is not better, or a score is missing.
    """
    folder = folder_of(recipe)
    new = read_report(folder / REPORT)
    old = None
    if (out / "model_index.json").exists():
        before = read_report(recipe.work / BEFORE)
        if before.get("fingerprint") != evaluate.fingerprint(out) and not force:
            hint = f"Delete {recipe.work / BEFORE} and go on with: --stage evaluate"
            raise KnownError(f"The old score is of another model than that in {out}", hint=hint)
        if (before["prompts"], before["things"]) != (new["prompts"], new["things"]) and not force:
            raise KnownError(
                "The two models were scored on different prompts", hint="Score both with the same --limit."
            )
        old = before["overall"]
        if new["overall"] <= old and not force:
            what = f"The new model scores {new['overall']:.3f}, the one in {out} {old:.3f}; it is kept"
            raise KnownError(what, hint="Train longer, or replace it all the same: --force")
        fallen = score.fallen(before["shares"], new["shares"])
        if fallen and not force:
            title, (was, now) = next(iter(fallen.items()))
            raise KnownError(
                f"The new model scores better on the whole, but asked {title} it fell from {was:.2f} to {now:.2f}; "
                "the old one is kept",
                hint="Train longer, or replace it all the same: --force",
            )
    export.replace(out, lambda beside: shutil.copytree(folder, beside, dirs_exist_ok=True))
    return new["overall"], old


def _preview_map(recipe: Recipe, coder: AutoencoderKL) -> PreviewMap | None:
    """From the latents the denoiser learnt from, where there are some."""
    path = recipe.work / "latents" / "latents-0000.safetensors"
    if not path.exists():
        return None
    latents = checkpoint.load(path)[0]["latents"].float()
    scaling = recipe.work / starter.SCALING
    if scaling.exists():
        tensors = checkpoint.load(scaling)[0]
        latents = (latents - tensors["mean"][:, None, None]) / tensors["scale"][:, None, None]
    return previews.fit(coder, latents)


def _webp(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def _losses(recipe: Recipe) -> Image.Image:
    """The loss curves of both stages, one below the other."""
    curves = []
    for name, title in (("vae", "autoencoder"), ("denoiser", "denoiser")):
        path = recipe.work / f"{name}.safetensors"
        points = checkpoint.counters(path)["curve"] if path.exists() else []
        curves.append(np.asarray(plot.curve(points, title)))
    return Image.fromarray(np.concatenate(curves))


def _parts(recipe: Recipe) -> list[card.Part]:
    """What the checkpoints say of the run, of the networks that were trained in it."""
    coder, model, _ = assemble(recipe)
    seen = torch.from_numpy(starter.unseen(recipe, 24))
    with torch.no_grad():
        back = torch.cat([vae.decode(coder, vae.encode_mean(coder, part)) for part in seen.split(8)])
    found = []
    for file, name, weights, end in (
        (
            "vae",
            f"autoencoder, {vae.factor(coder)} times smaller, 16 channels",
            _weights(coder),
            f", {vae.psnr(back, seen):.1f} dB",
        ),
        ("denoiser", "UNet and text encoder", _weights(model.unet) + _weights(model.text_encoder), ""),
    ):
        path = recipe.work / f"{file}.safetensors"
        if path.exists():
            counts = checkpoint.counters(path)
            said = f"loss {counts['loss']:.3f}{end}"
            minutes = counts["seconds"] / 60
            found.append(card.Part(name=name, weights=weights, samples=counts["samples"], minutes=minutes, end=said))
    return found


def _weights(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
