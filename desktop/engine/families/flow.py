"""Transformers trained by flow matching (arXiv 2209.03003), each with what is its own: how it packs latents into
tokens, and what it calls guidance.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop.engine.families.base import Inputs, ModelFolder
from desktop.engine.families.diffusers_folder import DiffusersFamily, downsampling
from desktop.errors import KnownError
from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    import torch

_NETWORKS = ("transformer", "vae")


class StableDiffusion3(DiffusersFamily):
    """Stable Diffusion 3 and 3.5 (arXiv 2403.03206). The third text encoder, T5, may be missing."""

    name = "stable-diffusion-3"
    pipelines = frozenset({"StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline"})
    needs = _NETWORKS
    text_to_image = "StableDiffusion3Pipeline"
    tasks = {"image_to_image": "StableDiffusion3Img2ImgPipeline", "inpaint": "StableDiffusion3InpaintPipeline"}  # noqa: RUF012
    schedulers = ("flow_euler",)

    def _check_complete(self, folder: ModelFolder, name: str) -> None:
        super()._check_complete(folder, name)
        plain = folder.configs["vae"].get("latent_channels")
        if _taken_in(folder) != plain and None not in (_taken_in(folder), plain):
            raise _edits(folder, name)

    def leave_out(self) -> tuple[str, ...]:
        return ("image_encoder",)

    def tokens(self, folder: ModelFolder) -> int:
        return 0 if "text_encoder_3" in folder.configs else super().tokens(folder)


class Flux(DiffusersFamily):
    """FLUX.1 dev, whose guidance is an input of the network, schnell, which needs none and four steps, and Fill, which
    was made for inpainting.
    """

    name = "flux"
    pipelines = frozenset({"FluxPipeline", "FluxImg2ImgPipeline", "FluxInpaintPipeline", "FluxFillPipeline"})
    needs = _NETWORKS
    text_to_image = "FluxPipeline"
    tasks = {"image_to_image": "FluxImg2ImgPipeline", "inpaint": "FluxInpaintPipeline"}  # noqa: RUF012
    schedulers = ("flow_euler",)
    packed = 2
    negative_prompt = False

    def _check_complete(self, folder: ModelFolder, name: str) -> None:
        super()._check_complete(folder, name)
        vae = folder.configs["vae"]
        latents, taken_in = vae.get("latent_channels"), _taken_in(folder)
        if type(latents) is not int or taken_in is None:
            return
        plain = latents * self.packed**2
        # The mask comes in pixels: those that a latent stands for in each direction, packed as the latents are.
        fill = 2 * plain + (downsampling(vae) * self.packed) ** 2
        if self.inpaints_only(folder) and taken_in == plain:
            raise KnownError(
                f"{name} says that it was made for inpainting, and its transformer is that of a plain model, which "
                "takes in no mask",
                "Get the transformer of the inpainting model, or the folder of the plain one.",
            )
        if taken_in == fill and not self.inpaints_only(folder):
            raise KnownError(
                f"{name} says that it is a plain model, and its transformer was made for inpainting",
                "Get the folder of the inpainting model, or the transformer of the plain one.",
            )
        if taken_in not in (plain, fill):
            raise _edits(folder, name)

    def leave_out(self) -> tuple[str, ...]:
        return ("image_encoder",)

    def tokens(self, folder: ModelFolder) -> int:
        return 0  # the second text encoder, T5, reads 512

    def more_tasks(self, folder: ModelFolder) -> Mapping[str, str]:
        return self.tasks | {"inpaint": "FluxFillPipeline"} if self.inpaints_only(folder) else self.tasks

    def inpaints_only(self, folder: ModelFolder) -> bool:
        return folder.pipeline == "FluxFillPipeline"

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        if self.inpaints_only(folder):
            return 30, 30.0
        return (28, 3.5) if folder.configs.get("transformer", {}).get("guidance_embeds") else (4, 0.0)

    def unpack(self, pipeline: Any, x_0: "torch.Tensor", request: GenerationRequest) -> "torch.Tensor":
        return pipeline._unpack_latents(x_0, request.height, request.width, pipeline.vae_scale_factor)


def _taken_in(folder: ModelFolder) -> int | None:
    """The channels that the transformer takes in, where the configuration says so."""
    count = folder.configs["transformer"].get("in_channels")
    return count if type(count) is int else None


def _edits(folder: ModelFolder, name: str) -> KnownError:
    return KnownError(
        f"The model {name} edits, enlarges or follows another picture (its transformer takes in {_taken_in(folder)} "
        "channels), and Safelight has no use for such a model yet",
        "Choose one that draws from words, or one made for inpainting.",
    )


class Chroma(Flux):
    """FLUX.1 schnell's architecture, guided again by a negative prompt."""

    name = "chroma"
    pipelines = frozenset({"ChromaPipeline", "ChromaImg2ImgPipeline"})
    text_to_image = "ChromaPipeline"
    tasks = {"image_to_image": "ChromaImg2ImgPipeline"}  # noqa: RUF012
    negative_prompt = True

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        return 35, 5.0


class Flux2(DiffusersFamily):
    """FLUX.2 dev and klein. What is packed here are 2x2 latents, normalised by a batch norm's statistics."""

    name = "flux-2"
    pipelines = frozenset({"Flux2Pipeline", "Flux2KleinPipeline"})
    needs = _NETWORKS
    schedulers = ("flow_euler",)
    packed = 2
    negative_prompt = False

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        return (4, 1.0) if folder.index.get("is_distilled") else (28, 4.0)

    def unpack(self, pipeline: Any, x_0: "torch.Tensor", request: GenerationRequest) -> "torch.Tensor":
        pixels = 2 * pipeline.vae_scale_factor
        height, width = request.height // pixels, request.width // pixels
        return x_0[:, : height * width].transpose(1, 2).reshape(len(x_0), -1, height, width)


class QwenImage(DiffusersFamily):
    """Qwen-Image (arXiv 2508.02324): guided only where there is a negative prompt, if an empty one."""

    name = "qwen-image"
    pipelines = frozenset({"QwenImagePipeline", "QwenImageImg2ImgPipeline"})
    needs = _NETWORKS
    text_to_image = "QwenImagePipeline"
    tasks = {"image_to_image": "QwenImageImg2ImgPipeline", "inpaint": "QwenImageInpaintPipeline"}  # noqa: RUF012
    schedulers = ("flow_euler",)
    packed = 2
    steps = 40
    guidance_scale = 4.0

    def tokens(self, folder: ModelFolder) -> int:
        return 0

    def unpack(self, pipeline: Any, x_0: "torch.Tensor", request: GenerationRequest) -> "torch.Tensor":
        latents = pipeline._unpack_latents(x_0, request.height, request.width, pipeline.vae_scale_factor)
        return latents.squeeze(2)  # the VAE is made for films; a picture is one frame

    def arguments(self, pipeline: Any, request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
        arguments = super().arguments(pipeline, request, inputs)
        arguments["true_cfg_scale"] = arguments.pop("guidance_scale", request.guidance_scale)
        return arguments | {"negative_prompt": request.negative_prompt or " "}


class General(DiffusersFamily):
    """Any other model with an ordinary text-to-image pipeline that this version of diffusers has.

    Told by what every one of them has: a scheduler, a text encoder with its tokenizer, one network that removes noise,
    and one VAE. The scheduler is the model's own.
    """

    name = "general"

    _KNOWN = {  # pipeline: (steps, guidance_scale), as their authors recommend  # noqa: RUF012
        "ZImagePipeline": (9, 0.0),
        "SanaPipeline": (20, 4.5),
        "PixArtSigmaPipeline": (20, 4.5),
        "PixArtAlphaPipeline": (20, 4.5),
        "Lumina2Pipeline": (50, 4.0),
    }
    # What the names of pipelines say that draw from more than words, or something else than a picture.
    _WANT_MORE = ("Img2Img", "Inpaint", "Edit", "Fill", "Control", "Kontext", "Redux", "Upscale", "Depth", "Pix2Pix",
                  "Variation", "Adapter", "Video", "SuperResolution", "Layered")  # fmt: skip
    _IMAGE_TO_IMAGE = {  # noqa: RUF012
        "ZImagePipeline": {"image_to_image": "ZImageImg2ImgPipeline", "inpaint": "ZImageInpaintPipeline"},
    }

    def recognise(self, folder: ModelFolder) -> bool:
        from desktop.engine.families.components import named

        parts = named(folder)
        return (
            folder.pipeline.endswith("Pipeline")
            and not any(word in folder.pipeline for word in self._WANT_MORE)
            and {"scheduler", "vae", "text_encoder", "tokenizer"} <= parts.keys()
            and len({"transformer", "unet"} & parts.keys()) == 1
            and not any(
                name.startswith(("prior", "controlnet", "motion")) or "3D" in cls for name, (_, cls) in parts.items()
            )
        )

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        return self._KNOWN.get(folder.pipeline, (self.steps, self.guidance_scale))

    def more_tasks(self, folder: ModelFolder) -> Mapping[str, str]:
        return self._IMAGE_TO_IMAGE.get(folder.pipeline, {})

    def geometry(self, folder: ModelFolder) -> tuple[int, int]:
        side, multiple = super().geometry(folder)
        patches = folder.configs.get("transformer", {}).get("all_patch_size")
        if patches:
            multiple *= int(patches[0])
        return side, max(multiple, 32) if folder.pipeline.startswith("Sana") else multiple  # its pipeline insists

    def unpack(self, pipeline: Any, x_0: "torch.Tensor", request: GenerationRequest) -> "torch.Tensor":
        return x_0.squeeze(2) if x_0.ndim == 5 else x_0
