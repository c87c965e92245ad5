"""What is trained, from what, how large and for how long: one recipe, two presets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from desktop.training import pictures
from desktop.training.classifier import ClassifierSettings
from desktop.training.denoiser import DenoiserSettings
from desktop.training.distill import DistillSettings
from desktop.training.scenes import Mix
from desktop.training.sets import SETS
from desktop.training.vae import VaeSettings

# Where the shipped model began; to be brought up to date when another one takes its place.
BEGUN = (
    "UNet and text encoder went on from the model that shipped before: it had begun with random weights, seen 161,792 "
    "pictures of 127 things at 128x128 (Fluent emoji in 3D), then 201,456 of those in two sets at 256x256, alone, in "
    "pairs, repainted and on coloured paper, and 201,312 of 185 things in six sets. The autoencoder grew out of an "
    "earlier one, which had seen 31,662 and 1,122; its decoder then learnt from 14,558 pieces of all sets, and its "
    "latents are what they were."
)
STARTER = Path(__file__).resolve().parents[2] / "resources" / "models" / "starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """work: folder of archives, packed pictures, caches and checkpoints. everything: all emoji, not only nouns.json.
    quality: of the packed WebP, 0 as they come. start: a model folder whose networks are gone on with, latent space and
    tokenizer with them; None to begin from random weights. begun: what the card says of that. scenes: drawn and encoded
    once for the denoiser, with `captions` each; recombined: pairs made of those; shelf: pictures for the autoencoder to
    take crops from; drawing_workers: processes that draw. *_steps win over *_minutes and make a run repeatable.
    """

    work: Path
    styles: tuple[str, ...] = tuple(SETS)
    everything: bool = False
    quality: int = 0
    start: Path | None = STARTER
    begun: str = BEGUN
    size: int = pictures.SIZE
    scenes: int = 12_288
    recombined: int = 8192
    captions: int = 8
    shelf: int = 3072
    drawing_workers: int = 2
    mix: Mix = field(default_factory=Mix)
    vocabulary: int = 4000
    seed: int = 1
    vae: VaeSettings = field(default_factory=VaeSettings)
    vae_minutes: float = 22.0
    vae_steps: int = 0
    denoiser: DenoiserSettings = field(default_factory=DenoiserSettings)
    denoiser_minutes: float = 50.0
    denoiser_steps: int = 0
    distill: DistillSettings = field(default_factory=DistillSettings)
    distill_minutes: float = 20.0
    distill_steps: int = 0
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    classifier_minutes: float = 10.0
    classifier_steps: int = 0
    sheet_minutes: float = 15.0
    device: str = "cpu"


def cpu(work: Path, **changes: object) -> Recipe:
    """For two cores and two hours: the shipped model goes on with all six sets."""
    settings = {
        "mix": Mix(styles=(("3d", 3.0),)),
        "vae": VaeSettings(peak=3e-4),
        "denoiser": DenoiserSettings(peak=4e-4, batch=32, portion=16),
    }
    return Recipe(work=work, **{**settings, **changes})


def gpu(work: Path, **changes: object) -> Recipe:
    """For half an hour of one large graphics card: all sets and all emoji, wider networks, from random weights."""
    settings = {
        "everything": True,
        "quality": 50,
        "start": None,
        "begun": "All networks began with random weights.",
        "scenes": 100_000,
        "recombined": 50_000,
        "shelf": 12_288,
        "drawing_workers": 16,
        "mix": Mix(styles=(("3d", 3.0),), painted=0.35),
        "vocabulary": 6000,
        "vae": VaeSettings(widths=(32, 64, 128, 160, 160), batch=192, whole_batch=64, adversary=0.05),
        "vae_minutes": 6.0,
        "denoiser": DenoiserSettings(
            widths=(96, 192, 288), groups=32, text_width=256, text_layers=4, text_heads=8, batch=1024, compiled=True
        ),
        "denoiser_minutes": 18.0,
        "distill": DistillSettings(batch=512),
        "distill_minutes": 3.0,
        "classifier": ClassifierSettings(widths=(48, 96, 192, 256), batch=512, peak=3e-3),
        "classifier_minutes": 4.0,
        "sheet_minutes": 3.0,
        "device": "cuda",
    }
    return Recipe(work=work, **{**settings, **changes})


PRESETS = {"cpu": cpu, "gpu": gpu}
