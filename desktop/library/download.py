"""What is told about a download: one frozen record says everything, and the newest one holds."""

import enum
from dataclasses import dataclass

from desktop.library.catalogue import Licence


class State(enum.Enum):
    """WAITING for its turn, or for the hub to be ready again; PAUSED by the user or by the program's end."""

    WAITING = "waiting"
    FETCHING = "fetching"
    CHECKING = "checking"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A model on its way. key: its name among the downloads. name: what it will be called in the library.

    bytes_per_s, seconds_left: None where they cannot be told yet. message, hint: why it waits or failed, or what stands
    in the way of a DONE one's use; else "". needs_token: an access token may help. path: where a DONE one is.
    """

    key: str
    repo: str
    name: str
    title: str
    licence: Licence
    link: str
    state: State
    done_bytes: int
    total_bytes: int
    bytes_per_s: float | None = None
    seconds_left: float | None = None
    message: str = ""
    hint: str = ""
    needs_token: bool = False
    path: str = ""

    @property
    def ended(self) -> bool:
        """Nothing more will be told of it, unless it is resumed."""
        return self.state in (State.PAUSED, State.FAILED, State.DONE, State.REMOVED)
