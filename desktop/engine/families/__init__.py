"""The model families: one small file each, none of which imports torch before it loads a model."""

from desktop.engine.families.base import Family, LoadedModel, ModelFolder
from desktop.engine.families.stable_diffusion import StableDiffusion

FAMILIES: tuple[Family, ...] = (StableDiffusion(),)

__all__ = ["FAMILIES", "Family", "LoadedModel", "ModelFolder", "family_of"]


def family_of(folder: ModelFolder) -> Family | None:
    """The family a folder belongs to, told from its model_index.json; None where no family knows it."""
    return next((family for family in FAMILIES if family.recognise(folder)), None)
