"""Stable Diffusion XL (arXiv 2307.01952): base, refiner, and the distilled Turbo and Lightning."""

from desktop.engine.families.base import ModelFolder
from desktop.engine.families.components import named
from desktop.engine.families.diffusers_folder import (
    ZERO_SNR_SCHEDULERS,
    DiffusersFamily,
    is_zero_snr,
    scheduler_of,
    takes_few_steps,
)
from desktop.engine.families.stable_diffusion import check_inputs, is_guidance_distilled, takes_a_mask
from desktop.scheduler_change import DISCRETE_SCHEDULERS


class StableDiffusionXL(DiffusersFamily):
    name = "stable-diffusion-xl"
    pipelines = frozenset(
        {"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline"}
    )
    needs = ("unet", "vae")
    text_to_image = "StableDiffusionXLPipeline"
    tasks = {"image_to_image": "StableDiffusionXLImg2ImgPipeline", "inpaint": "StableDiffusionXLInpaintPipeline"}  # noqa: RUF012

    def _check_complete(self, folder: ModelFolder, name: str) -> None:
        super()._check_complete(folder, name)
        check_inputs(folder, name)

    def inpaints_only(self, folder: ModelFolder) -> bool:
        return takes_a_mask(folder)

    def leave_out(self) -> tuple[str, ...]:
        return ("image_encoder",)

    def tasks_of(self, folder: ModelFolder) -> tuple[str, ...]:
        # The refiner has the second text encoder only, and was trained on the last fifth of the noise.
        return ("image_to_image", "inpaint") if _is_refiner(folder) else ("text_to_image", *self.tasks)

    def tokens(self, folder: ModelFolder) -> int:
        length = folder.configs.get("text_encoder_2", {}).get("max_position_embeddings", 77)
        return int(length) - 2

    def schedulers_for(self, folder: ModelFolder) -> tuple[tuple[str, ...], str]:
        if is_guidance_distilled(folder):
            return ("lcm",), "lcm"
        if is_zero_snr(folder):
            return ZERO_SNR_SCHEDULERS, "ddim"
        if takes_few_steps(folder):
            ancestral = "Ancestral" in str(scheduler_of(folder).get("_class_name"))
            return DISCRETE_SCHEDULERS, "euler_ancestral" if ancestral else "euler"
        return DISCRETE_SCHEDULERS, "dpmpp_2m"

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        if is_guidance_distilled(folder):
            return 4, 8.0
        return (4, 0.0) if takes_few_steps(folder) else (30, 6.0)


def _is_refiner(folder: ModelFolder) -> bool:
    return "text_encoder" not in named(folder)
