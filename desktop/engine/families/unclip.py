"""unCLIP, the design of DALL-E 2 (Ramesh et al., arXiv 2204.06125): a prior makes an image embedding from the prompt by
diffusion, a decoder draws it by diffusion.
"""

from typing import TYPE_CHECKING, Any

from desktop.engine.families.base import Inputs, LoadedModel, ModelFolder, Stage
from desktop.engine.families.diffusers_folder import DiffusersFamily, assemble, downsampling
from desktop.engine.families.folder import companion
from desktop.errors import KnownError
from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    import torch

PRIOR_STEPS = 25  # the embedding gains nothing from more; Karlo's and Kandinsky's authors use 25
PRIOR_GUIDANCE = 4.0
KARLO_UPSCALER_STEPS = 7  # its last step is another network's, made for seven in all


class Karlo(DiffusersFamily):
    """Prior, decoder and super-resolution, the latter two in pixels. Draws one size only."""

    name = "karlo"
    pipelines = frozenset({"UnCLIPPipeline"})
    steps = 25
    guidance_scale = 8.0
    negative_prompt = False
    fixed_size = True

    def geometry(self, folder: ModelFolder) -> tuple[int, int]:
        return int(folder.configs["super_res_last"]["sample_size"]), 1

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        from desktop.engine.preview import pixels

        return (
            Stage(name="prior", scheduler=pipeline.prior_scheduler, steps=PRIOR_STEPS),
            Stage(name="decoder", scheduler=pipeline.decoder_scheduler, steps=request.steps, frame=pixels),
            Stage(name="upscaler", scheduler=pipeline.super_res_scheduler, steps=KARLO_UPSCALER_STEPS, frame=pixels),
        )

    def draw(
        self,
        model: LoadedModel,
        pipeline: Any,
        request: GenerationRequest,
        inputs: Inputs,
        generator: "torch.Generator",
    ) -> Any:
        return pipeline(
            prompt=request.prompt,
            prior_num_inference_steps=PRIOR_STEPS,
            decoder_num_inference_steps=request.steps,
            super_res_num_inference_steps=KARLO_UPSCALER_STEPS,
            prior_guidance_scale=PRIOR_GUIDANCE,
            decoder_guidance_scale=request.guidance_scale,
            generator=generator,
            output_type="np",
            return_dict=False,
        )[0][0]


class StableUnclip(DiffusersFamily):
    """Karlo's prior with Stable Diffusion's decoder, in the latents of a VAE."""

    name = "stable-unclip"
    pipelines = frozenset({"StableUnCLIPPipeline"})
    steps = 20
    guidance_scale = 10.0

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        return (
            Stage(name="prior", scheduler=pipeline.prior_scheduler, steps=PRIOR_STEPS),
            self.main_stage(model, pipeline, request, pipeline.scheduler),
        )

    def arguments(self, pipeline: Any, request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
        return super().arguments(pipeline, request, inputs) | {"prior_num_inference_steps": PRIOR_STEPS}


class Kandinsky(DiffusersFamily):
    """Kandinsky 2.2: the decoder's folder, with the prior's folder beside it."""

    name = "kandinsky-2.2"
    pipelines = frozenset({"KandinskyV22Pipeline", "KandinskyV22Img2ImgPipeline", "KandinskyV22CombinedPipeline"})
    text_to_image = "KandinskyV22CombinedPipeline"
    tasks = {"image_to_image": "KandinskyV22Img2ImgCombinedPipeline"}  # noqa: RUF012
    side = 512
    steps = 50
    guidance_scale = 4.0
    output = "np"

    def geometry(self, folder: ModelFolder) -> tuple[int, int]:
        factor = downsampling(folder.configs["movq"])
        # 64 latents a side is what the decoder was trained on; sizes are rounded to the factor's square
        return int(folder.configs["unet"]["sample_size"]) * factor, factor**2

    def bytes_of(self, folder: ModelFolder) -> int:
        return folder.bytes + self._prior(folder).bytes

    def build(
        self, folder: ModelFolder, parts: dict[str, Any], *, reader: Any, dtype: "torch.dtype", device: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        prior = reader.read(self._prior(folder), dtype=dtype, device=device)
        whole = parts | {f"prior_{name}": part for name, part in prior.items()}
        classes = {"text_to_image": self.text_to_image} | self.tasks
        return {task: assemble(cls, whole, folder.index) for task, cls in classes.items()}, prior

    def preview_of(self, folder: ModelFolder, parts: dict[str, Any]) -> Any:
        return super().preview_of(folder, {"vae": parts["movq"]})

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        return (
            Stage(name="prior", scheduler=pipeline.prior_scheduler, steps=PRIOR_STEPS),
            self.main_stage(model, pipeline, request, pipeline.scheduler),
        )

    def arguments(self, pipeline: Any, request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
        return super().arguments(pipeline, request, inputs) | {
            "prior_num_inference_steps": PRIOR_STEPS,
            "prior_guidance_scale": PRIOR_GUIDANCE,
        }

    def _prior(self, folder: ModelFolder) -> ModelFolder:
        found = companion(folder, {"KandinskyV22PriorPipeline"})
        if found is None:
            raise KnownError(
                f"{folder.path.name} is the decoder of Kandinsky 2.2, and its prior is missing",
                f"Put the folder of the prior beside it, in {folder.path.parent}.",
            )
        return found


class Half(DiffusersFamily):
    """One half of a model that is of use with the other only."""

    name = "half"
    standalone = False
    pipelines = frozenset({"KandinskyV22PriorPipeline", "IFSuperResolutionPipeline"})

    def weighted(self, folder: ModelFolder) -> tuple[str, ...]:
        """DeepFloyd IF's second stage may come without its text encoder: the first stage's is read."""
        names = super().weighted(folder)
        if folder.pipeline == "IFSuperResolutionPipeline" and not (folder.path / "text_encoder").is_dir():
            return tuple(name for name in names if name != "text_encoder")
        return names

    def describe(self, folder: ModelFolder, *, name: str, builtin: bool) -> Any:
        other = "Kandinsky 2.2's decoder" if "Kandinsky" in folder.pipeline else "DeepFloyd IF's first stage"
        raise KnownError(f"{name} is one half of a model", f"Keep it beside {other}, and choose that one.")
