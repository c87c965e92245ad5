"""The stages in their order, as the command line runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from desktop.training import checkpoint, evaluate, finish, score, starter
from desktop.training.evaluate import REPORT
from desktop.training.recipe import Recipe
from desktop.training.starter import Report


def run(
    recipe: Recipe,
    chosen: Sequence[str],
    report: Report,
    *,
    out: Path,
    seeds: int = 3,
    limit: int = 0,
    force: bool = False,
) -> Iterator[str]:
    """Run the chosen ones of cli.STAGES and cli.MORE, each from where it stands, and say in a line what came of each.

    Raises: loop.Stopped where the report asks to stop, KnownError.
    """
    device = torch.device(recipe.device)
    if "pack" in chosen:
        known = starter.packed(recipe)
        yield f"pack: {len(known.nouns)} things in {len(known.styles)} styles"
    if "autoencoder" in chosen:
        starter.train_vae(recipe, report, device)
        yield "autoencoder: trained"
    if "latents" in chosen:
        yield f"latents: {len(starter.cache_latents(recipe, report, device).scenes)} scenes"
    if "denoiser" in chosen:
        starter.train_denoiser(recipe, report, device)
        yield "denoiser: trained"
    if "distill" in chosen:
        starter.train_student(recipe, report, device)
        yield "distill: trained"
    if "export" in chosen:
        yield f"export: {finish.export_model(recipe) / 2**20:.1f} MB in {finish.folder_of(recipe)}"
    if "fast" in chosen:
        yield f"fast: {finish.export_fast(recipe) / 2**20:.1f} MB in {recipe.work / finish.FAST}"
    if "evaluate" in chosen:
        yield evaluated(recipe, report, out, seeds=seeds, limit=limit)
    if "publish" in chosen:
        new, old = finish.publish(recipe, out, force=force)
        yield f"publish: {out} scores {new:.3f}" + ("" if old is None else f", the one before {old:.3f}")


def evaluated(recipe: Recipe, report: Report, out: Path, *, seeds: int, limit: int) -> str:
    """Score the model in `out` and the exported one with the same judge and prompts; returns the table."""
    known = starter.packed(recipe)
    judge = evaluate.trained_judge(
        recipe.work,
        known,
        report,
        settings=recipe.classifier,
        minutes=recipe.classifier_minutes,
        steps=recipe.classifier_steps,
        device=recipe.device,
        workers=recipe.drawing_workers if recipe.device != "cpu" else 1,
    )
    columns = []
    for name, folder, path in (
        ("before", out, recipe.work / finish.BEFORE),
        ("now", finish.folder_of(recipe), finish.folder_of(recipe) / REPORT),
    ):
        if not (folder / "model_index.json").exists():
            continue
        options = {"seeds": seeds, "limit": limit, "device": recipe.device}
        found = evaluate.evaluate(folder, recipe.work, known, judge, report, **options)
        checkpoint.write_bytes(path, (json.dumps(found, indent=1) + "\n").encode())
        columns.append((name, found))
    finish.write_card(recipe)
    return score.table(columns)
