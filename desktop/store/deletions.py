"""Deleted pictures on their way to the system's trash; a thousand take seconds, on a slow disk minutes."""

import logging
import threading
from collections.abc import Iterable

from desktop.errors import KnownError
from desktop.store.pictures import Pictures

_log = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
ONE_PICTURE_SECONDS = 2.0


class Deletions:
    """Makes deletions final on a thread of its own, a picture at a time; what is left when it ends goes next time."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._enough = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, ids: Iterable[int] | None = None) -> None:
        """Move these into the trash, all that are deleted where ids is None, after what was begun before.

        Returns at once. None of them may be one that somebody could still take back.
        """
        before = self._thread
        wanted = None if ids is None else frozenset(ids)
        self._thread = threading.Thread(target=self._flush, args=(wanted, before), name="trash", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float = CLOSE_SECONDS) -> bool:
        """Give it this long, then let it stop behind the picture it is at. False where that one does not end either.

        A picture that the process ends in the middle of is found by the next flush, wherever its file is by then.
        """
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        self._enough.set()
        self._thread.join(ONE_PICTURE_SECONDS)
        return not self._thread.is_alive()

    def _flush(self, ids: frozenset[int] | None, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            self._pictures.flush_deleted(ids, enough=self._enough.is_set)
        except KnownError as error:  # what the trash refuses stays where it is, and is tried again
            _log.warning("%s", error.message)
        except Exception:
            _log.exception("deleted pictures cannot be moved into the system's trash")
