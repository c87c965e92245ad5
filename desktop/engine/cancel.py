"""Stopping a run in the middle of a network, not only between steps."""

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch


class JobCancelled(Exception):
    """Unwinds a run that the user stopped. Raised on the engine's thread only."""


class CancelToken:
    """One job's wish to stop; set from any thread, so a cancel before the start is kept."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises JobCancelled once set."""
        if self._event.is_set():
            raise JobCancelled


class CancelHooks:
    """Forward pre-hooks on every block of the networks; they raise while the current token is set.

    A block is a module that sits in a ModuleList: a transformer layer, a residual block, an attention block.
    Between two blocks nothing is half done, so the pipeline stays usable after the exception.
    Attributes: token, the running job's; None lets everything pass.
    """

    def __init__(self, networks: "Iterable[torch.nn.Module]") -> None:
        self.token: CancelToken | None = None
        self._handles = {
            block: block.register_forward_pre_hook(self._before_block)
            for network in networks
            for block in blocks_of(network)
        }

    def _before_block(self, module: object, args: object) -> None:
        token = self.token
        if token is not None and token.is_set:
            raise JobCancelled

    @contextlib.contextmanager
    def outside(self, modules: "Iterable[torch.nn.Module]") -> "Iterator[None]":
        """Inside the with statement there is none within these modules, which are then one block each."""
        within = {inner for module in modules for inner in module.modules() if inner is not module}
        hidden = [block for block in self._handles if block in within]
        for block in hidden:
            self._handles.pop(block).remove()
        try:
            yield
        finally:
            for block in hidden:
                self._handles[block] = block.register_forward_pre_hook(self._before_block)

    def remove(self) -> None:
        for handle in self._handles.values():
            handle.remove()
        self._handles.clear()


def blocks_of(network: "torch.nn.Module") -> "list[torch.nn.Module]":
    """The modules between which a forward pass of the network may be abandoned, and the network itself."""
    from torch.nn import ModuleList

    blocks = {id(network): network}
    for module in network.modules():
        if isinstance(module, ModuleList):
            blocks |= {id(child): child for child in module if child is not None}  # some keep gaps
    return list(blocks.values())
