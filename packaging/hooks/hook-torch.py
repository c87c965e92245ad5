"""torch: what running networks needs. Takes the place of the hook that comes with PyInstaller.

The sources go in as well, because torch.jit and the typed configuration modules read their own.
"""

import importlib.metadata
import sys

from bundle.left_out import left_out
from bundle.reachable import folder_of, modules_under
from PyInstaller.utils.hooks import logger

module_collection_mode = "pyz+py"
warn_on_missing_hiddenimports = False
hiddenimports = modules_under("torch", left_out())

_torch = folder_of("torch")
_LIBRARIES = {"linux": ("*.so", "*.so.*"), "darwin": ("*.dylib",), "win32": ("*.dll",)}
# Libraries of torch's own tests, and of exported programs that are run without Python.
_TESTS = ("torchbind_test", "backend_with_compiler", "jitbackend_test", "aoti_custom_ops")
binaries = [
    (str(path), f"torch/{path.parent.relative_to(_torch).as_posix()}")
    for pattern in _LIBRARIES.get(sys.platform, ())
    for path in (_torch / "lib").rglob(pattern)
    if not any(word in path.name for word in _TESTS)
]
# `import torch` stops where this is missing: it hands tensors to other processes.
binaries += [(str(path), "torch/bin") for path in (_torch / "bin").glob("torch_shm_manager*")]
# A build for AMD's cards keeps compiled kernels beside its libraries.
datas = [
    (str(_torch / "lib" / name), f"torch/lib/{name}")
    for name in ("rocblas", "hipblaslt", "hipsparselt", "aotriton.images")
    if (_torch / "lib" / name).is_dir()
]

if sys.platform == "linux":
    # Links at the top of the bundle would make torch look for the libraries beside them in the wrong place.
    bindepend_symlink_suppression = ["**/torch/lib/*.so*"]
    # A build for NVIDIA's cards has CUDA in packages of its own, which only its metadata names.
    from _pyinstaller_hooks_contrib.utils import nvidia_cuda
    from packaging.requirements import Requirement

    _requirements = [Requirement(text) for text in importlib.metadata.requires("torch") or ()]
    _names = [r.name for r in _requirements if r.marker is None or r.marker.evaluate()]
    _nvidia = nvidia_cuda.infer_hiddenimports_from_requirements(_names)
    logger.info("hook-torch: CUDA packages: %s", _nvidia or "none")
    hiddenimports += _nvidia
