"""DeepFloyd IF, the design of Imagen (Saharia et al., arXiv 2205.11487): a cascade in pixels, guided by a language
model.

The first stage draws 64x64 pixels, the second enlarges them to 256x256; the second stage's folder lies beside the
first's. The text encoder, T5, is as large as both together and is needed at the very beginning only.
"""

from typing import TYPE_CHECKING, Any

from desktop.engine.families.base import Inputs, LoadedModel, ModelFolder, Stage
from desktop.engine.families.diffusers_folder import DiffusersFamily, assemble
from desktop.engine.families.folder import companion
from desktop.errors import KnownError
from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    import torch

_SECOND = {"IFSuperResolutionPipeline"}


class DeepFloydIF(DiffusersFamily):
    name = "deepfloyd-if"
    pipelines = frozenset({"IFPipeline"})
    steps = 50
    guidance_scale = 7.0
    fixed_size = True

    def geometry(self, folder: ModelFolder) -> tuple[int, int]:
        return int(self._second(folder).configs["unet"]["sample_size"]), 1

    def tokens(self, folder: ModelFolder) -> int:
        return 76  # of 77, one ends the prompt

    def bytes_of(self, folder: ModelFolder) -> int:
        second = self._second(folder).path
        return folder.bytes + sum(file.stat().st_size for file in (second / "unet").glob("*.safetensors"))

    def build(
        self, folder: ModelFolder, parts: dict[str, Any], *, reader: Any, dtype: "torch.dtype", device: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        second = self._second(folder)
        # Both stages read the same encoding of the prompt, so the second comes without a text encoder of its own.
        rest = reader.read(second, dtype=dtype, device=device, leave_out=("text_encoder", "tokenizer"))
        upscaler = assemble("IFSuperResolutionPipeline", rest, second.index)
        upscaler.set_progress_bar_config(disable=True)
        first = assemble("IFPipeline", parts, folder.index)
        return {"text_to_image": first}, {"upscaler": upscaler, "upscaler_unet": rest["unet"]}

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        from desktop.engine.preview import pixels

        return (
            Stage(name="main", scheduler=pipeline.scheduler, steps=request.steps, frame=pixels),
            Stage(name="upscaler", scheduler=model.parts["upscaler"].scheduler, steps=request.steps, frame=pixels),
        )

    def draw(
        self,
        model: LoadedModel,
        pipeline: Any,
        request: GenerationRequest,
        inputs: Inputs,
        generator: "torch.Generator",
    ) -> Any:
        guided = request.guidance_scale > 1
        words, without = pipeline.encode_prompt(
            request.prompt, guided, negative_prompt=request.negative_prompt or None, clean_caption=False
        )
        shared = {
            "prompt_embeds": words,
            "negative_prompt_embeds": without,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "generator": generator,
            "output_type": "pt",
            "return_dict": False,
        }
        small = pipeline(**shared)[0]
        large = model.parts["upscaler"](image=small, **shared)[0]
        return (large[0].float() / 2 + 0.5).clamp(0, 1)

    def _second(self, folder: ModelFolder) -> ModelFolder:
        found = companion(folder, _SECOND)
        if found is None:
            raise KnownError(
                f"{folder.path.name} is the first stage of DeepFloyd IF, and the second is missing",
                f"Put the folder of the second stage beside it, in {folder.path.parent}.",
            )
        return found
