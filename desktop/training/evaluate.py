"""How well a model draws what it is asked for: `python -m desktop.training.evaluate MODEL --work DIR`.

The judge (classifier.py) names what it sees in the model's drawings of fixed prompts; beside it stand the same judge's
answers for renders of the same prompts, which is the most that can be had, and chance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from desktop.errors import KnownError
from desktop.training import checkpoint, classifier, dataset, drawing, prompts, scenes, score
from desktop.training.budget import Budget
from desktop.training.classifier import Classifier, ClassifierSettings
from desktop.training.dataset import Dataset
from desktop.training.drawing import Model, Style
from desktop.training.loop import Stopped
from desktop.training.prompts import Prompt
from desktop.training.render import Artist
from desktop.training.scenes import Mix

REPORT = "score.json"
CLASSIFIER_MINUTES = 10.0
Tell = Callable[[str, dict[str, float]], bool]


def fingerprint(folder: Path) -> str:
    """Of a model's networks and scheduler: what the kept drawings belong to."""
    digest = hashlib.blake2b(digest_size=8)
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        for path in sorted((folder / part).glob("*")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def trained_judge(
    work: Path,
    known: Dataset,
    tell: Tell,
    *,
    settings: ClassifierSettings | None = None,
    minutes: float = CLASSIFIER_MINUTES,
    steps: int = 0,
    device: torch.device | str = "cpu",
    workers: int = 1,
) -> Classifier:
    """The judge of the work folder, trained to its end first. Raises: KnownError as classifier.train."""
    path, settings = work / "classifier.safetensors", settings or ClassifierSettings()
    with Artist(known, classifier.SIDE, work / dataset.FILE_NAME, workers) as artist:
        return classifier.train(
            path,
            settings,
            known,
            artist,
            Budget(minutes=minutes, steps=steps),
            device=torch.device(device),
            seed=5,
            report=lambda figures: tell("classifier", figures),
        )


def renders(chosen: Sequence[Prompt], known: Dataset, *, seed: int) -> np.ndarray:
    """(N, 64, 64, 3) uint8: what a perfect model would draw, placed by chance as in training."""
    rng, mix, drawn = np.random.default_rng((seed, 31)), Mix(), []
    for prompt in chosen:
        scene = prompts.renders_scene(prompt, known)
        moved = replace(scene, placed=tuple(scenes.moved(one, rng, mix) for one in scene.placed))
        drawn.append(scenes.draw(moved, known, classifier.SIDE))
    return np.stack(drawn)


def evaluate(
    folder: Path,
    work: Path,
    known: Dataset,
    judge: Classifier,
    tell: Tell,
    *,
    seeds: int = 3,
    limit: int = 0,
    style: Style | None = None,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """The report of the model in `folder`: shares, by_seed, ceiling, chance, frechet, floor (the same distance between
    two lots of renders), prompts (how many), steps, guidance, seeds, overall, fingerprint (of the model).
    Raises: KnownError.
    """
    style = style or Style()
    chosen = prompts.choose(known, limit=limit)
    model = Model.open(folder, device)
    kept = work / "drawings" / fingerprint(folder)
    by_seed, features = [], []
    for seed in range(1, seeds + 1):

        def told(done: int, seed: int = seed) -> None:
            figures = {"samples": done, "step": done, "loss": 0.0, "seconds_left": 0.0}
            if not tell(f"drawing, seed {seed}", figures):
                raise Stopped

        texts = [prompt.text for prompt in chosen]
        pictures = drawing.draw_all(model, texts, seed, style, kept, shrink=classifier.shrink, report=told)
        verdict = classifier.judge(judge, pictures)
        by_seed.append(score.shares(chosen, verdict))
        features.append(_of_names(chosen, verdict.features))
    lots = [classifier.judge(judge, renders(chosen, known, seed=seed)) for seed in range(101, 101 + max(2, seeds))]
    real = [_of_names(chosen, lot.features) for lot in lots]
    found = score.mean_shares(by_seed)
    return {
        "shares": found,
        "by_seed": by_seed,
        "ceiling": score.mean_shares([score.shares(chosen, lot) for lot in lots]),
        "chance": score.chance(len(known.nouns)),
        "frechet": score.frechet(np.concatenate(real[:seeds]), np.concatenate(features)),
        "floor": score.frechet(np.concatenate(real[0::2]), np.concatenate(real[1::2])),
        "prompts": {kind: sum(prompt.kind == kind for prompt in chosen) for kind in found},
        "things": len(known.nouns),
        "steps": style.steps,
        "guidance": style.guidance,
        "seeds": seeds,
        "overall": score.overall(found),
        "fingerprint": fingerprint(folder),
    }


def _of_names(chosen: Sequence[Prompt], features: np.ndarray) -> np.ndarray:
    return features[[row for row, prompt in enumerate(chosen) if prompt.kind == "names"]]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m desktop.training.evaluate", description="Score a model's drawings.")
    made.add_argument("model", type=Path, help="its diffusers folder")
    made.add_argument("--work", type=Path, required=True, help="a work folder of safelight train, with packed pictures")
    made.add_argument("--seeds", type=int, default=3, help="drawings of each prompt")
    made.add_argument("--limit", type=int, default=0, help="at most so many prompts of a kind; 0 for all")
    made.add_argument("--steps", type=int, default=20)
    made.add_argument("--guidance", type=float, default=4.0)
    made.add_argument("--minutes-classifier", type=float, default=CLASSIFIER_MINUTES)
    made.add_argument("--device", default="cpu")
    made.add_argument("--out", type=Path, help="write the report as JSON")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, 2 for what the user can mend, 130 when interrupted."""
    from desktop.training.progress import Printer

    options = parser().parse_args(argv)
    try:
        path = options.work / dataset.FILE_NAME
        if not path.exists():
            hint = f"safelight train starter --work {options.work} --stage pack"
            raise KnownError(f"There are no packed pictures in {options.work}", hint=hint)
        known, printer = dataset.load(path), Printer(options.work)
        judge = trained_judge(options.work, known, printer, minutes=options.minutes_classifier, device=options.device)
        report = evaluate(
            options.model,
            options.work,
            known,
            judge,
            printer,
            seeds=max(1, options.seeds),
            limit=options.limit,
            style=Style(steps=options.steps, guidance=options.guidance),
            device=options.device,
        )
        if options.out:
            checkpoint.write_bytes(options.out, (json.dumps(report, indent=1) + "\n").encode())
    except KnownError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on where it stopped.", file=sys.stderr)
        return 130
    print(score.table([("drawn", report)]))
    print(f"overall {report['overall']:.3f}, {report['seeds']} seeds, {report['steps']} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
