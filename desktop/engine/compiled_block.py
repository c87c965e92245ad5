"""One block of a network that has been compiled for some of the ways in which it is called."""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any

from desktop.engine import fused
from desktop.engine.block_calls import key_of

if TYPE_CHECKING:
    import torch


class CompiledBlock:
    """Answers with compiled code and fused projections what was compiled, and everything else as the plain block does,
    bit for bit.
    """

    def __init__(self, block: "torch.nn.Module") -> None:
        import torch

        self._block = block
        self._plain: Callable[..., Any] = block.forward
        self._compiled = torch.compile(block.forward, dynamic=False)
        self._fusions = fused.fusions(block)
        self._keys: set[Hashable] = set()

    def plain(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain(*args, **kwargs)

    def compiled(self, *args: Any, **kwargs: Any) -> Any:
        """Compiles, where nothing in torch's folder fits."""
        with fused.in_place(self._fusions):
            return self._compiled(*args, **kwargs)

    def answer(self, *args: Any, **kwargs: Any) -> None:
        """From now on compiled code answers calls like this one."""
        self._keys.add(key_of((args, kwargs)))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the block is called so."""
        self._block.forward = self._call
        try:
            with fused.in_place(self._fusions):
                yield
        finally:
            del self._block.forward  # the class's own shows through again

    def set_aside(self) -> contextlib.AbstractContextManager[None]:
        """Inside in_place(): here the block has its own projections."""
        return fused.set_aside(self._fusions)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        if key_of((args, kwargs)) in self._keys:
            return self._compiled(*args, **kwargs)
        with self.set_aside():
            return self._plain(*args, **kwargs)
