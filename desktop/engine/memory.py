"""What a model needs, what is free, and how it is spread over the two: decided before anything is loaded."""

import enum
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from desktop.errors import KnownError
from desktop.library import header
from desktop.settings import MemoryMode

if TYPE_CHECKING:
    from desktop.engine.hardware import Device
    from desktop.messages import ModelInfo

SPARE = 0.9  # of what is free may be planned with; the rest is the allocator's and other programs'
# Feature maps of the width of its outermost level that a VAE's decoder holds at once. Measured with the decoder of
# Stable Diffusion 1.5's size at 512 and 768 pixels in float32, 8.3 and 8.1: tests/benchmarks/decode_memory.py.
DECODER_MAPS = 9
# Of weights in 16 bits; more than half, as norms, embeddings and the VAE stay as they are.
EIGHT_BIT_SHARE = 0.6
TILE = 512  # pixels; diffusers' decoders work in tiles of the size they were trained at


class Placement(enum.StrEnum):
    """Where the weights are while a picture is made."""

    DEVICE = "device"  # all of them where the arithmetic is done
    OFFLOAD = "offload"  # one network at a time on the device, the others in the computer's memory
    SEQUENTIAL = "sequential"  # one layer at a time


EIGHT_BIT = "8bit"
MODES = get_args(MemoryMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """In bytes, in the precision it runs in. weights: all networks; largest: the largest; decoding: a whole picture's
    way through the VAE, and tile: that of one tile.
    """

    weights: int
    largest: int
    decoding: int
    tile: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """In bytes. device: of the device that does the arithmetic; memory: the computer's. Equal where they are one."""

    device: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """tiled: the VAE decodes in tiles, which takes a little longer and can show faintly at their seams. eight_bit:
    weights are kept in eight bits, which changes the picture a little.
    """

    placement: Placement
    tiled: bool = False
    eight_bit: bool = False

    @property
    def mode(self) -> str:
        """Of MODES: what the user calls it."""
        return EIGHT_BIT if self.eight_bit else self.placement.value


def ladder(kind: str) -> tuple[MemoryPlan, ...]:
    """Every plan for a kind of device, from the quickest to the one that needs least."""
    whole = (MemoryPlan(placement=Placement.DEVICE), MemoryPlan(placement=Placement.DEVICE, tiled=True))
    if kind == "cpu":
        return (*whole, MemoryPlan(placement=Placement.DEVICE, tiled=True, eight_bit=True))
    offload = (MemoryPlan(placement=Placement.OFFLOAD), MemoryPlan(placement=Placement.OFFLOAD, tiled=True))
    small = (MemoryPlan(placement=Placement.OFFLOAD, tiled=True, eight_bit=True),)
    if kind == "mps":  # which has no eight-bit numbers
        small = ()
    return (*whole, *offload, *small, MemoryPlan(placement=Placement.SEQUENTIAL, tiled=True))


def fits(plan: MemoryPlan, need: Need, free: Free) -> bool:
    decoding = need.tile if plan.tiled else need.decoding
    held = {
        Placement.DEVICE: need.weights,
        Placement.OFFLOAD: need.largest,
        Placement.SEQUENTIAL: need.largest // 20,  # a layer of the largest network, and the next on its way
    }[plan.placement]
    if plan.eight_bit:
        held = int(held * EIGHT_BIT_SHARE)
    if held + decoding > free.device * SPARE:
        return False
    return plan.placement == Placement.DEVICE or need.weights <= free.memory * SPARE


def choose(kind: str, need: Need, free: Free, mode: str = "auto") -> MemoryPlan:
    """The quickest plan that fits, or the one that needs least where none does. mode: of MODES, the user's word.

    Raises KnownError for a mode there is none of.
    """
    if mode not in MODES:
        raise KnownError(f"There is no way to use memory called {mode[:40]!r}", f"Choose one of {', '.join(MODES)}.")
    plans = [plan for plan in ladder(kind) if mode in ("auto", plan.mode)] or list(ladder(kind))
    return next((plan for plan in plans if fits(plan, need, free)), plans[-1])


def cheaper(plan: MemoryPlan, kind: str, *, decoding: bool = True) -> MemoryPlan | None:
    """The next plan that needs less; None after the last.

    decoding: whether the VAE is to need less; else the networks before it, which tiles do not help.
    """
    plans = ladder(kind)
    later = plans[plans.index(plan) + 1 :] if plan in plans else ()
    return next((other for other in later if decoding or other.mode != plan.mode), None)


def words(plan: MemoryPlan, need: Need, free: Free, device: "Device") -> str:
    """One line: what is done and why."""
    where = device.title
    has = f"the model takes {_gigabytes(need.weights)} and {_gigabytes(free.device)} are free"
    how = {
        Placement.DEVICE: f"All of it on {where}",
        Placement.OFFLOAD: f"One network at a time on {where}",
        Placement.SEQUENTIAL: f"One layer at a time on {where}, which is slow",
    }[plan.placement]
    bits = ", its weights in eight bits" if plan.eight_bit else ""
    tiles = ", decoding in tiles" if plan.tiled else ""
    late = "" if fits(plan, need, free) else "; that may not be enough"
    return f"{how}{bits}{tiles}: {has}{late}."


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"


def need_of(info: "ModelInfo", configs: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int], item: int) -> Need:
    """sizes: numbers in each network. item: bytes of one."""
    return Need(
        weights=sum(sizes.values()) * item,
        largest=max(sizes.values(), default=0) * item,
        decoding=decoding_bytes(configs, info.width, info.height, item),
        tile=decoding_bytes(configs, min(TILE, info.width), min(TILE, info.height), item),
    )


def decoding_bytes(configs: Mapping[str, Mapping[str, Any]], width: int, height: int, item: int) -> int:
    """What turning latents into pixels takes beside the weights; nothing for a model without a VAE."""
    vae = configs.get("vae") or configs.get("movq") or {}
    widths = vae.get("block_out_channels") or vae.get("decoder_block_out_channels") or [vae.get("base_dim") or 0]
    return int(width * height * int(widths[0]) * item * DECODER_MAPS)


def numbers_in(folder: Path, components: tuple[str, ...]) -> dict[str, int]:
    """How many numbers each component's weights hold, from the headers. Raises KnownError for damaged ones."""
    found: dict[str, int] = {}
    for component in components:
        found[component] = sum(numbers_in_file(path) for path in _of_one_precision(folder / component))
    return found


def numbers_in_file(path: Path) -> int:
    """How many numbers a weights file holds. Raises KnownError for a damaged one."""
    if path.suffix.lower() == ".gguf":
        return path.stat().st_size  # quantised to about a byte each, and kept so
    return sum(math.prod(tensor.shape) for tensor in header.read(path).tensors.values())


def _of_one_precision(folder: Path) -> list[Path]:
    """The files that are read, where a folder holds the same weights in two precisions."""
    files = sorted(folder.glob("*.safetensors"))
    whole = [file for file in files if ".fp16" not in file.name]
    return whole or files


def free_now(device: "Device") -> Free:
    """What is free this moment."""
    memory = _free_memory()
    if device.kind == "cuda":
        import torch

        return Free(device=_free_on(torch.cuda), memory=memory)
    if device.kind == "xpu":
        import torch

        return Free(device=_free_on(torch.xpu), memory=memory)
    return Free(device=memory, memory=memory)  # the processor and Apple's GPU share the computer's memory


def _free_on(card: Any) -> int:
    """card: torch.cuda or torch.xpu. What torch keeps of earlier pictures, and nobody uses, is free as well: else the
    second picture would be decoded in tiles where the first was not, to other pixels.
    """
    return card.mem_get_info()[0] + card.memory_reserved() - card.memory_allocated()


def _free_memory() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    from desktop.library.machine import this_machine

    return this_machine().ram_bytes // 2  # systems that do not tell what is free
