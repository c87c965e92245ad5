"""Every family of model, made small: the real classes and the real architecture with random weights, in the layout that
users have on disk. BUILDERS holds one function a design, which writes a folder and gives it back.
"""

from tests.tiny.cascades import write_deepfloyd_if, write_deepfloyd_upscaler
from tests.tiny.stable_diffusion import (
    write_sd3,
    write_sd_inpainting,
    write_sdxl,
    write_sdxl_refiner,
    write_sdxl_turbo,
    write_stable_diffusion_2,
)
from tests.tiny.transformers import (
    write_chroma,
    write_flux,
    write_flux2,
    write_flux_fill,
    write_lumina2,
    write_pixart,
    write_qwen_image,
    write_sana,
    write_z_image,
)
from tests.tiny.unclip import write_kandinsky, write_kandinsky_prior, write_karlo, write_stable_unclip

BUILDERS = {
    "sd2": write_stable_diffusion_2,
    "sd_inpainting": write_sd_inpainting,
    "sdxl": write_sdxl,
    "sdxl_refiner": write_sdxl_refiner,
    "sdxl_turbo": write_sdxl_turbo,
    "sd3": write_sd3,
    "karlo": write_karlo,
    "stable_unclip": write_stable_unclip,
    "kandinsky": write_kandinsky,
    "deepfloyd_if": write_deepfloyd_if,
    "flux": write_flux,
    "flux_fill": write_flux_fill,
    "chroma": write_chroma,
    "flux2": write_flux2,
    "z_image": write_z_image,
    "qwen_image": write_qwen_image,
    "sana": write_sana,
    "pixart": write_pixart,
    "lumina2": write_lumina2,
}

__all__ = ["BUILDERS", "write_deepfloyd_upscaler", "write_kandinsky_prior"]
