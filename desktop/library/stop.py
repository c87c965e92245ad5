"""Ending a download, or the reading of a file, from another thread."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


class Stopped(Exception):
    """The user, or the end of the program, wants no more of it now."""


class Stop:
    """Ends a download from another thread, at once: a wait, and a read that waits for bytes."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._response: requests.Response | None = None

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()
        with self._lock:
            if self._response is not None:
                with contextlib.suppress(Exception):  # it may be closing this moment
                    self._response.raw.shutdown()

    def wait(self, seconds: float) -> bool:
        """True where it was stopped meanwhile."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def ends(self, response: "requests.Response") -> Iterator[None]:
        """While inside, stopping ends this response's reads; look at is_set before each."""
        with self._lock:
            self._response = response
        try:
            yield
        finally:
            with self._lock:
                self._response = None
