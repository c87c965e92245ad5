"""Which device does the arithmetic, and in which precision."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Below this a model runs in float32 on a CPU: it is fast enough, and exact on every machine.
BIG_MODEL_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """kind: torch's device type, "cpu", "cuda", "mps" or "xpu". title: words for people."""

    kind: str
    title: str


def find_device() -> Device:
    """The fastest device that works; the CPU always does. ROCm calls itself CUDA."""
    import torch

    if torch.cuda.is_available():
        return Device(kind="cuda", title=torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Device(kind="mps", title="Apple GPU")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return Device(kind="xpu", title=torch.xpu.get_device_name(0))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Device(kind="cpu", title=f"CPU, {cores} cores" if cores > 1 else "CPU, 1 core")


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


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX-512 BF16, AMX); emulated, it is slower than float32."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())
