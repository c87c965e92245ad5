"""Which device does the arithmetic, and in which precision."""

import contextlib
import os
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

# Below this a model runs in float32 on a CPU: it is fast enough, and exact on every machine.
BIG_MODEL_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """kind: torch's device type, "cpu", "cuda", "mps" or "xpu". title: words for people.

    trouble: why a graphics card that is there is not used, a sentence; empty where nothing is wrong.
    """

    kind: str
    title: str
    trouble: str = ""


def find_device() -> Device:
    """The fastest device that works; the CPU always does. ROCm calls itself CUDA."""
    import torch

    trouble = ""
    if torch.version.cuda or torch.version.hip:
        title, trouble = _try_card("cuda")
        if title:
            return Device(kind="cuda", title=title)
    if torch.backends.mps.is_available():
        return Device(kind="mps", title="Apple GPU")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        title, trouble = _try_card("xpu")
        if title:
            return Device(kind="xpu", title=title)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Device(kind="cpu", title=f"CPU, {cores} cores" if cores > 1 else "CPU, 1 core", trouble=trouble)


def _try_card(kind: str) -> tuple[str, str]:
    """(its name where it computes, why it does not where there is one). One addition is the proof: a card that is too
    old for this torch, or whose driver is, is found as well, and fails only then.
    """
    import torch

    card = getattr(torch, kind)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = card.is_available()
    if not there:
        return "", _no_driver(" ".join(str(warning.message) for warning in said))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cards this torch has no code for; the addition tells
            name = card.get_device_name(0)
    except Exception as error:  # drivers fail in ways of their own
        return "", _sentence("The graphics card", str(error))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert float((torch.ones(1, device=kind) + 1).cpu()) == 2.0
    except Exception as error:
        return "", _sentence(name, str(error))
    return name, ""


def _sentence(name: str, reason: str) -> str:
    if "no kernel image" in reason or "not compatible" in reason:
        return f"{name} is too old for this version of Safelight, so pictures are made on the processor."
    if "out of memory" in reason:
        return f"The memory of {name} is taken by other programs, so pictures are made on the processor."
    first = reason.strip().splitlines()[0][:200] if reason.strip() else "it gives no reason"
    return f"{name} does not compute ({first}), so pictures are made on the processor; a newer driver may help."


def _no_driver(said: str) -> str:
    if "too old" in said:
        return "The graphics card's driver is too old, so pictures are made on the processor; install a newer driver."
    if _vendors() & {NVIDIA, AMD}:
        return "The graphics card has no driver that works, so pictures are made on the processor; install its driver."
    return ""


NVIDIA, AMD = "0x10de", "0x1002"  # as the PCI ID repository has them


def _vendors() -> set[str]:
    """Of the display controllers (PCI class 03) of this computer; nothing where the system does not tell so."""
    found = set()
    for device in Path("/sys/bus/pci/devices").glob("*"):
        with contextlib.suppress(OSError):
            if (device / "class").read_text().startswith("0x03"):
                found.add((device / "vendor").read_text().strip())
    return found


def device_bytes(device: Device) -> int | None:
    """All the memory of a graphics card; None where the device shares the processor's."""
    import torch

    if device.kind not in ("cuda", "xpu"):
        return None
    return getattr(torch, device.kind).mem_get_info()[1]


def dtype_for(device: Device, weights_bytes: int) -> "torch.dtype":
    """bfloat16 where the device computes in it natively and the model is big, else float32.

    On the two-core machine the figures in tests/benchmarks come from, bfloat16 halves a Stable Diffusion 1.5 step.
    """
    import torch

    if weights_bytes < BIG_MODEL_BYTES:
        return torch.float32
    if device.kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.kind in ("mps", "xpu"):
        return torch.float16 if device.kind == "mps" else torch.bfloat16
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def lay_channels_last(networks: "Iterable[torch.nn.Module]") -> None:
    """Let convolutions' weights lie with the channels last, as the fast kernels of graphics cards and processors read
    them; see tests/benchmarks/README.md for what it brings.
    """
    import torch

    for network in networks:
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.to(memory_format=torch.channels_last)


def is_out_of_memory(error: BaseException) -> bool:
    """Every device tells of it in other words, and most of them as a plain RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = (
        "allocate memory",
        "out of memory",
        "not enough memory",
        "alloc_failed",
        "bad_alloc",
        "invalid buffer size",
    )
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)


def is_misfit(error: BaseException) -> bool:
    """Whether a network that a pipeline called was given numbers by another part of its model that it has no place for.

    Told by torch's words and by where it happened: in a network, with nothing of Safelight's own between that and the
    pipeline.
    """
    words = ("shapes cannot be multiplied", "given groups=", "given normalized_shape=", "must match the size of tensor")
    if not isinstance(error, RuntimeError) or not any(word in str(error).lower() for word in words):
        return False
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    pipelines = [place for place, name in enumerate(modules) if name.startswith("diffusers.pipelines.")]
    called = modules[pipelines[-1] + 1 :] if pipelines else []
    in_network = bool(called) and called[-1].startswith(("torch.nn.", "diffusers.models.", "transformers."))
    return in_network and not any(name.startswith("desktop.") for name in called)


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX-512 BF16, AMX); emulated, it is slower than float32."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())
