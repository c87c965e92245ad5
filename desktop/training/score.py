"""What the judge's verdicts amount to: shares of right answers, and how far drawings are from renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import linalg

from desktop.training.classifier import COLOURS, Verdict
from desktop.training.prompts import Prompt

TOP = 5
FALL_MAX = 0.15  # of a share; two standard deviations of one seed's 60 prompts are 0.12
# Measures of each kind of prompt, the one that counts for the score first.
MEASURES = {
    "names": ("top5", "top1"),
    "keywords": ("top5", "top1"),
    "colours": ("object5_and_colour", "object1_and_colour", "object1", "colour"),
    "pairs": ("both_in_top5", "both_are_top2"),
}


def shares(prompts: Sequence[Prompt], verdict: Verdict) -> dict[str, dict[str, float]]:
    """kind -> measure -> share of right answers, 0..1. verdict: a row for each prompt."""
    found: dict[str, dict[str, list[bool]]] = {}
    for row, prompt in enumerate(prompts):
        things = list(verdict.things[row])
        first, right = prompt.things[0], {}
        if prompt.kind == "pairs":
            right["both_in_top5"] = set(prompt.things) <= set(things[:TOP])
            right["both_are_top2"] = set(prompt.things) == set(things[:2])
        elif prompt.kind == "colours":
            colour = COLOURS[verdict.colours[row]] == prompt.paint
            right["object5_and_colour"] = colour and first in things[:TOP]
            right["object1_and_colour"] = colour and first == things[0]
            right["object1"], right["colour"] = first == things[0], colour
        else:
            right["top5"], right["top1"] = first in things[:TOP], first == things[0]
        for measure, value in right.items():
            found.setdefault(prompt.kind, {}).setdefault(measure, []).append(bool(value))
    return {
        kind: {measure: float(np.mean(values)) for measure, values in measures.items()}
        for kind, measures in found.items()
    }


def chance(things: int) -> dict[str, dict[str, float]]:
    """What guessing would give among so many things and the colours, none favoured."""
    top = min(1.0, TOP / things)
    one, colour = 1 / things, 1 / len(COLOURS)
    both = min(1.0, TOP * (TOP - 1) / (things * max(1, things - 1)))
    return {
        "names": {"top5": top, "top1": one},
        "keywords": {"top5": top, "top1": one},
        "colours": {
            "object5_and_colour": top * colour,
            "object1_and_colour": one * colour,
            "object1": one,
            "colour": colour,
        },
        "pairs": {"both_in_top5": both, "both_are_top2": 2 / (things * max(1, things - 1))},
    }


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """The distance of two clouds (N, F) taken as Gaussians (Dowson and Landau, 1982; Heusel et al., arXiv 1706.08500,
    there on another network's features). 0 for the same cloud; of less than two points it is that of the middles.
    """
    gap = first.mean(0) - second.mean(0)
    if min(len(first), len(second)) < 2:
        return float(gap @ gap)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    small = 1e-6 * np.eye(len(one))
    root = linalg.sqrtm((one + small) @ (two + small))
    return float(max(0.0, gap @ gap + np.trace(one) + np.trace(two) - 2 * np.trace(np.real(root))))


def mean_shares(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Over seeds."""
    return {
        kind: {measure: float(np.mean([one[kind][measure] for one in found])) for measure in measures}
        for kind, measures in found[0].items()
    }


def overall(found: dict[str, dict[str, float]]) -> float:
    """One number to compare models by: the mean of the first measure of every kind of prompt."""
    return float(np.mean([found[kind][MEASURES[kind][0]] for kind in found]))


def fallen(old: dict[str, dict[str, float]], new: dict[str, dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Measures by their titles that fell by more than FALL_MAX: (old, new). A model that learnt to combine things and
    forgot to draw one of them is no better, whatever the mean says.
    """
    return {
        title: (old[kind][measure], new[kind][measure])
        for (kind, measure), title in _TITLES.items()
        if kind in old and kind in new and old[kind][measure] - new[kind][measure] > FALL_MAX
    }


_TITLES = {
    ("names", "top5"): "by name: among the first five",
    ("names", "top1"): "by name: the first",
    ("keywords", "top5"): "by keywords only: among the first five",
    ("keywords", "top1"): "by keywords only: the first",
    ("colours", "object5_and_colour"): "colours never seen on the thing: thing among the first five, and colour",
    ("colours", "object1_and_colour"): "colours never seen on the thing: thing the first, and colour",
    ("pairs", "both_in_top5"): "pairs never seen together: both among the first five",
    ("pairs", "both_are_top2"): "pairs never seen together: both the first two",
}


def table(reports: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Markdown: a row for each measure, a column for each report, then ceiling and chance of the last one."""
    names = [name for name, _ in reports]
    lines = [
        f"| asked for | prompts | {' | '.join(names)} | renders (ceiling) | chance |",
        f"|---|---|{'---|' * len(names)}---|---|",
    ]
    last = reports[-1][1]
    for (kind, measure), title in _TITLES.items():
        if kind not in last["shares"]:
            continue
        cells = [f"{report['shares'][kind][measure]:.2f}" for _, report in reports]
        cells += [f"{last['ceiling'][kind][measure]:.2f}", f"{last['chance'][kind][measure]:.4f}"]
        lines.append(f"| {title} | {last['prompts'][kind]} | {' | '.join(cells)} |")
    apart = [f"{report['frechet']:.1f}" for _, report in reports]
    lines.append(f"| Fréchet distance from renders (less is better) | | {' | '.join(apart)} | {last['floor']:.1f} | |")
    return "\n".join(lines)
