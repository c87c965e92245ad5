"""The state of one download, as the thread that fetches it sees it."""

import collections
import time
from pathlib import Path

from desktop.errors import KnownError
from desktop.library.catalogue import Licence
from desktop.library.download import Download, State
from desktop.library.partial import Partial

_SPEED_OVER_S = 8.0


class Item:
    """One download's state; changed by whoever holds the lock or is the thread that fetches it."""

    def __init__(self, left: Partial | Path) -> None:
        self.left = left
        self.state = State.PAUSED
        self.doomed = False
        self.message = self.hint = self.path = ""
        self.needs_token = False
        self.told_at = 0.0
        self._arrived: collections.deque[tuple[float, int]] = collections.deque()
        if isinstance(left, Partial):
            self.folder, self.title = left.folder, left.offer.title
            self.total, self.done = left.offer.bytes, left.done_bytes
        else:
            self.folder, self.title = left, left.name
            self.total = self.done = 0
            self.fail(KnownError("The notes on this download are damaged", "Remove it, and get the model again."))

    @property
    def key(self) -> str:
        return self.folder.name

    def wait_for_turn(self) -> None:
        self.state = State.WAITING
        self.message = self.hint = ""
        self.needs_token = False

    def begin(self, done: int) -> None:
        self.wait_for_turn()
        self.state = State.FETCHING
        self.done = done
        self._arrived.clear()

    def add(self, count: int) -> None:
        if self.state is State.WAITING:
            self.wait_for_turn()
            self.state = State.FETCHING
        self.done += count
        now = time.monotonic()
        self._arrived.append((now, count))
        while now - self._arrived[0][0] > _SPEED_OVER_S:
            self._arrived.popleft()

    def pause(self, *, again: bool) -> None:
        self.wait_for_turn()
        self.state = State.WAITING if again else State.PAUSED
        self._arrived.clear()

    def fail(self, error: KnownError) -> None:
        self.state = State.FAILED
        self.message, self.hint = error.message, error.hint
        self.needs_token = getattr(error, "needs_token", False)
        self._arrived.clear()

    def told(self) -> Download:
        self.told_at = time.monotonic()
        offer = self.left.offer if isinstance(self.left, Partial) else None
        speed = self._speed() if self.state is State.FETCHING else None
        return Download(
            key=self.key,
            repo=offer.repo if offer else "",
            name=offer.name if offer else self.key,
            title=self.title,
            licence=offer.licence if offer else Licence(name=""),
            link=offer.link if offer else "",
            state=self.state,
            done_bytes=self.done,
            total_bytes=self.total,
            bytes_per_s=speed,
            seconds_left=(self.total - self.done) / speed if speed else None,
            message=self.message,
            hint=self.hint,
            needs_token=self.needs_token,
            path=self.path,
        )

    def _speed(self) -> float | None:
        """Bytes a second over the last seconds; None until there is something to say."""
        if len(self._arrived) < 2:
            return None
        seconds = time.monotonic() - self._arrived[0][0]
        return sum(count for _, count in self._arrived if count > 0) / seconds if seconds >= 1.0 else None
