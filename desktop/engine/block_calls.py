"""What a network's repeated blocks are called with, written down so that another process can compile for it."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Beside the blocks that diffusers itself names as repeated (ModelMixin._repeated_blocks); a UNet's other half.
ALSO_REPEATED = ("ResnetBlock2D",)
RECOMPILE_LIMIT = 256  # of torch's compiler for one piece of code; every way in which a block is called is one
CALLS_MAX = 4  # of one block in one run are looked at; later ones are like them, or change at every step


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCall:
    """One way in which a block is called. network: its place among those of the run; block: its name in the network.

    kind: its class and a digest of the settings in it; weights: name, shape, strides and precision of each; inputs:
    the same of what it gets, both as JSON. Calls with the same kind, weights and inputs compile to the same.
    """

    network: int
    block: str
    kind: str
    weights: str
    inputs: str

    @property
    def unit(self) -> tuple[str, str, str]:
        """What has to be compiled for it."""
        return self.kind, self.weights, self.inputs


class CannotDescribe(Exception):
    """An argument that is neither a tensor nor a plain value; the block is left as it is."""


def repeated_blocks(network: "torch.nn.Module") -> "dict[str, torch.nn.Module]":
    """By name; those that sit inside another of them are left out."""
    named = getattr(network, "_repeated_blocks", None)
    if not named:  # Stable Diffusion 3, PixArt, Sana and Lumina 2 name only what must not be parted between devices
        whole = getattr(network, "_no_split_modules", None) or ()
        named = [name for name in whole if name.endswith("TransformerBlock")]
    kinds = {*named, *ALSO_REPEATED}
    found: dict[str, torch.nn.Module] = {}
    for name, module in network.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if type(module).__name__ in kinds and not inside:
            found[name] = module
    return found


@contextlib.contextmanager
def recording(
    networks: "list[torch.nn.Module]", plainly: "Callable[[torch.nn.Module], contextlib.AbstractContextManager[None]]"
) -> Iterator[set[BlockCall]]:
    """Fills the set with the first calls of every repeated block inside the with statement. plainly: inside it, a block
    is as it was loaded, whatever draws in its place.
    """
    calls: set[BlockCall] = set()
    handles = []

    def listen(place: int, name: str, block: "torch.nn.Module") -> None:
        seen: set[str] = set()
        count = 0

        def before(module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            nonlocal count
            count += 1
            if count >= CALLS_MAX:
                handle.remove()  # writing calls down takes time at every step
            with contextlib.suppress(CannotDescribe, RuntimeError):  # some layouts of tensors have no strides
                inputs = describe((args, kwargs))
                if inputs not in seen:
                    seen.add(inputs)
                    with plainly(block):
                        kind, weights = kind_of(block), describe_weights(block)
                    calls.add(BlockCall(network=place, block=name, kind=kind, weights=weights, inputs=inputs))

        handle = block.register_forward_pre_hook(before, with_kwargs=True)
        handles.append(handle)

    for place, network in enumerate(networks):
        for name, block in repeated_blocks(network).items():
            listen(place, name, block)
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def kind_of(block: "torch.nn.Module") -> str:
    """The compiler writes numbers and switches that a block holds into its code; even 1 and 1.0 differ there."""
    held = [
        (
            name,
            type(module).__name__,
            sorted((key, repr(value)) for key, value in vars(module).items() if isinstance(value, _PLAIN)),
        )
        for name, module in block.named_modules()
    ]
    return f"{type(block).__name__} {hashlib.sha256(repr(held).encode()).hexdigest()[:16]}"


_PLAIN = (bool, int, float, str, type(None))


def describe(value: Any) -> str:
    """JSON of a nest of tensors and plain values. Raises CannotDescribe."""
    return json.dumps(_described(value))


def key_of(value: Any) -> Hashable:
    """Equal for two nests on one device that describe() writes alike; None for what it cannot write. In microseconds:
    it is made for every call of a block.
    """
    import torch

    kind = type(value)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        return (value.shape, value.stride(), value.dtype, value.device) if value.layout is torch.strided else None
    if kind in _PLAIN:
        return kind, value
    if kind is tuple or kind is list:
        return kind, *map(key_of, value)
    if kind is dict:
        return kind, *((name, key_of(item)) for name, item in value.items())
    return None


def example(text: str, device: str) -> Any:
    """A nest like the one that was described, its tensors filled with small random numbers on the device."""
    return _made(json.loads(text), device)


def describe_weights(block: "torch.nn.Module") -> str:
    named = [*block.named_parameters(), *block.named_buffers()]
    return json.dumps([[name, _described(tensor)] for name, tensor in named])


def fill(block: "torch.nn.Module", weights: str, device: str) -> None:
    """Give a block on the meta device weights as described, small and random, on the device.

    Raises CannotDescribe where the block has other weights.
    """
    import torch

    wanted = dict(json.loads(weights))
    named = [*block.named_parameters(), *block.named_buffers()]
    if {name for name, _ in named} != set(wanted):
        raise CannotDescribe
    for name, old in named:
        path, _, last = name.rpartition(".")
        owner, new = block.get_submodule(path), _made(wanted[name], device)
        if isinstance(old, torch.nn.Parameter):
            setattr(owner, last, torch.nn.Parameter(new, requires_grad=False))
        else:
            owner._buffers[last] = new


def _described(value: Any) -> Any:
    import torch

    if type(value) in (torch.Tensor, torch.nn.Parameter) and not value.is_sparse and not value.is_quantized:
        dtype = str(value.dtype).removeprefix("torch.")
        return {"tensor": [list(value.shape), list(value.stride()), dtype]}
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value}
    if type(value) in (tuple, list):
        return {type(value).__name__: [_described(item) for item in value]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: _described(item) for key, item in value.items()}}
    raise CannotDescribe


def _made(entry: dict[str, Any], device: str) -> Any:
    ((kind, content),) = entry.items()
    if kind == "tensor":
        return _tensor(*content, device)
    if kind == "value":
        return content
    if kind == "dict":
        return {key: _made(item, device) for key, item in content.items()}
    items = [_made(item, device) for item in content]
    return tuple(items) if kind == "tuple" else items


def _tensor(shape: list[int], stride: list[int], dtype: str, device: str) -> "torch.Tensor":
    import torch

    kind = getattr(torch, dtype)
    made = torch.empty_strided(shape, stride, dtype=kind, device=device)
    return made.normal_(std=0.02) if kind.is_floating_point and kind.itemsize > 1 else made.zero_()
