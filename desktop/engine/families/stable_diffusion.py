"""Stable Diffusion 1.x and 2.x: diffusion in the latents of a VAE, guided by one CLIP text encoder.

The built-in model is of this family.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import CancelHooks, CancelToken
from desktop.engine.families.base import LoadedModel, ModelFolder
from desktop.errors import KnownError
from desktop.messages import GenerationRequest, ModelInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    from desktop.engine.hardware import Device
    from desktop.engine.preview import PreviewMap

# What each component may be. A folder that names anything else is not loaded: it could name code of its own.
_ALLOWED = {
    "unet": {"UNet2DConditionModel"},
    "vae": {"AutoencoderKL"},
    "text_encoder": {"CLIPTextModel"},
    "tokenizer": {"CLIPTokenizer", "CLIPTokenizerFast"},
}
_SCHEDULERS = (
    "ddim",
    "ddpm",
    "euler",
    "euler_ancestral",
    "heun",
    "dpmpp_2m",
    "dpmpp_2m_karras",
    "dpmpp_sde",
    "unipc",
    "lms",
)
# With a terminal signal-to-noise ratio of zero (arXiv 2305.08891) the first sigma is infinite. These start from
# there exactly; the others work on sigmas and would have to cut the schedule short.
_ZERO_SNR_SCHEDULERS = ("ddim", "ddpm", "euler", "euler_ancestral", "dpmpp_2m", "unipc")


class StableDiffusion:
    name = "stable-diffusion"
    components_with_weights = ("unet", "vae", "text_encoder")

    def recognise(self, folder: ModelFolder) -> bool:
        return folder.index.get("_class_name") in (
            "StableDiffusionPipeline",
            "StableDiffusionImg2ImgPipeline",
        )

    def describe(self, folder: ModelFolder, *, name: str, builtin: bool) -> ModelInfo:
        for component, classes in _ALLOWED.items():
            entry = folder.index.get(component)
            if not isinstance(entry, list) or len(entry) != 2 or entry[1] not in classes:
                raise KnownError(
                    f"The model {name} has no usable {component.replace('_', ' ')}",
                    "Get the folder again in diffusers layout, whole.",
                )
        try:
            side_latents = int(folder.configs["unet"]["sample_size"])
            downsampling = 2 ** (len(folder.configs["vae"]["block_out_channels"]) - 1)
            tokens = int(folder.configs["text_encoder"].get("max_position_embeddings", 77))
        except (KeyError, TypeError, ValueError) as error:
            raise KnownError(
                f"The model {name} has a damaged config.json ({error})", "Get the folder again, whole."
            ) from error
        side = side_latents * downsampling
        if not 16 <= side <= 4096 or not 1 <= downsampling <= 64:
            raise KnownError(f"The model {name} has a config.json that makes no sense", "Get it again.")
        wide = side * 3 // 2
        scheduler_config = folder.configs.get("scheduler", {})
        zero_snr = bool(scheduler_config.get("rescale_betas_zero_snr"))
        return ModelInfo(
            name=name,
            title=name,
            path=str(folder.path),
            family=self.name,
            bytes=folder.bytes,
            width=side,
            height=side,
            size_multiple=downsampling,
            sizes=((side, side),) if builtin else ((side, side), (side, wide), (wide, side)),
            steps=20 if zero_snr else 25,
            guidance_scale=4.0 if builtin else 7.0,
            scheduler="ddim" if zero_snr else "dpmpp_2m",
            schedulers=_ZERO_SNR_SCHEDULERS if zero_snr else _SCHEDULERS,
            max_tokens=tokens - 2,  # the text encoder's own start and end take two
            builtin=builtin,
        )

    def load(
        self,
        info: ModelInfo,
        *,
        device: "Device",
        token: CancelToken,
        on_progress: Callable[[int, int], None],
    ) -> LoadedModel:
        from diffusers import (
            AutoencoderKL,
            StableDiffusionImg2ImgPipeline,
            StableDiffusionPipeline,
            UNet2DConditionModel,
        )
        from transformers import CLIPTextModel, CLIPTokenizer

        from desktop.engine.families.folder import fingerprint, load_component, load_json, variant_of
        from desktop.engine.hardware import dtype_for

        folder = Path(info.path)
        dtype = dtype_for(device, info.bytes)
        done = 0
        parts: dict[str, Any] = {}
        classes = (UNet2DConditionModel, AutoencoderKL, CLIPTextModel)
        for component, cls in zip(self.components_with_weights, classes, strict=True):
            token.check()
            on_progress(done, info.bytes)
            parts[component] = load_component(
                cls, folder / component, dtype=dtype, variant=variant_of(folder / component)
            ).to(device.kind)
            parts[component].eval().requires_grad_(False)
            done += sum(f.stat().st_size for f in (folder / component).glob("*.safetensors"))
        token.check()
        on_progress(info.bytes, info.bytes)
        tokenizer = load_component(CLIPTokenizer, folder / "tokenizer")
        scheduler_config = load_json(folder / "scheduler" / "scheduler_config.json")
        from desktop.engine import schedulers
        from desktop.engine.hardware import is_out_of_memory

        try:
            text_to_image = StableDiffusionPipeline(
                **parts,
                tokenizer=tokenizer,
                scheduler=schedulers.make(info.scheduler, scheduler_config, 0),
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
            text_to_image.scheduler.set_timesteps(2)  # some settings are looked at here only
            image_to_image = StableDiffusionImg2ImgPipeline(**text_to_image.components, requires_safety_checker=False)
            preview = _preview_of(folder, parts["vae"])
        except Exception as error:  # whatever nonsense the configuration files hold
            if is_out_of_memory(error):
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise KnownError(
                f"The configuration of {info.title} does not work ({reason[:200]})", "Get the model again, whole."
            ) from error
        for pipeline in (text_to_image, image_to_image):
            pipeline.set_progress_bar_config(disable=True)
        return LoadedModel(
            info=info,
            text_to_image=text_to_image,
            image_to_image=image_to_image,
            hooks=CancelHooks(parts.values()),
            scheduler_config=scheduler_config,
            preview=preview,
            dtype=dtype,
            fingerprint=fingerprint(folder),
        )

    def arguments(self, request: GenerationRequest, start: "Image | None") -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
        }
        if start is None:
            return arguments | {"width": request.width, "height": request.height}
        return arguments | {"image": start, "strength": request.strength}


def _preview_of(folder: Path, vae: Any) -> "PreviewMap":
    from desktop.engine import preview

    kept = preview.load(folder / preview.FILE_NAME, vae.config.latent_channels)
    if kept is not None:
        return kept
    if vae.config.latent_channels == 4 and abs(vae.config.scaling_factor - 0.18215) < 1e-6:
        return preview.linear(preview.STABLE_DIFFUSION_1)
    return preview.fit_to_vae(vae)
