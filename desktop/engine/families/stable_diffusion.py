"""Stable Diffusion 1.x and 2.x: diffusion in the latents of a VAE, guided by one CLIP text encoder.

The built-in model is of this family.
"""

from desktop.engine.families.base import ModelFolder
from desktop.engine.families.components import named
from desktop.engine.families.diffusers_folder import (
    ZERO_SNR_SCHEDULERS,
    DiffusersFamily,
    is_zero_snr,
    takes_few_steps,
)
from desktop.errors import KnownError
from desktop.scheduler_change import DISCRETE_SCHEDULERS

_PARTS = {
    "unet": {"UNet2DConditionModel"},
    "vae": {"AutoencoderKL", "AutoencoderTiny"},
    "text_encoder": {"CLIPTextModel"},
    "tokenizer": {"CLIPTokenizer", "CLIPTokenizerFast"},
    "scheduler": None,
}
_ENCODERS = ("text_encoder", "text_encoder_2")


class StableDiffusion(DiffusersFamily):
    name = "stable-diffusion"
    pipelines = frozenset(
        {
            "StableDiffusionPipeline",
            "StableDiffusionImg2ImgPipeline",
            "StableDiffusionInpaintPipeline",
            "LatentConsistencyModelPipeline",
        }
    )
    text_to_image = "StableDiffusionPipeline"
    tasks = {"image_to_image": "StableDiffusionImg2ImgPipeline", "inpaint": "StableDiffusionInpaintPipeline"}  # noqa: RUF012
    side = 512

    def _check_complete(self, folder: ModelFolder, name: str) -> None:
        parts = named(folder)
        for component, classes in _PARTS.items():
            if component not in parts or (classes and parts[component][1] not in classes):
                raise KnownError(
                    f"The model {name} has no usable {component.replace('_', ' ')}",
                    "Get the folder again in diffusers layout, whole.",
                )
        super()._check_complete(folder, name)
        check_inputs(folder, name)

    def inpaints_only(self, folder: ModelFolder) -> bool:
        return takes_a_mask(folder)

    def leave_out(self) -> tuple[str, ...]:
        return ("image_encoder",)

    def schedulers_for(self, folder: ModelFolder) -> tuple[tuple[str, ...], str]:
        if is_guidance_distilled(folder):
            return ("lcm",), "lcm"
        if is_zero_snr(folder):
            return ZERO_SNR_SCHEDULERS, "ddim"
        return DISCRETE_SCHEDULERS, "euler" if takes_few_steps(folder) else "dpmpp_2m"

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        if is_guidance_distilled(folder):
            return 4, 8.0
        if takes_few_steps(folder):
            return 4, 0.0
        return (20, 7.0) if is_zero_snr(folder) else (25, 7.0)


def is_guidance_distilled(folder: ModelFolder) -> bool:
    """A latent consistency model (arXiv 2310.04378): the guidance is an input of its network."""
    return bool(folder.configs.get("unet", {}).get("time_cond_proj_dim"))


def takes_a_mask(folder: ModelFolder) -> bool:
    """Whether its network takes in a mask and the latents around it, beside the latents being drawn."""
    latents, taken_in = _channels(folder)
    return taken_in == 2 * latents + 1


def check_inputs(folder: ModelFolder, name: str) -> None:
    """Raises KnownError where the network takes in anything else, as those that edit, enlarge or follow a depth do, or
    listens to other text encoders.
    """
    latents, taken_in = _channels(folder)
    if taken_in not in (latents, 2 * latents + 1):
        raise KnownError(
            f"The model {name} edits, enlarges or follows another picture (its network takes in {taken_in} channels), "
            "and Safelight has no use for such a model yet",
            "Choose one that draws from words, or one made for inpainting.",
        )
    unet, parts = folder.configs.get("unet", {}), named(folder)
    widths = [folder.configs[part].get("hidden_size") for part in _ENCODERS if part in parts and part in folder.configs]
    listens = unet.get("cross_attention_dim")
    told = all(type(width) is int for width in (listens, *widths)) and unet.get("encoder_hid_dim") is None
    if told and listens != sum(widths):
        raise KnownError(
            f"The parts of {name} do not belong together: its U-Net listens to {listens} numbers a word, and its text "
            f"{'encoder gives' if len(widths) == 1 else 'encoders give'} {sum(widths)}",
            "Get the folder again, whole.",
        )


def _channels(folder: ModelFolder) -> tuple[int, int]:
    """(of the VAE's latents, of what the U-Net takes in); published configurations leave out what is usual."""
    found = (folder.configs.get("vae", {}).get("latent_channels"), folder.configs.get("unet", {}).get("in_channels"))
    return tuple(count if type(count) is int else 4 for count in found)
