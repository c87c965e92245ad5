"""Importing torch behind a window that is already in use.

An import holds the interpreter lock while the system's loader maps a library and runs its constructors, and the
GUI thread waits meanwhile. Mapping the big libraries first through a foreign call, which gives the lock up, moves
that work out of the lock; the imports then find them mapped.
"""

import ctypes
import gc
import importlib
import importlib.util
import logging
import os
import sys
import threading
import time
import warnings
from pathlib import Path

_log = logging.getLogger(__name__)

# In the order in which they need each other; what is missing on a platform is passed over.
_LIBRARIES = (
    "libgomp.so.1",
    "libc10.so",
    "libtorch_cpu.so",
    "libtorch.so",
    "libshm.so",
    "libtorch_python.so",
)

_MODULES = (
    "numpy",
    "torch",
    "torch.nn.functional",
    "safetensors.torch",
    "huggingface_hub",
    "transformers",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
    "diffusers",
    "diffusers.schedulers",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img",
)


_importing = threading.Lock()  # two threads that import what imports each other may find half of it
_imported = threading.Event()


def import_torch_gently() -> None:
    """Import torch, transformers and diffusers on the calling thread, leaving the lock to others where it can.

    Once is enough; a second thread waits for the end of the first one's imports.
    """
    with _importing:
        if not _imported.is_set():
            _import()
            _imported.set()


def _import() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # only a download the user asked for may use the network
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    began = time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()  # a full collection walks every object the imports made, and holds the lock throughout
    try:
        if sys.platform == "linux" and "torch" not in sys.modules:
            _map_libraries()
        for name in _MODULES:
            importlib.import_module(name)
        for library in ("transformers", "diffusers"):  # progress is told in events, not on stderr
            importlib.import_module(f"{library}.utils.logging").disable_progress_bar()
        # diffusers' own pipelines use what diffusers is about to remove, and say so at each run
        warnings.filterwarnings("ignore", message=".*(FluxPosEmbed|Passing .callback)", category=FutureWarning)
        # diffusers rounds the ends of DPM++ SDE's Brownian tree; torchsde clamps by a millionth and says so
        warnings.filterwarnings("ignore", message="Should have t[ab]", category=UserWarning)
    finally:
        gc.freeze()  # what was imported stays for good; no later collection needs to look at it
        if collecting:
            gc.enable()
    _log.info("imported torch and diffusers in %.1f s", time.perf_counter() - began)


def _map_libraries() -> None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    libc = ctypes.CDLL(None)
    libc.dlopen.restype = ctypes.c_void_p
    libc.dlopen.argtypes = (ctypes.c_char_p, ctypes.c_int)
    for name in _LIBRARIES:
        if (folder / name).exists():
            libc.dlopen(str(folder / name).encode(), os.RTLD_NOW | os.RTLD_LOCAL)
