"""How much memory this machine has. No torch: what a graphics card has is handed in by whoever knows."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """ram_bytes: the memory of the processor. device_bytes: that of a graphics card; None where the processor draws."""

    ram_bytes: int
    device_bytes: int | None = None


def this_machine(device_bytes: int | None = None) -> Machine:
    return Machine(ram_bytes=_ram_bytes(), device_bytes=device_bytes)


def _ram_bytes() -> int:
    if sys.platform == "win32":
        import ctypes

        class Status(ctypes.Structure):  # MEMORYSTATUSEX
            _fields_ = (
                ("length", ctypes.c_ulong),
                ("load", ctypes.c_ulong),
                *((name, ctypes.c_ulonglong) for name in ("total", "free", "f1", "f2", "v1", "v2", "v3")),
            )

        status = Status(length=ctypes.sizeof(Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return status.total
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
