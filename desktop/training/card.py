"""The card beside the weights: what the model was made of, how it draws and scores, and what it cannot do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from desktop.training import archive, score
from desktop.training.dataset import Dataset
from desktop.training.sets import SETS

STEPS, GUIDANCE = 20, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of the run that made the weights. weights: numbers in the network; end: what it came to, in words."""

    name: str
    weights: int
    samples: int
    minutes: float
    end: str


def render(
    known: Dataset,
    parts: Sequence[Part],
    reports: Sequence[tuple[str, dict[str, Any]]],
    *,
    machine: str,
    size: int,
    begun: str,
    whole: dict[str, Any] | None = None,
) -> str:
    """The card in Markdown. reports: of evaluate.evaluate, under their columns' names, this model's last; empty where
    there is none yet. whole: this model's for all prompts and several seeds. begun: where the networks began, in a
    sentence or two.
    """
    listed = ", ".join(noun.name for noun in known.nouns[:400]) + (", and more" if len(known.nouns) > 400 else "")
    sources = [
        f"- `{SETS[style].package}` {archive.VERSIONS[SETS[style].package]}: {SETS[style].notice}"
        for style in known.styles
    ]
    sources += [
        f"- `{archive.UNICODE}` {archive.VERSIONS[archive.UNICODE]}: names of emoji, MIT, © Mu-An Chiou",
        f"- `{archive.EMOJILIB}` {archive.VERSIONS[archive.EMOJILIB]}: keywords of emoji, MIT, © Mu-An Chiou",
    ]
    rows = [
        f"| {part.name} | {part.weights / 1e6:.1f} M | {part.samples:,} | {part.minutes:.0f} | {part.end} |"
        for part in parts
    ]
    styles = ", ".join(f'"{SETS[style].words[0]}"' for style in known.styles)
    return f"""# Starter, the model inside

A latent diffusion model that draws plain things as icon-like pictures of {size}x{size} pixels: one thing or two, in the
colour, on the paper and in the style that is asked for. It is here so that the program can draw from the first minute,
on any machine and without a download; larger models do everything better. `StableDiffusionPipeline` of diffusers loads
the folder as it is (half precision; load it in float32 on a processor).

![Drawings of some prompts, none of them picked by hand](samples.webp)

## How to draw with it

{size}x{size} pixels, {STEPS} steps, guidance {GUIDANCE:g}, the scheduler of the folder (DPM-Solver++, v-prediction,
zero terminal SNR, trailing spacing). It knows {len(known.nouns)} things, the styles {styles}, coloured paper ("on a
blue background" and pink, yellow, green and gray), "small", "on the left", "on the right", "at the top", "at the
bottom", and two things with "and", "next to" or "on". Asked for no style it draws "{SETS[known.styles[0]].words[0]}".
Prompts like "a red apple", "a small owl on the left, on a blue background", "a cat and a pizza, flat".

## How well it draws

{_scores(reports, whole)}

## What it cannot do

- Things that are not in the list: it draws something else, or nothing one could name.
- Three things or more, scenes, actions, counts ("a dog is chasing two cats").
- Text, but for a digit on its key (which may come out as another one), and people, but for a hand.
- Sizes other than {size}x{size}: the picture falls apart.

The things: {listed}.

## How it was made

`safelight train starter --work DIR` (see `desktop/training`), on {machine}.

| part | size | samples | minutes | at the end |
|---|---|---|---|---|
{chr(10).join(rows)}

{textwrap.fill(begun, 120)}

They saw slightly moved, turned and scaled pictures, alone and in pairs, repainted and on coloured paper, with captions
made of names, keywords, colours, places and style words, one in ten of them empty. A tenth of all pairs of thing and
colour, and of thing and thing, was never shown. No other weights were used.

![Losses](losses.webp)

## Sources and licences

{chr(10).join(sources)}

The weights are under the licence of the program, Apache-2.0; the notices of the pictures stand in the program's NOTICE.
"""


def _scores(reports: Sequence[tuple[str, dict[str, Any]]], whole: dict[str, Any] | None) -> str:
    if not reports:
        return "Nobody has measured it yet: `python -m desktop.training.evaluate FOLDER --work DIR`."
    report = whole or reports[-1][1]
    text = f"""Prompts of `python -m desktop.training.evaluate`, {_drawn(report)}. A small classifier
that was trained on renders only says what it sees; its own answers for renders of the same prompts are the ceiling.
Shares of right answers among {report["things"]} things and {len(score.COLOURS)} colours:

{score.table([("drawn", whole)] if whole else reports)}"""
    if not whole:
        return text
    return f"""{text}

And beside others, on the first of these prompts, {_drawn(reports[-1][1])} where the column does not say otherwise:

{score.table(reports)}"""


def _drawn(report: dict[str, Any]) -> str:
    seeds = "one seed each" if report["seeds"] == 1 else f"{report['seeds']} seeds each"
    return f"{seeds}, {report['steps']} steps, guidance {report['guidance']:g}"
