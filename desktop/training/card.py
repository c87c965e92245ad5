"""The card beside the weights: what the model was made of, how it draws, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.training import archive
from desktop.training.nouns import Noun

STEPS, GUIDANCE = 20, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of the run that made the weights. psnr_db: of the autoencoder over pictures of the chosen things."""

    vae_samples: int
    vae_minutes: float
    vae_loss: float
    psnr_db: float
    denoiser_samples: int
    denoiser_minutes: float
    denoiser_loss: float
    machine: str
    bytes: int


def render(nouns: Sequence[Noun], figures: Figures, unnamed: Sequence[str] | None) -> str:
    """The card in Markdown.
    unnamed: the things whose drawings were not recognised by who looked at them; None where nobody has looked yet.
    """
    if unnamed is None:
        tally = f"The {len(nouns)} things it was shown; nobody has gone through its drawings of them yet."
    else:
        named = len(nouns) - len(unnamed)
        tally = (
            f"Of the {len(nouns)} things below, each drawn with two seeds and looked at one by one, **{named}** were\n"
            "recognisable and in the right colours."
        )
        if unnamed:
            tally += " The others are marked with †."
    listed = ", ".join(noun.name + (" †" if unnamed and noun.name in unnamed else "") for noun in nouns)
    sources = "\n".join(
        f"- `{package}` {archive.VERSIONS[package]} (npm): {what}"
        for package, what in (
            (archive.FLUENT, "Fluent emoji in 3D, MIT, © Microsoft Corporation"),
            (archive.UNICODE, "names of emoji, MIT, © Mu-An Chiou"),
            (archive.EMOJILIB, "keywords of emoji, MIT, © Mu-An Chiou"),
        )
    )
    coder = f"loss {figures.vae_loss:.3f}, {figures.psnr_db:.1f} dB"
    drawer = f"loss {figures.denoiser_loss:.3f}"
    return f"""# Starter, the model inside

A latent diffusion model that draws one plain thing at a time, as a small 3D icon of 128x128 pixels on white. It is
here so that the program can draw from the first minute, on any machine and without a download; larger models do
everything better. `StableDiffusionPipeline` of diffusers loads the folder as it is ({figures.bytes / 1e6:.0f} MB, half
precision; load it in float32 on a processor).

![Drawings of all the things it knows](samples.webp)

## How to draw with it

128x128 pixels, {STEPS} steps, guidance {GUIDANCE:g}, the scheduler of the folder (DPM-Solver++, v-prediction,
zero terminal SNR, trailing spacing). Prompts like "a red apple", "an owl", "tractor, 3d icon".

## What it draws

{tally}

{listed}.

## What it cannot do

- Things that are not in the list: it draws something else, or nothing one could name.
- Two things in one picture, scenes, actions, counts ("two cats", "a dog on a boat").
- Recolouring: "a purple cat" stays orange. It saw one picture of each thing: seeds differ in place, size and tilt.
- Backgrounds: it stays white, whatever colour is asked for.
- Text, letters, flags, people.
- Sizes other than 128x128: the picture falls apart.

## How it was made

`python -m desktop.training starter --work DIR` (see `desktop/training`), on {figures.machine}.

| part | size | samples | minutes | at the end |
|---|---|---|---|---|
{_row("autoencoder, 8 times smaller, 16 channels", "2.3 M", figures.vae_samples, figures.vae_minutes, coder)}
{_row("UNet, text encoder", "11.0 M, 2.1 M", figures.denoiser_samples, figures.denoiser_minutes, drawer)}

The autoencoder saw all the pictures of the set, in whole and in crops. UNet and text encoder were trained together,
from random weights, on slightly moved, turned and scaled views of the {len(nouns)} listed ones, with captions
made of name, keywords, colour and style words, one in ten of them empty. No other weights were used.

## Sources and licences

{sources}

The weights are under the licence of the program, Apache-2.0; the pictures' own licence, MIT, asks that its notice
stays: Copyright (c) Microsoft Corporation.
"""


def _row(part: str, size: str, samples: int, minutes: float, end: str) -> str:
    return f"| {part} | {size} | {samples:,} | {minutes:.0f} | {end} |"
