"""The states of recent chains, so that a branch need not take the steps it shares with its trunk again."""

from collections import OrderedDict
from collections.abc import Sequence

from desktop.engine.tape import State
from desktop.messages import GenerationRequest
from desktop.thinning import Thinning

BYTES_MAX = 256 * 2**20  # of all states together; Stable Diffusion at 512x512 takes 4 MB for thirty steps
TRAIL_BYTES_MAX = BYTES_MAX // 2  # of one chain; a longer one keeps every second state, or fourth, ...


class Trail(Thinning[State]):
    """The states of the chain that runs, evenly spread over it once they are too many; the last is always there."""

    def __init__(self, bytes_max: int = TRAIL_BYTES_MAX) -> None:
        super().__init__(bytes_max, _bytes_added)


class Tapes:
    """The engine's own; states by the request and the model that made them, the least used forgotten first."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[tuple[GenerationRequest, str], dict[int, State]] = OrderedDict()

    def nearest(self, request: GenerationRequest, fingerprint: str, index: int) -> State | None:
        """The state after `index` steps of the request's chain, or the last kept before it; None where none is.

        A branch's own states are those after its branch point; its trunk's are asked for by the trunk.
        """
        states = self._kept.get((request, fingerprint))
        if states is None:
            return None
        low = 0 if request.branch is None else request.branch.step
        found = max((kept for kept in states if low < kept <= index), default=None)
        if found is None:
            return None
        self._kept.move_to_end((request, fingerprint))
        return states[found]

    def keep(self, request: GenerationRequest, fingerprint: str, states: Sequence[State]) -> None:
        before = self._kept.get((request, fingerprint), {})  # a run that went on from its middle knows the rest
        merged = Trail()
        for _, state in sorted((before | {state.index: state for state in states}).items()):
            merged.append(state)
        self._kept[request, fingerprint] = {state.index: state for state in merged.items}
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
                seen |= _tensors(state)
        return sum(seen.values())


def _bytes_added(state: State, before: State | None) -> int:
    shared = {} if before is None else _tensors(before)
    return sum(count for key, count in _tensors(state).items() if key not in shared)


def _tensors(state: State) -> dict[int, int]:
    """Bytes by the tensor's identity."""
    found = {}
    for value in (state.x_t, state.x_0, state.noise, *state.memory.values()):
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "element_size"):
                found[id(item)] = item.numel() * item.element_size()
    return found
