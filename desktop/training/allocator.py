"""Memory that a training step gives back is kept for the next one.

The C library of Linux hands large blocks back to the system as soon as they are free, and the system has to clear them
page by page when the next step asks for as much again. That took half of the processor's time: in ten seconds of
encoding at 256x256, 4.9 s of the system's beside 5.1 s of the program's own, and none with the settings below.
"""

from __future__ import annotations

import ctypes
import platform

# Numbers of glibc's malloc.h, for mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_MOST = 2**31 - 1  # bytes; mallopt takes no larger number
_STEP = 128 * 2**20  # bytes more than asked for, each time the system is asked


def keep_freed_memory() -> bool:
    """For the whole process and for good; to be called before numpy or torch is imported, whose threads have their own
    memory else. False where there is no glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _MOST), (_TOP_PAD, _STEP), (_ARENA_MAX, 1))
    return all(mallopt(option, value) == 1 for option, value in wanted)
