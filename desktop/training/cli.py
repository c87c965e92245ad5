"""`python -m desktop.training starter --work DIR`: make the model that ships with the program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.training import allocator

if TYPE_CHECKING:
    from desktop.training.recipe import Recipe

OUT = Path(__file__).resolve().parents[2] / "resources" / "models" / "starter"
STAGES = ("pack", "autoencoder", "latents", "denoiser", "export", "evaluate", "publish")  # run where none is named
MORE = ("distill", "fast")  # a student that draws in four steps, and its export


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="safelight train", description="Train a model from packaged pictures.")
    kinds = made.add_subparsers(dest="kind", required=True)
    starter = kinds.add_parser("starter", help="the small model that ships with the program")
    starter.add_argument("--work", type=Path, required=True, help="folder for archives, caches and checkpoints")
    starter.add_argument("--preset", choices=("cpu", "gpu"), default="cpu", help="two cores, or one graphics card")
    starter.add_argument(
        "--stage",
        default=",".join(STAGES),
        help=f"one or more of {', '.join(STAGES + MORE)}, with commas; all but the last two by default",
    )
    starter.add_argument("--sets", default="", help="picture sets, with commas: 3d,flat,gradient,cartoon,sticker,retro")
    starter.add_argument("--start", type=Path, help="a model folder to go on with, in place of the built-in one")
    starter.add_argument("--minutes-vae", type=float, help="training time of the autoencoder")
    starter.add_argument("--minutes-denoiser", type=float, help="training time of the denoiser")
    starter.add_argument("--minutes-classifier", type=float, help="training time of the judge of the drawings")
    starter.add_argument("--scenes", type=int, help="pictures that are drawn for the denoiser")
    starter.add_argument("--minutes-distill", type=float, help="training time of the student")
    starter.add_argument("--pause-after", type=float, default=0.0, help="stop after so many minutes, to go on later")
    starter.add_argument("--seeds", type=int, default=3, help="drawings of each prompt in the evaluation")
    starter.add_argument("--limit", type=int, default=0, help="at most so many prompts of a kind in it; 0 for all")
    starter.add_argument("--out", type=Path, default=OUT, help="the model's folder, replaced at the end if it is worse")
    starter.add_argument("--force", action="store_true", help="replace it even by a model that scores no better")
    starter.add_argument("--device", default="", help="cpu or cuda; what the preset is for by default")
    return made


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Raises: KnownError where a set is unknown or the device missing."""
    import torch

    from desktop.errors import KnownError
    from desktop.training import recipe
    from desktop.training.sets import SETS

    changes: dict[str, object] = {}
    for name, value in (
        ("start", options.start),
        ("vae_minutes", options.minutes_vae),
        ("denoiser_minutes", options.minutes_denoiser),
        ("classifier_minutes", options.minutes_classifier),
        ("distill_minutes", options.minutes_distill),
        ("scenes", options.scenes),
        ("device", options.device or None),
        ("styles", tuple(options.sets.split(",")) if options.sets else None),
    ):
        if value is not None:
            changes[name] = value
    made = recipe.PRESETS[options.preset](options.work, **changes)
    unknown = set(made.styles) - set(SETS)
    if unknown:
        raise KnownError(f"There is no picture set {sorted(unknown)[0]!r}", hint=f"The sets are {', '.join(SETS)}.")
    if made.device.startswith("cuda") and not torch.cuda.is_available():
        raise KnownError("There is no graphics card that torch can use here", hint="--preset cpu, or --device cpu")
    return made


def main(argv: Sequence[str]) -> int:
    """argv: without the program's name. Returns 0, 2 for what the user can mend, 130 when interrupted."""
    options = parser().parse_args(argv)
    allocator.keep_freed_memory()

    from desktop.errors import KnownError
    from desktop.training import stages
    from desktop.training.loop import Stopped
    from desktop.training.progress import Printer

    try:
        chosen = options.stage.split(",")
        unknown = [stage for stage in chosen if stage not in STAGES + MORE]
        if unknown:
            raise KnownError(f"There is no stage {unknown[0]!r}", hint=f"The stages are {', '.join(STAGES + MORE)}.")
        recipe = recipe_of(options)
        printer = Printer(options.work, pause_after_seconds=60 * options.pause_after)
        for line in stages.run(
            recipe, chosen, printer, out=options.out, seeds=options.seeds, limit=options.limit, force=options.force
        ):
            print(line, flush=True)
    except KnownError as error:
        print(f"safelight train: {error}", file=sys.stderr)
        return 2
    except Stopped:
        print("Paused; the same command goes on from here.", file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from the last checkpoint.", file=sys.stderr)
        return 130
    return 0
