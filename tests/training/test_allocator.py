import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, threading
from desktop.training.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
import numpy as np

def steps(count):
    for _ in range(count):
        np.ones(12_000_000, np.float32)

worker = threading.Thread(target=lambda: (steps(3), found.append(faults()), steps(20), found.append(faults())))
found = []
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
worker.start()
worker.join()
print(found[1] - found[0])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it speaks to glibc")
def test_a_step_that_asks_for_the_same_memory_again_finds_it_ready():
    def faults(how):
        pages = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}  # small ones, as torch has them
        said = subprocess.run(
            [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True, env=pages
        )
        return int(said.stdout)

    assert faults("kept") < 1000 < 100_000 < faults("as it is")
