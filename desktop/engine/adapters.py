"""LoRA files on a loaded model: put on, changed in weight, and taken off without a trace.

The weights of the model itself are never written to: peft puts a layer in front of each one that a LoRA changes, and
taking the LoRA off puts the very layer back. So the pixels return to what they were, bit for bit.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.hardware import is_out_of_memory
from desktop.engine.lora_weights import COMPONENTS, Change, read_lora
from desktop.errors import KnownError
from desktop.library.lora_header import matches
from desktop.library.recognise import recognise

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA file and how strongly it works; 1 is as it was trained, 0 not at all, below 0 away from it."""

    path: Path
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight) or abs(self.weight) > 10:
            raise KnownError(f"A LoRA's weight of {self.weight} makes no sense", "Use a number between -2 and 2.")


class Adapters:
    """The LoRA files on one model. One object for all pipelines that share its networks; the engine's thread only.

    pipeline: any one of them, the one with the most parts. family: of the model, as FileKind has it.
    Attributes: active, what is on the model now.
    """

    def __init__(self, pipeline: Any, family: str) -> None:
        self._pipeline = pipeline
        self._family = family
        self._names: dict[tuple[Path, int, int], str] = {}  # a file as it was read, and peft's name for it
        self._count = 0
        self.active: tuple[Adapter, ...] = ()

    def apply(self, wanted: Sequence[Adapter]) -> None:
        """Make exactly these LoRA files work, in this order; one that is there already is not read again.

        Raises KnownError, naming the file, where one does not fit; then those that worked before work again.
        """
        wanted = tuple(adapter for adapter in wanted if adapter.weight != 0)
        files = [_identity(adapter.path) for adapter in wanted]
        if len({file[0] for file in files}) < len(files):
            raise KnownError("The same LoRA is given twice", "Give it once, with the weight it should have.")
        if wanted == self.active and all(file in self._names for file in files):
            return
        added = []
        try:
            for adapter, file in zip(wanted, files, strict=True):
                if file not in self._names:
                    self._count += 1
                    name = f"lora_{self._count}"
                    added.append(file)
                    self._names[file] = name
                    self._put_on(adapter.path, name)
        except BaseException:
            self._take_off(added)
            self._turn_on(self.active)
            raise
        self._take_off([file for file in self._names if file not in files])
        self._turn_on(wanted)
        self.active = wanted

    def clear(self) -> None:
        """Take all of them off."""
        self.apply(())

    def _put_on(self, path: Path, name: str) -> None:
        kind = recognise(path)
        listens = getattr(getattr(self._pipeline, "unet", None), "config", {}).get("cross_attention_dim")
        told = matches(kind, self._family, width=listens if isinstance(listens, int) else None)
        if told is not None:
            raise KnownError(f"{path.name}: {told.message}", told.hint)
        try:
            changes = read_lora(path, self._pipeline, _dtype(self._pipeline))
            for component, layers in changes.items():
                _inject(getattr(self._pipeline, component), name, layers)
        except KnownError:
            raise
        except Exception as error:  # peft and safetensors raise a dozen kinds
            if is_out_of_memory(error):
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise KnownError(
                f"The LoRA {path} cannot be applied ({reason[:200]})", "Get the file again, or choose another."
            ) from error

    def _take_off(self, files: Sequence[tuple[Path, int, int]]) -> None:
        names = [self._names.pop(file) for file in files]
        for network in self._networks() if names else ():
            _remove(network, names)

    def _turn_on(self, adapters: Sequence[Adapter]) -> None:
        weights = {self._names[_identity_of(self._names, a.path)]: a.weight for a in adapters}
        for network in self._networks():
            for layer in _tuner_layers(network).values():
                here = [name for name in weights if name in layer.lora_A]
                layer.set_adapter(here, inference_mode=True)
                for name in here:
                    layer.set_scale(name, weights[name])

    def _networks(self) -> "list[torch.nn.Module]":
        parts = (getattr(self._pipeline, name, None) for name in COMPONENTS)
        return [part for part in parts if part is not None]


def _identity(path: Path) -> tuple[Path, int, int]:
    """A file that is written anew is another file. Raises KnownError where it cannot be looked at."""
    try:
        stat = path.stat()
    except (OSError, ValueError) as error:
        raise KnownError(f"There is no LoRA file {str(path)[:300]}", "Check the path.") from error
    return path.absolute(), stat.st_mtime_ns, stat.st_size


def _identity_of(names: Mapping[tuple[Path, int, int], str], path: Path) -> tuple[Path, int, int]:
    """What was read from the path, even where the file has gone since."""
    return next(file for file in names if file[0] == path.absolute())


def _dtype(pipeline: Any) -> "torch.dtype":
    """Of the network that draws; one that is quantised says what it computes in."""
    network = getattr(pipeline, "unet", None)
    return (network if network is not None else pipeline.transformer).dtype


def _inject(network: "torch.nn.Module", name: str, layers: Mapping[str, Change]) -> None:
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict

    weights = {}
    for layer, change in layers.items():
        weights[f"{layer}.lora_A.weight"] = change.down
        weights[f"{layer}.lora_B.weight"] = change.up
    ranks = {layer: change.down.shape[0] for layer, change in layers.items()}
    most = Counter(ranks.values()).most_common(1)[0][0]
    # peft tries every pattern on every layer, so only the ranks that differ are given as patterns.
    others = {f"^{re.escape(layer)}": rank for layer, rank in ranks.items() if rank != most}
    config = LoraConfig(
        r=most,
        lora_alpha=most,  # a scale of one: the file's own is in the weights
        rank_pattern=others,
        alpha_pattern=others,
        target_modules=list(layers),
        inference_mode=True,
        init_lora_weights=False,
    )
    before = network.__dict__.pop("peft_config", {})  # where peft finds one, it warns that there will be two
    try:
        inject_adapter_in_model(config, network, adapter_name=name, low_cpu_mem_usage=True, state_dict=weights)
    finally:
        network.peft_config = before | getattr(network, "peft_config", {})
    told = set_peft_model_state_dict(network, weights, adapter_name=name, low_cpu_mem_usage=True)
    empty = [key for key, weight in network.named_parameters() if weight.is_meta and f".{name}." in key]
    if told.unexpected_keys or empty:
        raise ValueError(f"{len(told.unexpected_keys) + len(empty)} of its weights found no place")
    for layer, change in layers.items():  # peft makes them as the layer's own weights are, which may be of eight bits
        put_on = network.get_submodule(layer)
        for half, weight in ((put_on.lora_A[name], change.down), (put_on.lora_B[name], change.up)):
            if half.weight.dtype != weight.dtype:
                half.weight.data = weight.to(half.weight.device)
    # Weights that ask for a gradient make torch multiply along another path, with other last digits.
    network.requires_grad_(False)


def _remove(network: "torch.nn.Module", names: Sequence[str]) -> None:
    for path, layer in _tuner_layers(network).items():
        for name in names:
            if name in layer.lora_A:
                layer.delete_adapter(name)
        if not layer.lora_A:
            parent, _, child = path.rpartition(".")
            setattr(network.get_submodule(parent), child, layer.get_base_layer())
    configs = getattr(network, "peft_config", None)
    if configs is not None:
        for name in names:
            configs.pop(name, None)
        if not configs:
            del network.peft_config


def _tuner_layers(network: "torch.nn.Module") -> dict[str, Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return {name: module for name, module in network.named_modules() if isinstance(module, BaseTunerLayer)}
