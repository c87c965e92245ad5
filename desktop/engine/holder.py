"""The model in memory: loading it by a plan, keeping it between jobs, and the preview map that goes with it."""

import dataclasses
import gc
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.engine import memory
from desktop.engine.cancel import CancelToken
from desktop.errors import KnownError
from desktop.messages import Event, ModelInfo, Phase, PhaseChanged, PlanChosen

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import Family, LoadedModel
    from desktop.engine.hardware import Device

_log = logging.getLogger(__name__)


class ModelHolder:
    """Holds one model at a time; of the engine's thread only.

    Attributes: loaded, the model and its family, None while there is none; plan, how it is loaded or was last tried to
    be; mode, of memory.MODES.
    previews: a folder for maps from latents to pixels that were fitted here; None keeps none. on_unload: called before
    a model is let go of.
    """

    def __init__(
        self,
        device: "Device",
        previews: Path | None,
        emit: Callable[[Event], None],
        mode: str,
        on_unload: Callable[[], None],
    ) -> None:
        self.loaded: tuple[LoadedModel, Family] | None = None
        self.plan: memory.MemoryPlan | None = None
        self.mode = mode
        self._told: PlanChosen | None = None
        self._device = device
        self._previews = previews
        self._emit = emit
        self._on_unload = on_unload
        self._loaded_by = mode  # the mode that the model in memory was loaded by

    def load(
        self, info: ModelInfo, job_id: str | None, token: CancelToken, plan: memory.MemoryPlan | None = None
    ) -> "tuple[LoadedModel, Family]":
        """The model, from memory where it is the one already loaded and its files are the same.

        plan: how, where it is not to be chosen from what is free. Raises KnownError, JobCancelled.
        """
        from desktop.engine.families import FAMILIES
        from desktop.engine.families.sources import fingerprint
        from desktop.engine.hardware import lay_channels_last

        mode = self.mode  # another thread sets it
        if self.loaded is not None:
            held = self.loaded[0]
            same = held.info == info and held.fingerprint == fingerprint(Path(info.path))
            if same and (plan == held.plan or (plan is None and self._loaded_by == mode)):
                return self.loaded
        self.unload()
        self._loaded_by = mode
        self.plan = None
        family = next((f for f in FAMILIES if f.name == info.family), None)
        if family is None:
            raise KnownError(f"Safelight does not know how to run {info.title}", "Choose another model.")
        need, free = self._need(info, family), memory.free_now(self._device)
        chosen = plan or memory.choose(self._device.kind, need, free, mode)
        self.plan = chosen
        text = memory.words(chosen, need, free, self._device)
        _log.info("%s", text)
        self._told = PlanChosen(job_id=job_id, model=info.title, plan=chosen.mode, text=text)
        self._emit(self._told)
        began = time.perf_counter()

        def on_progress(done: int, total: int) -> None:
            self._emit(
                PhaseChanged(
                    job_id=job_id,
                    phase=Phase.LOADING,
                    model=info.title,
                    done_bytes=done,
                    total_bytes=total,
                )
            )

        model = family.load(info, device=self._device, plan=chosen, token=token, on_progress=on_progress)
        lay_channels_last(_drawing_networks(model))
        self._take_preview(model)
        self.loaded = model, family
        _log.info("loaded a %s model in %.1f s", info.family, time.perf_counter() - began)
        return self.loaded

    def plan_with(self, words: str) -> PlanChosen:
        """What was told of the plan, and a sentence more."""
        assert self._told is not None
        return dataclasses.replace(self._told, job_id=None, text=f"{self._told.text} {words}")

    def unload(self) -> None:
        self._on_unload()
        self.loaded = None
        self.free()

    def free(self) -> None:
        gc.collect()
        if self._device.kind == "cuda":
            import torch

            torch.cuda.empty_cache()

    def is_tiled(self, model: "LoadedModel", width: int, height: int) -> bool:
        """Whether a picture of this size has to be decoded in tiles, by what is free now."""
        if model.plan.tiled:
            return True
        taken = memory.decoding_bytes(model.configs, width, height, model.dtype.itemsize)
        return taken > memory.free_now(self._device).device * memory.SPARE

    def keep_preview(self, model: "LoadedModel") -> None:
        """Keep a map that was fitted to a finished picture for the next time the model is loaded."""
        from desktop.engine import preview

        path = self._preview_file(model)
        if path is None or model.preview is None or not model.preview_is_fitted or path.exists():
            return
        if (Path(model.info.path) / preview.FILE_NAME).exists():
            return  # its makers gave one
        try:
            preview.save(path, model.preview)
        except KnownError:
            _log.exception("a preview map cannot be kept")  # it is made again from the next picture

    def _need(self, info: ModelInfo, family: "Family") -> memory.Need:
        from desktop.engine.families.sources import open_model
        from desktop.engine.hardware import dtype_for

        folder = open_model(Path(info.path))
        item = dtype_for(self._device, info.bytes).itemsize
        if folder.path.is_file():
            numbers = {"file": memory.numbers_in_file(folder.path)}
        else:
            numbers = memory.numbers_in(folder.path, family.weighted(folder))
        beside = info.bytes - folder.bytes  # the other half of a model, in another folder
        if beside > 0 and folder.bytes > 0:
            numbers["beside"] = sum(numbers.values()) * beside // folder.bytes
        return memory.need_of(info, folder.configs, numbers, item)

    def _take_preview(self, model: "LoadedModel") -> None:
        """The map that was fitted to an earlier picture of the same model, where there is one."""
        from desktop.engine import preview

        path = self._preview_file(model)
        if model.preview is None or model.preview_is_fitted or path is None:
            return
        kept = preview.load(path, model.preview.weight.shape[1])
        if kept is not None:
            model.preview, model.preview_is_fitted = kept, True

    def _preview_file(self, model: "LoadedModel") -> Path | None:
        return None if self._previews is None else self._previews / f"{model.fingerprint}.safetensors"


def _drawing_networks(model: "LoadedModel") -> "list[torch.nn.Module]":
    """Those of all its pipelines, once each; text encoders have no convolutions worth the name."""
    import torch

    found = {
        id(part): part
        for pipeline in (*model.pipelines.values(), *model.parts.values())
        for part in getattr(pipeline, "components", {}).values()
        if isinstance(part, torch.nn.Module)
    }
    return list(found.values())
