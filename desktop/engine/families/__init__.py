"""The model families: one small file each, none of which imports torch before it loads a model."""

from desktop.engine.families.base import Family, Inputs, LoadedModel, ModelFolder, Stage
from desktop.engine.families.deepfloyd_if import DeepFloydIF
from desktop.engine.families.flow import Chroma, Flux, Flux2, General, QwenImage, StableDiffusion3
from desktop.engine.families.stable_diffusion import StableDiffusion
from desktop.engine.families.stable_diffusion_xl import StableDiffusionXL
from desktop.engine.families.unclip import Half, Kandinsky, Karlo, StableUnclip

# The first that recognises a folder has it, so the general one comes last.
FAMILIES: tuple[Family, ...] = (
    StableDiffusion(),
    StableDiffusionXL(),
    StableDiffusion3(),
    Karlo(),
    StableUnclip(),
    Kandinsky(),
    DeepFloydIF(),
    Flux(),
    Chroma(),
    Flux2(),
    QwenImage(),
    Half(),
    General(),
)

__all__ = ["FAMILIES", "Family", "Inputs", "LoadedModel", "ModelFolder", "Stage", "family_of"]


def family_of(folder: ModelFolder) -> Family | None:
    """The family a folder belongs to, told from its model_index.json; None where no family knows it."""
    return next((family for family in FAMILIES if family.recognise(folder)), None)
