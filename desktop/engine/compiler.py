"""Compiled blocks: made in another process while the plain ones draw, and taken over when the engine has nothing to do.

A picture with a new size or model is drawn plainly, and what its network's repeated blocks were called with is noted.
A process of its own compiles for that; its results stay in a folder, for later starts as well. Between two jobs the
engine's thread takes them over, one block after another, and compares each with the plain one. From then on they draw,
with fused projections. Whatever has not been compiled for, another size or a LoRA, is drawn plainly as before.
"""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.block_calls import RECOMPILE_LIMIT, BlockCall, describe_weights, example, kind_of, recording
from desktop.engine.compiled_block import CompiledBlock
from desktop.engine.memory import Placement, free_now
from desktop.engine.skip import denoisers

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import LoadedModel
    from desktop.engine.hardware import Device

_log = logging.getLogger(__name__)
MISSES_MAX = 1
UNITS_MAX = 96  # compiled of one model; a size more of Stable Diffusion XL takes about twenty
TAKING = "taking"  # a file that is there while something is taken over
CACHE_BYTES_MAX = 2 * 2**30
CARD_BYTES_MIN = 2 * 2**30  # free on the card beside what draws: a process of its own takes half a gigabyte at once
# How far a compiled block may be from the plain one, as a share of its largest number, by the bytes of a number.
TOLERANCE = {4: 1e-3, 2: 5e-2}


def why_not(device: "Device", mode: str) -> str:
    """A reason why nothing is compiled on this device; empty where it is. mode: of settings.CompileMode."""
    if mode == "off":
        return "switched off"
    if getattr(sys, "frozen", False):
        return "the installed application brings no compiler"
    if mode == "auto" and device.kind != "cuda":
        return "it is worth it on graphics cards only"
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cc", "gcc", "clang", "cl")):
        return "there is no C compiler"
    if device.kind != "cpu":
        import importlib.util

        if importlib.util.find_spec("triton") is None:
            return "Triton is not installed"
    return ""


class Drawing:
    """A run that may be drawn by compiled blocks. calls: of its blocks; compiled: those that compiled ones answered."""

    def __init__(self, taken: set[BlockCall]) -> None:
        self.calls: set[BlockCall] = set()
        self._taken = frozenset(taken)

    @property
    def compiled(self) -> set[BlockCall]:
        return self.calls & self._taken


class BackgroundCompiler:
    """Of the engine's thread. folder: where compiled code is kept. mode: of settings.CompileMode. on_ready: called from
    another thread when there is something to take over.
    """

    def __init__(self, device: "Device", folder: Path | None, mode: str, on_ready: Callable[[], None]) -> None:
        self._device = device
        self._folder = folder
        self._on_ready = on_ready
        self.mode = mode
        self._model: LoadedModel | None = None
        self._networks: list[torch.nn.Module] = []
        self._compiled: dict[torch.nn.Module, CompiledBlock] = {}
        self._known: set[BlockCall] = set()  # asked for, whatever came of it
        self._waiting: list[BlockCall] = []  # compiled, to be taken over
        self._taken: set[BlockCall] = set()  # those that compiled blocks answer
        self._traced = False
        self._child: subprocess.Popen[str] | None = None
        self._finished: list[BlockCall] | None = None  # what the other process has compiled, once it has ended
        self._missed = 0  # units that had to be compiled anew, on the engine's own thread
        self._failed = False  # for this model
        self._lock = threading.Lock()

    @property
    def has_work(self) -> bool:
        """Whether take_over() has something to do; from any thread."""
        return self.mode != "off" and (bool(self._waiting) or self._finished is not None)

    @contextlib.contextmanager
    def drawing(self, model: "LoadedModel", pipeline: Any, *, allowed: bool) -> Iterator[Drawing]:
        """Around a run. allowed: whether compiled blocks may draw. A run with LoRA files must not be: the model has
        other blocks then.
        """
        networks = denoisers(pipeline)
        if self._model is not model or (self._networks and self._networks != networks):
            self.forget()
            self._model = model
        drawing = Drawing(self._taken)
        if not allowed or not self._serves(model, networks):
            yield drawing
            return
        with recording(networks, self._plainly) as drawing.calls, self._in_place(model):
            yield drawing
        self._networks = networks

    def learn(self, drawing: Drawing) -> None:
        """Have compiled what a finished picture's blocks were called with, and what is not compiled yet."""
        try:
            self._order(drawing.calls)
        except Exception:  # a picture is worth more than a quicker one
            _log.exception("nothing is compiled for this model")
            self._failed = True

    def would_draw(self, drawing: Drawing) -> bool:
        """Whether a run like that one would be drawn by the very same compiled blocks now."""
        return bool(drawing.compiled) and drawing.compiled == drawing.calls & self._taken

    def take_over(self) -> bool:
        """Take over one compiled block; True with the last one, from which on they draw."""
        if self._finished is not None:
            self._look_at_results()
        if not self._waiting:
            return False
        call = self._waiting.pop(0)
        assert self._folder is not None
        taking = self._folder / TAKING
        try:
            taking.touch()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's own, about parts of torch
                self._take(call)
            taking.unlink()
        except Exception as error:  # a compiler fails in ways of its own
            self._give_up(f"{type(error).__name__}: {str(error)[:300]}")
            shutil.rmtree(self._folder, ignore_errors=True)
            return False
        if not self._waiting:
            _log.info("%d blocks are compiled", len(self._compiled))
            if self._device.kind == "cuda":
                import torch

                torch.cuda.empty_cache()  # of weights that became parts of joined ones
            return bool(self._compiled)
        return False

    def forget(self) -> None:
        """The model is gone, and with it what was compiled for it in this process; the folder keeps its results."""
        self.close()
        with self._lock:
            self._finished = None
        self._model, self._networks = None, []
        self._waiting, self._known = [], set()
        if self._traced:
            import torch

            torch._dynamo.reset()
        self._compiled, self._taken, self._traced = {}, set(), False
        self._missed, self._failed = 0, False

    def stop(self) -> None:
        """End the other process soon, if it runs; from any thread."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """End the other process, if it runs."""
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()

    def _serves(self, model: "LoadedModel", networks: "list[torch.nn.Module]") -> bool:
        if self._folder is None or self._failed:
            return False
        if model.plan.placement != Placement.DEVICE or model.plan.eight_bit:
            return False
        quantised = any(getattr(network, "hf_quantizer", None) is not None for network in networks)
        return not quantised and not why_not(self._device, self.mode)

    def _plainly(self, block: "torch.nn.Module") -> contextlib.AbstractContextManager[None]:
        compiled = self._compiled.get(block)
        return compiled.set_aside() if compiled else contextlib.nullcontext()

    @contextlib.contextmanager
    def _in_place(self, model: "LoadedModel") -> Iterator[None]:
        """The compiled blocks in the place of the plain ones, for calls that they were compiled for."""
        if not self._compiled:
            yield
            return
        import torch

        with contextlib.ExitStack() as undo:
            for compiled in self._compiled.values():
                undo.enter_context(compiled.in_place())
            undo.enter_context(model.hooks.outside(self._compiled))
            undo.enter_context(torch.compiler.set_stance("eager_on_recompile"))
            yield

    def _order(self, calls: set[BlockCall]) -> None:
        new = sorted(calls - self._known, key=lambda call: (call.network, call.block, call.inputs))
        if not new or self._child is not None or self._finished is not None or self._waiting:
            return
        units = {call.unit for call in self._known | calls}
        if len(units) > UNITS_MAX:
            return
        if self._device.kind != "cpu" and free_now(self._device).device < CARD_BYTES_MIN:
            _log.info("nothing is compiled: the card's memory is full")
            return
        self._known |= calls
        try:
            self._start(new)
        except OSError as error:
            _log.warning("nothing is compiled: %s", error)

    def _start(self, calls: list[BlockCall]) -> None:
        import torch

        assert self._folder is not None
        _prepare(self._folder)
        by_network: dict[int, dict[tuple[str, str, str], BlockCall]] = {}
        for call in calls:
            by_network.setdefault(call.network, {}).setdefault(call.unit, call)
        order = {
            "device": self._device.kind,
            "threads": torch.get_num_threads(),  # compiled code for the processor is for so many
            "networks": [
                {
                    "class": type(self._networks[place]).__name__,
                    "config": json.loads(self._networks[place].to_json_string()),
                    "units": [
                        {"block": call.block, "weights": call.weights, "inputs": call.inputs} for call in units.values()
                    ],
                }
                for place, units in by_network.items()
            ],
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "desktop.engine.compile_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_variables(self._folder)},
            cwd=Path(__file__).resolve().parents[2],
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._child = child
        answered = [call.unit for units in by_network.values() for call in units.values()]
        threading.Thread(
            target=self._attend, args=(child, json.dumps(order), calls, answered), name="compiler", daemon=True
        ).start()

    def _attend(
        self,
        child: subprocess.Popen[str],
        order: str,
        calls: list[BlockCall],
        units: list[tuple[str, str, str]],
    ) -> None:
        """On a thread of its own: wait for the other process."""
        try:
            lines = child.communicate(order)[0].splitlines()
        except (OSError, ValueError):  # it was killed while it was told what to do
            child.wait()
            lines = []
        lines = [line for line in lines if line == "done" or line.startswith("left ")]
        done = {unit for unit, line in zip(units, lines, strict=False) if line == "done"}
        for line in lines:
            if line.startswith("left "):
                _log.info("a block is not compiled: %s", line[5:])
        with self._lock:
            if self._child is not child:
                return  # forgotten in between
            self._finished = [call for call in calls if call.unit in done]
        if child.returncode != 0:
            _log.warning("the compiling process ended with %s after %d blocks", child.returncode, len(lines))
        self._on_ready()

    def _look_at_results(self) -> None:
        with self._lock:
            finished, self._finished = self._finished, None
        if finished is None:
            return
        self._child = None
        self._waiting = finished

    def _take(self, call: BlockCall) -> None:
        """Trace the block, find what was compiled for it in the folder, and see that it does the same."""
        assert self._folder is not None and self._model is not None
        os.environ.update(_variables(self._folder))  # read when the compiler is first imported
        import torch
        from torch._dynamo.utils import counters

        torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT  # of this thread
        torch._inductor.config.compile_threads = 1  # no processes of its own
        block = self._networks[call.network].get_submodule(call.block)
        if kind_of(block) != call.kind or describe_weights(block) != call.weights:
            self._known.discard(call)  # the last picture left a LoRA on it; a later one asks again
            return
        self._traced = True
        compiled = self._compiled.get(block) or CompiledBlock(block)
        args, kwargs = example(call.inputs, self._model.device)
        missed = _missed(counters)
        with torch.no_grad(), self._model.hooks.outside([block]):
            plain = compiled.plain(*args, **kwargs)
            drawn = compiled.compiled(*args, **kwargs)
        self._missed += _missed(counters) - missed
        if self._missed > MISSES_MAX:
            self._give_up("the folder does not hold what was compiled")
            return
        if not _alike(plain, drawn):
            self._give_up(f"{call.kind} came out differently")
            return
        compiled.answer(*args, **kwargs)
        self._compiled[block] = compiled
        self._taken.add(call)

    def _give_up(self, reason: str) -> None:
        _log.warning("nothing is compiled for this model: %s", reason)
        self._waiting, self._compiled, self._failed = [], {}, True
        self._taken = set()


def _variables(folder: Path) -> dict[str, str]:
    """For torch's compiler: where it keeps its results, and, in a process that has not imported it, no further ones."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(folder), "TORCHINDUCTOR_COMPILE_THREADS": "1"}


def _prepare(folder: Path) -> None:
    """Make the folder, for this user alone: what lies in it is run. Everything in it can be made again, so it is
    emptied when it has grown large, and when the program ended while it took something over from it.

    Raises: OSError where it cannot be made, or somebody else may write to it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.stat()
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
        raise PermissionError(f"{folder} is open to others")
    taken = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if taken > CACHE_BYTES_MAX or (folder / TAKING).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _missed(counters: Any) -> int:
    """How often torch's compiler had to work because the folder held nothing."""
    return counters["inductor"]["fxgraph_cache_miss"] + counters["inductor"]["fxgraph_cache_bypass"]


def _alike(plain: Any, compiled: Any) -> bool:
    from torch.utils import _pytree as pytree

    first, second = pytree.tree_leaves(plain), pytree.tree_leaves(compiled)
    return len(first) == len(second) and all(_near(a, b) for a, b in zip(first, second, strict=True))


def _near(plain: Any, compiled: Any) -> bool:
    if not hasattr(plain, "dtype"):
        return plain == compiled
    if plain.shape != compiled.shape or plain.dtype != compiled.dtype:
        return False
    scale = plain.float().abs().max().clamp_min(1e-6)
    apart = (plain.float() - compiled.float()).abs().max() / scale
    return bool(apart <= TOLERANCE.get(plain.dtype.itemsize, 0.0))
