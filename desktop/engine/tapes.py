"""The states of recent chains, so that a branch need not take the steps it shares with its trunk again."""

from collections import OrderedDict

from desktop.engine.tape import State
from desktop.messages import GenerationRequest

BYTES_MAX = 256 * 2**20  # of all states together; Stable Diffusion at 512x512 takes 4 MB for thirty steps


class Tapes:
    """The engine's own; states by the request and the model that made them, the least used forgotten first."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[tuple[GenerationRequest, str], dict[int, State]] = OrderedDict()

    def find(self, request: GenerationRequest, fingerprint: str, index: int) -> State | None:
        """The state after `index` steps of the request's chain; looks into the chains it branched from as well."""
        if request.branch is not None and index <= request.branch.step:
            return self.find(request.branch.trunk, fingerprint, index)  # its own begins there with other noise
        states = self._kept.get((request, fingerprint))
        if states is None or index not in states:
            return None
        self._kept.move_to_end((request, fingerprint))
        return states[index]

    def keep(self, request: GenerationRequest, fingerprint: str, states: list[State]) -> None:
        before = self._kept.get((request, fingerprint), {})  # a run that went on from its middle knows the rest
        self._kept[request, fingerprint] = before | {state.index: state for state in states}
        self._kept.move_to_end((request, fingerprint))
        while len(self._kept) > 1 and self.bytes > self._bytes_max:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        self._kept.clear()

    @property
    def bytes(self) -> int:
        seen: dict[int, int] = {}  # states share tensors
        for states in self._kept.values():
            for state in states.values():
                for tensor in (state.x_t, state.noise, *_tensors(state.memory)):
                    if tensor is not None:
                        seen[id(tensor)] = tensor.numel() * tensor.element_size()
        return sum(seen.values())


def _tensors(memory: dict) -> list:
    found = []
    for value in memory.values():
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "element_size"):
                found.append(item)
    return found
