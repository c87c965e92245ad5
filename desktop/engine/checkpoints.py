"""A running chain's latest state on disk, so that a crash or a restart costs seconds of work and not the picture.

One file a request, replaced atomically: the chain's state as safetensors, and in its header the request and the model
it belongs to. Whoever runs the same request with the same model next goes on from there.
"""

import hashlib
import json
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.engine.tape import State
from desktop.files import write_atomically
from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
KEPT_MAX = 16  # files: the running picture's and those of paused ones
SUFFIX = ".safetensors"
HEADER_MAX = 16 * 2**20  # bytes
# What a scheduler makes anew from its configuration where it is not there.
_MADE_ANEW = ("noise_sampler",)
_PLAIN = (int, float, bool, str, type(None))


class Checkpoints:
    """Written and removed on a thread of its own; the newest state of a request wins.

    folder: one file a request. every_seconds: at most so often.
    """

    def __init__(self, folder: Path, every_seconds: float = EVERY_SECONDS) -> None:
        self._folder = folder
        self._every_seconds = every_seconds
        self._changed = threading.Condition()
        self._wanted: dict[Path, tuple[GenerationRequest, str, State] | None] = {}  # None: to be removed
        self._writing = False
        self._closing = False
        self._last = 0.0
        self._thread: threading.Thread | None = None

    def offer(self, request: GenerationRequest, fingerprint: str, state: State, *, now: bool = False) -> None:
        """Keep this state unless the last one was kept a moment ago. now: keep it in any case. Returns at once."""
        moment = time.monotonic()
        if state.index == 0 or (not now and moment - self._last < self._every_seconds):
            return
        self._last = moment
        self._want(request, (request, fingerprint, state))

    def find(self, request: GenerationRequest, fingerprint: str) -> State | None:
        """The kept state of this request with this model; None where there is none or it is damaged.

        A run begins with this, so the first state is kept only once the run has lasted a while.
        """
        self._last = time.monotonic()
        self.flush()
        try:
            return load(self.path_of(request), request, fingerprint)
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged file makes the readers stumble over: the run starts from noise
            _log.exception("the state of the unfinished picture cannot be read")
            return None

    def drop(self, request: GenerationRequest) -> None:
        """The run is over, or not wanted any more: nothing is left to go on from. Returns at once."""
        self._want(request, None)

    def path_of(self, request: GenerationRequest) -> Path:
        text = json.dumps(request.to_json(), sort_keys=True)
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{SUFFIX}"

    def flush(self) -> None:
        """Wait until what was offered is on disk, and what was dropped is not."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted and not self._writing)

    def close(self) -> None:
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _want(self, request: GenerationRequest, job: tuple[GenerationRequest, str, State] | None) -> None:
        path = self.path_of(request)
        with self._changed:
            self._wanted.pop(path, None)  # to the end of the order
            self._wanted[path] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="checkpoints", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
                if not self._wanted:
                    return
                path = next(iter(self._wanted))
                job, self._writing = self._wanted.pop(path), True
            try:
                if job is None:
                    path.unlink(missing_ok=True)
                else:
                    write_atomically(path, packed(*job))
                    self._forget_the_oldest()
            except Exception:  # a full disk, a scheduler with strange memories, a device that fails: never the picture
                _log.exception("the state of the running picture cannot be kept or removed")
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _forget_the_oldest(self) -> None:
        """Requests that were paused and never run again leave their files behind."""
        files = sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT_MAX]:
            path.unlink(missing_ok=True)


def packed(request: GenerationRequest, fingerprint: str, state: State) -> bytes:
    """Raises ValueError for a scheduler that remembers something that is neither numbers nor tensors."""
    import numpy as np
    import torch
    from safetensors.torch import save

    tensors: dict[str, torch.Tensor] = {}

    def put(tensor: "torch.Tensor") -> dict[str, str]:
        name = str(len(tensors))
        tensors[name] = tensor.detach().cpu().contiguous().clone()
        return {"tensor": name, "device": tensor.device.type}

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return put(value)
        if isinstance(value, np.ndarray):
            return put(torch.from_numpy(value)) | {"array": True}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, list | tuple):
            return {"list": [plain(item) for item in value], "tuple": isinstance(value, tuple)}
        if isinstance(value, dict):
            return {"table": {str(key): plain(item) for key, item in value.items()}}
        if isinstance(value, _PLAIN):
            return value
        raise ValueError(f"a scheduler remembers a {type(value).__name__}")

    memory = {name: plain(value) for name, value in state.memory.items() if name not in _MADE_ANEW}
    header = {
        "request": request.to_json(),
        "fingerprint": fingerprint,
        "index": state.index,
        "x_t": plain(state.x_t),
        "noise": plain(state.noise),
        "memory": memory,
    }
    return save(tensors, metadata={"state": json.dumps(header)})


def load(path: Path, request: GenerationRequest, fingerprint: str) -> State | None:
    """None where the file belongs to another request or model. Raises whatever a damaged file leads to."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        text = (file.metadata() or {})["state"]
        if len(text) > HEADER_MAX:
            raise ValueError("too large")
        header = json.loads(text)
        if header["fingerprint"] != fingerprint or GenerationRequest.from_json(header["request"]) != request:
            return None

        def whole(value: Any) -> Any:
            match value:
                case {"tensor": str(name), "device": str(device)}:
                    tensor = file.get_tensor(name)
                    return tensor.numpy() if value.get("array") else tensor.to(device)
                case {"list": list(items), "tuple": bool(fixed)}:
                    found = [whole(item) for item in items]
                    return tuple(found) if fixed else found
                case {"table": dict(table)}:
                    return {key: whole(item) for key, item in table.items()}
            return value

        memory = {name: whole(value) for name, value in header["memory"].items()}
        return State(
            index=int(header["index"]),
            x_t=whole(header["x_t"]),
            memory=memory,
            noise=whole(header["noise"]),
        )
