"""The forward process as a model sees it: in the latents of its VAE, and its guess of the picture behind the noise."""

import logging
import math
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import CancelToken
from desktop.engine.forward import NoiseSchedule, schedule_of
from desktop.engine.hardware import is_out_of_memory
from desktop.errors import KnownError
from desktop.messages import Frame, GenerationRequest, ModelInfo, NoiseQuestion, NoiseSeen

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import LoadedModel
    from desktop.engine.holder import ModelHolder
    from desktop.engine.job import Models

_log = logging.getLogger(__name__)

FAMILIES = ("stable-diffusion", "stable-diffusion-xl")  # whose pipelines take latents as the formula makes them
_BINS, _SPAN = 64, 4.0


def answer(
    question: NoiseQuestion, models: "Models", holder: "ModelHolder", *, loading: CancelToken, looking: CancelToken
) -> NoiseSeen:
    """On the engine's thread. What goes wrong is in the answer; raises nothing but JobCancelled.

    loading, looking: stop the reading of the model, which whoever comes next may want too, and all that follows.
    """
    try:
        info = models.resolve(question.model)
        if info.family not in FAMILIES:
            raise KnownError(f"{info.title} can be looked into in pixels only", "Choose a Stable Diffusion model.")
        model, _ = holder.load(info, None, loading)
        looking.check()
        model.hooks.token = looking
        try:
            return _look(question, model)
        finally:
            model.hooks.token = None
    except KnownError as error:
        return NoiseSeen(question=question, message=error.message, hint=error.hint)
    except Exception as error:
        _log.exception("the noise could not be looked at")
        message, hint = f"The model could not answer ({type(error).__name__}: {str(error)[:200]})", "The log says more."
        if is_out_of_memory(error):
            message, hint = "There is not enough memory to ask the model", "Close other programs."
    holder.free()  # outside the except block, whose traceback holds tensors
    return NoiseSeen(question=question, message=message, hint=hint)


def _look(question: NoiseQuestion, model: "LoadedModel") -> NoiseSeen:
    import torch

    from desktop.engine import added, pipeline, preview

    drawing = model.pipelines.get("text_to_image")
    if drawing is None or drawing is model.pipelines.get("inpaint"):  # what is around a mask would be needed too
        raise KnownError(f"{model.info.title} cannot be looked into", "Choose another model.")
    width, height = _size(question.picture, model.info)
    plain = GenerationRequest(prompt=question.prompt.strip() or "-", seed=0, width=width, height=height)
    pipeline._gather(model)
    added.put_on(model, plain)  # no LoRA of an earlier picture
    pipeline._spread(model, drawing, model.plan.tiled)
    schedule = schedule_of(model.scheduler_config)
    try:
        with torch.no_grad():
            vae = _Vae(drawing.vae, model)
            x_0 = vae.encode(_pixels(question.picture, width, height))
            noise = torch.randn(x_0.shape, generator=torch.Generator("cpu").manual_seed(question.seed))
            x_t = schedule.noised(x_0, question.t, noise).float()
            shown = x_t
            if question.guess:
                shown = _guess(question, model, drawing, x_t, schedule, (width, height))
            frame = preview.pixels(vae.decode(shown))
    finally:
        drawing.maybe_free_model_hooks()
    return NoiseSeen(question=question, frame=frame, of_picture=_histogram(x_t), of_noise=_histogram(noise), span=_SPAN)


def _guess(
    question: NoiseQuestion,
    model: "LoadedModel",
    drawing: Any,
    x_t: "torch.Tensor",
    schedule: NoiseSchedule,
    size: tuple[int, int],
) -> "torch.Tensor":
    """x_0 as the network predicts it from x_t in one step, unguided."""
    import torch

    from desktop.engine import schedulers, tape

    scheduler = schedulers.make("ddim", model.scheduler_config, 0)

    def only_this(count: int, device: Any = None) -> None:
        scheduler.num_inference_steps = count
        scheduler.timesteps = torch.tensor([question.t], device=device)

    scheduler.set_timesteps = only_this
    drawing.scheduler = scheduler
    found: list[torch.Tensor] = []

    def on_step(step: tape.Step) -> None:
        if step.x_0 is not None:
            found.append(step.x_0)

    with tape.recording(scheduler, on_step):
        drawing(
            prompt=question.prompt,
            negative_prompt="",
            num_inference_steps=1,
            guidance_scale=1.0,  # guided, it would be no longer the mean of what x_0 may be
            latents=x_t.to(model.device, model.dtype),
            width=size[0],
            height=size[1],
            output_type="latent",
        )
    if not found or not torch.isfinite(found[0]).all():
        raise KnownError("The model has no guess from here", "Choose another timestep.")
    return found[0].float().cpu()


class _Vae:
    """Pixels of -1..1 to latents as the denoiser sees them and back, float32 on the CPU on both sides."""

    def __init__(self, vae: Any, model: "LoadedModel") -> None:
        self._vae, self._device, self._dtype = vae, model.device, model.dtype

    def encode(self, pixels: "torch.Tensor") -> "torch.Tensor":
        from desktop.engine import preview

        return self._in_range(preview.encoded, pixels)

    def decode(self, latents: "torch.Tensor") -> "torch.Tensor":
        def decoded(vae: Any, latents: "torch.Tensor") -> "torch.Tensor":
            shift = vae.config.get("shift_factor") or 0.0
            return vae.decode(latents / vae.config.get("scaling_factor", 1.0) + shift, return_dict=False)[0]

        return self._in_range(decoded, latents)

    def _in_range(self, work: Any, values: "torch.Tensor") -> "torch.Tensor":
        """Half precision is too coarse for some VAEs, which say so."""
        import torch

        wide = self._dtype == torch.float16 and self._vae.config.get("force_upcast")
        dtype = torch.float32 if wide else self._dtype
        if wide:
            self._vae.to(dtype)
        try:
            return work(self._vae, values.to(self._device, dtype)).float().cpu()
        finally:
            if wide:
                self._vae.to(self._dtype)


def _size(picture: Frame, info: ModelInfo) -> tuple[int, int]:
    """Of the sizes the model was made for, the one whose shape is nearest."""
    shape = math.log(picture.width / picture.height)
    return min(info.sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))


def _pixels(picture: Frame, width: int, height: int) -> "torch.Tensor":
    """(1, 3, H, W) in -1..1."""
    import numpy as np
    import torch
    from PIL import Image

    from desktop.engine.inputs import fit_to

    image = fit_to(Image.frombytes("RGB", (picture.width, picture.height), picture.rgb), width, height)
    return torch.from_numpy(np.asarray(image, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]


def _histogram(values: "torch.Tensor") -> tuple[float, ...]:
    import torch

    counts = torch.histc(values.float().clamp(-_SPAN, _SPAN), bins=_BINS, min=-_SPAN, max=_SPAN)
    return tuple((counts / values.numel()).tolist())
