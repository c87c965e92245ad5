"""What the families share: a diffusers folder, its pipelines over the same networks, and one chain of steps."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.cancel import CancelHooks, CancelToken
from desktop.engine.families.base import Inputs, LoadedModel, ModelFolder, Stage
from desktop.engine.families.components import SKIPPED, has_weights, named
from desktop.engine.memory import MemoryPlan, Placement, decoding_bytes
from desktop.errors import KnownError
from desktop.limits import SIDE_MAX, SIDE_MIN
from desktop.messages import GenerationRequest, ModelInfo

if TYPE_CHECKING:
    import torch

    from desktop.engine.hardware import Device
    from desktop.engine.preview import PreviewMap
    from desktop.messages import Frame

# With a terminal signal-to-noise ratio of zero (arXiv 2305.08891) the first sigma is infinite. These start from
# there exactly; the others work on sigmas and would have to cut the schedule short.
ZERO_SNR_SCHEDULERS = ("ddim", "ddpm", "euler", "euler_ancestral", "dpmpp_2m", "unipc")


def scheduler_of(folder: ModelFolder) -> Mapping[str, Any]:
    return folder.configs.get("scheduler", {})


def is_zero_snr(folder: ModelFolder) -> bool:
    return bool(scheduler_of(folder).get("rescale_betas_zero_snr"))


def takes_few_steps(folder: ModelFolder) -> bool:
    """Whether it was distilled to one to four steps (Turbo, Lightning): those come with a schedule that is spaced
    from the noisy end, which otherwise only zero-terminal-SNR models have.
    """
    return scheduler_of(folder).get("timestep_spacing") == "trailing" and not is_zero_snr(folder)


class DiffusersFamily:
    """A model whose folder says which pipeline draws with it. Subclasses give the class attributes.

    pipelines: names of pipeline classes that are of this family. tasks: further tasks by the class that does them.
    side: of a picture in pixels, where the configuration does not tell. packed: how many latents in each direction
    the pipeline packs into one token. needs: the components that no folder can do without. text_to_image: the class,
    where the folder's own does something else.
    """

    name = ""
    standalone = True
    pipelines: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    text_to_image: str | None = None
    tasks: Mapping[str, str] = {}
    side = 1024
    packed = 1
    steps = 28
    guidance_scale = 4.5
    schedulers: tuple[str, ...] = ("native",)
    negative_prompt = True
    fixed_size = False
    output = "pt"

    def recognise(self, folder: ModelFolder) -> bool:
        return folder.pipeline in self.pipelines

    def weighted(self, folder: ModelFolder) -> tuple[str, ...]:
        parts = named(folder).items()
        return tuple(name for name, (_, cls) in parts if has_weights(cls) and name not in self.leave_out())

    # Describing, from the configuration alone

    def describe(self, folder: ModelFolder, *, name: str, builtin: bool) -> ModelInfo:
        self._check_complete(folder, name)
        try:
            side, multiple = self.geometry(folder)
            tokens = self.tokens(folder)
            decoding_bytes(folder.configs, side, side, 1)  # what will be asked before it is loaded
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise KnownError(
                f"The model {name} has a damaged config.json ({error})"[:300], "Get the folder again, whole."
            ) from error
        if not (SIDE_MIN <= side <= SIDE_MAX // 2 and 1 <= multiple <= 256):
            raise KnownError(f"The model {name} has a config.json that makes no sense", "Get it again.")
        schedulers, scheduler = self.schedulers_for(folder)
        steps, guidance_scale = self.pace(folder)
        return ModelInfo(
            name=name,
            title=name,
            path=str(folder.path),
            family=self.name,
            bytes=self.bytes_of(folder),
            width=side,
            height=side,
            size_multiple=multiple,
            sizes=((side, side),) if builtin or self.fixed_size else _shapes(side, multiple),
            steps=steps,
            guidance_scale=guidance_scale,
            scheduler=scheduler,
            schedulers=schedulers,
            max_tokens=tokens,
            tasks=self.tasks_of(folder),
            negative_prompt=self.negative_prompt,
            fixed_size=self.fixed_size,
            builtin=builtin,
        )

    def geometry(self, folder: ModelFolder) -> tuple[int, int]:
        """(side of a picture, what width and height must be multiples of), in pixels."""
        network = folder.configs.get("transformer") or folder.configs.get("unet") or {}
        factor = downsampling(folder.configs.get("vae", {}))
        patch = network.get("patch_size", 1)
        multiple = factor * max(int(patch[0] if isinstance(patch, list) else patch or 1), self.packed)
        sample = network.get("sample_size")
        if isinstance(sample, list):
            sample = sample[0]
        return (int(sample) * factor if sample else self.side), multiple

    def tokens(self, folder: ModelFolder) -> int:
        """How many tokens of a prompt are read; 0 where a text encoder has no limit of its own."""
        length = folder.configs.get("text_encoder", {}).get("max_position_embeddings")
        # CLIP's own start and end take two; the long encoders read whatever the pipeline gives them
        return int(length) - 2 if isinstance(length, int) and length < 300 else 0

    def schedulers_for(self, folder: ModelFolder) -> tuple[tuple[str, ...], str]:
        """(those offered, the one to begin with)."""
        return self.schedulers, self.schedulers[0]

    def pace(self, folder: ModelFolder) -> tuple[int, float]:
        """(steps, guidance_scale) to begin with."""
        return self.steps, self.guidance_scale

    def tasks_of(self, folder: ModelFolder) -> tuple[str, ...]:
        return ("text_to_image", *self.more_tasks(folder))

    def more_tasks(self, folder: ModelFolder) -> Mapping[str, str]:
        """What it does beside drawing from a text alone, by the class that does it."""
        return self.tasks

    def bytes_of(self, folder: ModelFolder) -> int:
        return folder.bytes

    def _check_complete(self, folder: ModelFolder, name: str) -> None:
        parts = named(folder)
        if not parts:
            raise KnownError(f"The model {name} names no parts", "Get the folder again in diffusers layout, whole.")
        for component in dict.fromkeys((*parts, *self.needs)):
            if component in self.leave_out():
                continue
            if component not in parts or not _is_usable(folder, component, parts[component][1]):
                raise KnownError(
                    f"The model {name} has no usable {component.replace('_', ' ')}",
                    "Get the folder again in diffusers layout, whole.",
                )

    # Loading

    def load(
        self,
        info: ModelInfo,
        *,
        device: "Device",
        plan: MemoryPlan,
        token: CancelToken,
        on_progress: Callable[[int, int], None],
    ) -> LoadedModel:
        from desktop.engine.families.components import Reader
        from desktop.engine.families.sources import fingerprint, open_model, read_file
        from desktop.engine.hardware import dtype_for

        folder = open_model(Path(info.path))
        dtype = dtype_for(device, info.bytes)
        finish = _as_it_is
        if plan.eight_bit:
            from desktop.engine.eight_bit import shrink as finish
        reader = Reader(info.bytes, token, on_progress, finish)
        home = device.kind if plan.placement == Placement.DEVICE else "cpu"  # offloading moves them there and back
        if folder.path.is_file():
            parts = read_file(
                folder.path, dtype=dtype, device=home, token=token, on_progress=on_progress, finish=finish
            )
        else:
            parts = reader.read(folder, dtype=dtype, device=home, leave_out=self.leave_out())
        with explained(info.title):
            pipelines, more = self.build(folder, parts, reader=reader, dtype=dtype, device=home)
            for pipeline in pipelines.values():
                pipeline.set_progress_bar_config(disable=True)
            view, fitted = self.preview_of(folder, parts)
            networks = [part for part in [*parts.values(), *more.values()] if hasattr(part, "named_modules")]
            return LoadedModel(
                info=info,
                pipelines=pipelines,
                parts=more,
                hooks=CancelHooks(networks),
                scheduler_config=dict(scheduler_of(folder)),
                preview=view,
                preview_is_fitted=fitted,
                dtype=dtype,
                device=device.kind,
                plan=plan,
                configs=folder.configs,
                fingerprint=fingerprint(folder.path),
            )

    def leave_out(self) -> tuple[str, ...]:
        """Components that are not read."""
        return ()

    def inpaints_only(self, folder: ModelFolder) -> bool:
        """Whether its network was made to take in a mask and what is around it, beside the picture being drawn."""
        return False

    def build(
        self, folder: ModelFolder, parts: dict[str, Any], *, reader: Any, dtype: "torch.dtype", device: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(the pipelines by task, what the family keeps beside them)."""
        if self.inpaints_only(folder):  # a mask of all of it stands in where there is none; see arguments()
            one = assemble(self.more_tasks(folder)["inpaint"], parts, folder.index)
            return dict.fromkeys(self.tasks_of(folder), one), {}
        found = {}
        for task in self.tasks_of(folder):
            cls = self.text_to_image or folder.pipeline if task == "text_to_image" else self.more_tasks(folder)[task]
            found[task] = assemble(cls, parts, folder.index)
        return found, {}

    def preview_of(self, folder: ModelFolder, parts: dict[str, Any]) -> "tuple[PreviewMap | None, bool]":
        """(the map of its latents to pixels, whether there is nothing to improve about it)."""
        from desktop.engine import preview

        vae = parts.get("vae")
        if vae is None:
            return None, True
        kept = preview.load(folder.path / preview.FILE_NAME, preview.channels_of(vae))
        if kept is not None:
            return kept, True
        return preview.known(vae) or preview.fit_to_vae(vae), False

    # Running

    def stages(self, model: LoadedModel, pipeline: Any, request: GenerationRequest) -> tuple[Stage, ...]:
        from desktop.engine import schedulers

        pipeline.scheduler = schedulers.make(request.scheduler, model.scheduler_config, request.seed)
        return (self.main_stage(model, pipeline, request, pipeline.scheduler),)

    def main_stage(self, model: LoadedModel, pipeline: Any, request: GenerationRequest, scheduler: Any) -> Stage:
        """The chain in the VAE's latents."""

        def latents(x_0: "torch.Tensor") -> "torch.Tensor":
            return self.unpack(pipeline, x_0, request)

        def frame(x_0: "torch.Tensor") -> "Frame":
            return model.preview.frame(latents(x_0))

        return Stage(name="main", scheduler=scheduler, steps=request.steps, frame=frame, latents=latents)

    def unpack(self, pipeline: Any, x_0: "torch.Tensor", request: GenerationRequest) -> "torch.Tensor":
        """x_0 as the scheduler sees it to (1, C, h, w)."""
        return x_0

    def arguments(self, pipeline: Any, request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
        """What the pipeline is called with, beyond the generator; what it does not take is left out."""
        wanted: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "width": request.width,
            "height": request.height,
            "use_resolution_binning": False,  # it would draw another size and stretch it
        }
        if inputs.start is not None:
            wanted |= {"image": inputs.start, "strength": request.strength}
        if inputs.mask is not None:
            wanted["mask_image"] = inputs.mask
        taken = inspect.signature(type(pipeline).__call__).parameters
        if "mask_image" in taken and inputs.mask is None:  # made for inpainting, and asked to draw all of it
            wanted |= _all_of_it(request, inputs)
        return {name: value for name, value in wanted.items() if name in taken}

    def draw(
        self,
        model: LoadedModel,
        pipeline: Any,
        request: GenerationRequest,
        inputs: Inputs,
        generator: "torch.Generator",
    ) -> Any:
        arguments = self.arguments(pipeline, request, inputs)
        return pipeline(**arguments, generator=generator, output_type=self.output, return_dict=False)[0][0]


def _is_usable(folder: ModelFolder, component: str, cls: str) -> bool:
    """Whether a component's configuration is there; a tokenizer and its like may have files of any names."""
    if has_weights(cls) or "Scheduler" in cls:
        return component in folder.configs
    return folder.path.is_file() or next((folder.path / component).glob("*"), None) is not None


def _all_of_it(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    """What an inpainting pipeline is given to draw the whole picture; without a start picture, from noise alone."""
    from PIL import Image

    whole: dict[str, Any] = {"mask_image": Image.new("L", (request.width, request.height), 255)}
    if inputs.start is None:
        whole |= {"image": Image.new("RGB", (request.width, request.height), (127, 127, 127)), "strength": 1.0}
    return whole


def _as_it_is(part: Any) -> None:
    return None


class explained:
    """Turns whatever the libraries raise for nonsense in configuration files into one sentence."""

    def __init__(self, title: str) -> None:
        self._title = title

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from desktop.engine.cancel import JobCancelled
        from desktop.engine.hardware import is_out_of_memory

        if error is None or isinstance(error, KnownError | JobCancelled) or not isinstance(error, Exception):
            return
        if is_out_of_memory(error):
            return
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise KnownError(
            f"The configuration of {self._title} does not work ({reason[:200]})", "Get the model again, whole."
        ) from error


def assemble(cls_name: str, parts: Mapping[str, Any], index: Mapping[str, Any]) -> Any:
    """The pipeline of that class over the parts it takes. Raises KnownError where diffusers has no such class."""
    import diffusers

    cls = getattr(diffusers, cls_name, None) if cls_name.isidentifier() else None
    if not (isinstance(cls, type) and issubclass(cls, diffusers.DiffusionPipeline)):
        raise KnownError(
            f"This version knows no pipeline called {cls_name[:60]}", "Choose another model, or a newer Safelight."
        )
    given: dict[str, Any] = {}
    taken = inspect.signature(cls.__init__).parameters
    for name in taken:
        if name in parts:
            given[name] = parts[name]
        elif name in SKIPPED or index.get(name) == [None, None]:  # the folder says that it has none
            given[name] = None
        elif name in index and not name.startswith("_") and isinstance(index[name], bool | int | float):
            given[name] = index[name]  # a setting of the pipeline's own
    given |= {name: False for name in ("requires_safety_checker", "add_watermarker") if name in taken}
    pipeline = cls(**given)
    pipeline.scheduler.set_timesteps(2) if hasattr(pipeline, "scheduler") and _plain(pipeline.scheduler) else None
    return pipeline


def _plain(scheduler: Any) -> bool:
    """Whether set_timesteps needs nothing but a number; some settings are looked at there only."""
    return not scheduler.config.get("use_dynamic_shifting")


def downsampling(vae: Mapping[str, Any]) -> int:
    """Pixels a latent stands for in each direction, from a VAE's configuration; 1 where there is no VAE."""
    if "encoder_block_out_channels" in vae:
        return 2 ** (len(vae["encoder_block_out_channels"]) - 1)
    if "temperal_downsample" in vae:
        return 2 ** len(vae["temperal_downsample"])
    if "block_out_channels" in vae:
        return 2 ** (len(vae["block_out_channels"]) - 1)
    return 1


def _shapes(side: int, multiple: int) -> tuple[tuple[int, int], ...]:
    """Square, upright and lying, at two to three, of multiples the model can do."""
    long, short = (max(multiple, round(side * share / multiple) * multiple) for share in (1.25, 0.83))
    if side < 768:  # the models of 512 pixels were trained on one side of that length
        long, short = max(multiple, round(side * 1.5 / multiple) * multiple), side
    return ((side, side), (short, long), (long, short))
