"""What a stage needs to go on: weights, optimiser state and counters, as one safetensors file, no pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from desktop.errors import KnownError


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` in one go, so that an interruption leaves the old file whole. Mode 0644.
    Raises: KnownError where the disk is full or cannot be written.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        hint = "Free some space or name another folder and start again: it goes on from the last checkpoint."
        raise KnownError(f"{path.name} cannot be written ({error.strerror or error})", hint=hint) from error


def store(path: Path, tensors: dict[str, torch.Tensor], counters: dict[str, Any]) -> None:
    """tensors: any nesting already flattened to names. counters: whatever JSON can hold.
    Raises: KnownError as write_bytes.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_bytes(path, save(plain, metadata={"counters": json.dumps(counters)}))


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """What store() wrote. Raises: KnownError where the file is damaged."""
    try:
        with safe_open(path, "pt") as handle:
            counters = json.loads((handle.metadata() or {})["counters"])
            return {name: handle.get_tensor(name) for name in handle.keys()}, counters  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise KnownError(f"The checkpoint {path.name} is damaged", hint=f"Delete {path} and start again.") from error


def counters(path: Path) -> dict[str, Any]:
    """Only the counters of what store() wrote. Raises: KnownError where the file is damaged."""
    try:
        with safe_open(path, "pt") as handle:
            return json.loads((handle.metadata() or {})["counters"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise KnownError(f"The checkpoint {path.name} is damaged", hint=f"Delete {path} and start again.") from error


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a finished model's part, in float32. Raises: KnownError where it is missing or damaged."""
    try:
        with safe_open(path, "pt") as handle:
            return {name: handle.get_tensor(name).float() for name in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        hint = "Name the folder of a whole model, or train from scratch: --preset gpu."
        raise KnownError(f"The weights to start from cannot be read: {path}", hint=hint) from error


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors that prefixed() put under `prefix`."""
    start = prefix + "."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Adam's two moments and step counts, flattened to `index.name`."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{name}": torch.as_tensor(value) for index, kept in state.items() for name, value in kept.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """The inverse of optimiser_tensors(); the groups and their rates stay those of `optimiser`.

    The moments come to lie in memory as the weights do: where layouts differ, torch rounds otherwise by a last bit.
    Raises: KnownError where the tensors are of other weights.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        like = weights[int(index)] if int(index) < len(weights) else None
        if like is None or (tensor.ndim and tensor.shape != like.shape):
            hint = "Train with the settings it was made with, or delete its file to begin that stage anew."
            raise KnownError("The checkpoint belongs to a training of other weights", hint=hint)
        laid = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(index), {})[name] = laid
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
