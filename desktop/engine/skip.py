"""Passing over the steps of a pipeline's loop that are already known, without running its network for them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_DENOISERS = ("unet", "transformer", "prior", "decoder", "super_res_first", "super_res_last")


def denoisers(pipeline: Any) -> "list[torch.nn.Module]":
    """The networks a pipeline's loop runs."""
    found = (getattr(pipeline, name, None) for name in _DENOISERS)
    return [network for network in found if hasattr(network, "forward")]


class NetworkSkip:
    """While active, the networks answer with zeros of the shape they would answer with, and compute nothing.

    What a network answers with, a tensor, a list of them, or a table, is learnt by running it once where it was not
    seen before. shapes: what is known of it, by network and input; shared between the runs of one model.
    """

    def __init__(self, networks: "list[torch.nn.Module]", shapes: dict[Any, Any]) -> None:
        self._networks = networks
        self._shapes = shapes
        self._before: list[tuple[Any, Any]] = []  # networks that are passed over, with what stood in their way before

    def start(self) -> None:
        for network in self._networks:
            # Offloading puts a forward of its own there, which moves the weights to the device.
            self._before.append((network, vars(network).get("forward")))
            network.forward = self._instead_of(network, network.forward)

    def stop(self) -> None:
        """The networks compute again; may be called more than once."""
        while self._before:
            network, forward = self._before.pop()
            if forward is None:
                del network.forward  # the class's own shows through again
            else:
                network.forward = forward

    def _instead_of(self, network: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
        import functools

        from torch.utils import _pytree as pytree

        @functools.wraps(forward)
        def answer(*args: Any, **kwargs: Any) -> Any:
            key = (id(network), *_shapes_of((args, kwargs)))
            if key not in self._shapes:
                found = forward(*args, **kwargs)
                self._shapes[key] = pytree.tree_map(_empty, found)
            return pytree.tree_map(_zeros, self._shapes[key])

        return answer


class _Shape:
    """A tensor's shape, precision and device, without its numbers."""

    __slots__ = ("device", "dtype", "shape")

    def __init__(self, tensor: "torch.Tensor") -> None:
        self.shape, self.dtype, self.device = tuple(tensor.shape), tensor.dtype, tensor.device


def _empty(value: Any) -> Any:
    return _Shape(value) if hasattr(value, "dtype") and hasattr(value, "shape") else value


def _zeros(value: Any) -> Any:
    import torch

    if isinstance(value, _Shape):
        return torch.zeros(value.shape, dtype=value.dtype, device=value.device)
    return value


def _shapes_of(value: Any) -> tuple[Any, ...]:
    from torch.utils import _pytree as pytree

    leaves, structure = pytree.tree_flatten(value)
    return (str(structure), *(tuple(leaf.shape) if hasattr(leaf, "shape") else leaf is None for leaf in leaves))
