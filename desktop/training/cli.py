"""`python -m desktop.training starter --work DIR`: make the model that ships with the program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

OUT = Path(__file__).resolve().parents[2] / "resources" / "models" / "starter"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="safelight train", description="Train a model from packaged pictures.")
    kinds = made.add_subparsers(dest="kind", required=True)
    starter = kinds.add_parser("starter", help="the small model that ships with the program")
    starter.add_argument("--work", type=Path, required=True, help="folder for archives, caches and checkpoints")
    starter.add_argument("--minutes-vae", type=float, default=26.0, help="training time of the autoencoder")
    starter.add_argument("--minutes-denoiser", type=float, default=78.0, help="training time of the denoiser")
    starter.add_argument("--out", type=Path, default=OUT, help="the model's folder, replaced at the end")
    starter.add_argument("--export-only", action="store_true", help="only write the model as the checkpoints have it")
    starter.add_argument("--device", default="", help="cpu or cuda; the fastest there is by default")
    return made


def main(argv: Sequence[str]) -> int:
    """argv: without the program's name. Returns 0, 2 for what the user can mend, 130 when interrupted."""
    options = parser().parse_args(argv)

    import torch

    from desktop.errors import KnownError
    from desktop.training import nouns, starter

    try:
        recipe = starter.Recipe(
            work=options.work,
            nouns=nouns.with_keywords(nouns.chosen(), options.work),
            vae_minutes=options.minutes_vae,
            denoiser_minutes=options.minutes_denoiser,
            device=options.device or ("cuda" if torch.cuda.is_available() else "cpu"),
        )
        if options.export_only:
            total = starter.export_model(recipe, options.out)
        else:
            total = starter.run(recipe, options.out, starter.Printer())
    except KnownError as error:
        print(f"safelight train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from the last checkpoint.", file=sys.stderr)
        return 130
    print(f"{options.out}: {total / 2**20:.1f} MB")
    return 0
