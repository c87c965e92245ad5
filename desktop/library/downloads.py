"""Models on their way here: a queue, the one thread that fetches, and what is told about it.

Downloads survive the program: what is left to do is read from the disk (see partial.py), and waits there, paused,
until somebody wants it to go on.
"""

import collections
import dataclasses
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from desktop.errors import KnownError
from desktop.library import partial as partials
from desktop.library.catalogue import Licence, find
from desktop.library.download import Download, State
from desktop.library.download_item import Item
from desktop.library.fetch import WAITS_S, Fetch
from desktop.library.hub import Hub, Offer
from desktop.library.hub_errors import Unreachable
from desktop.library.partial import Partial
from desktop.library.stop import Stop, Stopped
from desktop.library.tokens import Tokens
from desktop.library.wanted import Wanted, read_wanted
from desktop.library.weights import check_weights

_log = logging.getLogger(__name__)

_TELL_EVERY_S = 0.2
_SPARE_BYTES = 200 * 10**6  # left free on the disk


class Downloads:
    """models: the user's models folder. check(folder): raises KnownError where a whole model there cannot be used.

    tell(Download): called on the thread where something changed; the newest record of a key holds.
    Calls that wait for the hub or the disk say so; the others return at once.
    """

    def __init__(
        self,
        models: Path,
        *,
        check: Callable[[Path], None],
        tell: Callable[[Download], None] = lambda download: None,
        tokens: Tokens | None = None,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self.tell = tell
        self._tokens = tokens or Tokens()
        self._models = models
        self._check = check
        self._waits_s = waits_s
        self._hub = Hub(self._tokens.get, _is_known)
        self._lock = threading.RLock()
        self._items: dict[str, Item] = {}
        self._queue: collections.deque[str] = collections.deque()
        self._running: str | None = None
        self._stop = Stop()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._compared: dict[tuple[Path, int, str], bool] = {}  # what was read of single files

    # Calls that wait

    def look(self, text: str) -> tuple[Offer, ...]:
        """What a name from the catalogue, or a repository, stands for; a cascade is several. Asks the hub.

        Raises KnownError, HubError among them.
        """
        entry = find(text)
        if entry is None:
            return (self._hub.look(read_wanted(text)),)
        offers = []
        for repo in entry.repos:
            offer = self._hub.look(Wanted(repo=repo, revision=entry.revision))
            title = entry.title if len(entry.repos) == 1 else f"{entry.title}, {offer.title}"
            offers.append(dataclasses.replace(offer, title=title, licence=_fuller(offer.licence, entry.licence)))
        return tuple(offers)

    def have(self, offer: Offer, stop: Stop | None = None) -> Path | None:
        """Where the same model is, whole. Reads the disk; of a single file all of it, the first time.

        Raises Stopped once stop is set.
        """
        if offer.is_file:
            alike = partials.alike(self._models, offer)
            return next((path for path in alike if self._is_same(path, offer, stop or Stop())), None)
        path = partials.fetched_to(self._models, offer)
        return path if path is not None and partials.is_whole(path, offer) else None

    def _is_same(self, path: Path, offer: Offer, stop: Stop) -> bool:
        """Whether a file of the right name and size holds the same bytes: many files have both in common."""
        try:
            changed_ns = path.stat().st_mtime_ns
        except OSError:  # gone this moment
            return False
        seen = (path, changed_ns, offer.files[0].fingerprint)
        if seen not in self._compared:
            self._compared[seen] = partials.fingerprint(path, offer.files[0], stop) == seen[2]
        return self._compared[seen]

    def repos_here(self) -> frozenset[str]:
        """The repositories that were fetched before. Reads the disk."""
        return frozenset(partials.origins(self._models))

    def get(self, offers: Sequence[Offer], stop: Stop | None = None) -> tuple[str, ...]:
        """Begin, or go on with, these. Returns their keys. Writes to the disk.

        Raises KnownError where there is no room for all of them, or the disk refuses; Stopped once stop is set, with
        nothing begun.
        """
        missing = [offer for offer in offers if self.have(offer, stop) is None]
        self._check_room(sum(partials.missing_bytes(self._models, offer) for offer in missing), offers[0].title)
        keys = []
        for offer in missing:
            partial = partials.begin(self._models, offer)
            with self._lock:
                if partial.key not in self._items:
                    self._items[partial.key] = Item(partial)
            keys.append(partial.key)
            self.resume(partial.key)
        return tuple(keys)

    def reopen(self, stop: Stop | None = None) -> tuple[Download, ...]:
        """Everything begun and not ended, that of earlier runs included. Reads the disk. Raises Stopped as have()."""
        for left in list(partials.every(self._models)):
            if isinstance(left, Partial) and left.done_bytes == 0 and self.have(left.offer, stop):
                partials.forget(left.folder)  # moved into place in the moment before the program ended
                continue
            with self._lock:
                key = left.key if isinstance(left, Partial) else left.name
                if key not in self._items:
                    self._items[key] = Item(left)
        return self.all()

    def keep_token(self, token: str) -> str:
        """Use this access token from now on. Returns a sentence where it cannot be kept. Waits for the keyring.

        Raises KnownError.
        """
        return self._tokens.keep(token)

    # Calls that return at once

    def all(self) -> tuple[Download, ...]:
        with self._lock:
            return tuple(item.told() for item in self._items.values())

    def pause(self, key: str) -> None:
        with self._lock:
            if key in self._queue:
                self._queue.remove(key)
            if key == self._running:
                self._stop.set()
            elif (item := self._items.get(key)) and not item.doomed and item.state is State.WAITING:
                item.state = State.PAUSED
                self.tell(item.told())

    def resume(self, key: str) -> None:
        """Go on, from the bytes that are there; one that failed is tried again."""
        with self._lock:
            item = self._items.get(key)
            if item is None or item.doomed or not isinstance(item.left, Partial) or key in self._queue:
                return
            if key == self._running and not self._stop.is_set:
                return
            self._queue.append(key)
            if key != self._running:
                item.wait_for_turn()
                self.tell(item.told())
            self._wake()

    def remove(self, key: str) -> None:
        """Forget it, with everything that had arrived."""
        with self._lock:
            item = self._items.get(key)
            if item is None or item.doomed:
                return
            item.doomed = True
            if key in self._queue:
                self._queue.remove(key)
            self._queue.appendleft(key)
            if key == self._running:
                self._stop.set()
            self._wake()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Stop where it is; what is there stays. False where the thread did not end in time."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    # The thread

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._running = None
                if self._closed or not self._queue:
                    self._thread = None
                    return
                self._running = self._queue.popleft()
                self._stop = Stop()
                item = self._items[self._running]
            self._serve(item)

    def _serve(self, item: "Item") -> None:
        try:
            if not item.doomed:
                self._fetch(item)
        except Stopped:
            with self._lock:
                item.pause(again=item.key in self._queue)
        except KnownError as error:
            with self._lock:
                item.fail(error)
        except Exception as error:
            _log.exception("the download of %s failed", item.key)
            with self._lock:
                item.fail(KnownError(f"The download met a bug in Safelight ({type(error).__name__})", "See the log."))
        with self._lock:
            if item.doomed:
                item.state = State.REMOVED
                if item.key in self._queue:
                    self._queue.remove(item.key)
        if item.doomed:
            partials.forget(item.folder)
        with self._lock:
            if item.state in (State.DONE, State.REMOVED):
                del self._items[item.key]
            self.tell(item.told())

    def _fetch(self, item: "Item") -> None:
        from filelock import FileLock, Timeout

        partial = item.left
        try:
            with FileLock(partials.lock_of(item.folder), timeout=0):
                item.begin(partial.done_bytes)
                self._check_room(partials.missing_bytes(self._models, partial.offer), item.title)
                self.tell(item.told())
                fetch = Fetch(
                    self._hub,
                    self._stop,
                    on_bytes=lambda count: self._on_bytes(item, count),
                    on_wait=lambda error, seconds: self._on_wait(item, error),
                    waits_s=self._waits_s,
                )
                for file in sorted(partial.offer.files, key=lambda f: f.bytes):  # what can be wrong shows early
                    fetch.run(partial, file, partials.find_content(self._models, file))
                item.state = State.CHECKING
                self.tell(item.told())
                self._check_whole(partial)
                if self._stop.is_set:
                    raise Stopped
                path = partials.finish(partial, self._models)
                item.path, item.state = str(path), State.DONE
            partials.forget(item.folder)  # after the lock was given back: some systems delete no file in use
            if not partial.offer.is_file:
                self._check_usable(item, path)
        except Timeout as error:
            raise KnownError(
                f"Another Safelight is fetching {item.title} this moment", "Wait for it, or stop it there."
            ) from error
        except OSError as error:
            from desktop.files import disk_error

            raise disk_error(self._models, error) from error

    def _check_whole(self, partial: Partial) -> None:
        """Raises KnownError where what is about to be moved into place is no model."""
        offer = partial.offer
        if any(not partial.is_verified(file) for file in offer.files):
            raise KnownError(f"Files of {offer.title} were changed while it was fetched", "Resume to get them again.")
        if offer.is_file:
            from desktop.library.recognise import recognise

            recognise(partial.verified(offer.files[0]))
        else:
            for folder in sorted({partial.verified(f).parent for f in offer.files if f.name.endswith(".safetensors")}):
                check_weights(folder)

    def _check_usable(self, item: "Item", path: Path) -> None:
        """Say so where the library cannot use what is there now, half of a cascade for example."""
        try:
            self._check(path)
        except KnownError as error:
            item.message, item.hint = error.message, error.hint

    def _on_bytes(self, item: "Item", count: int) -> None:
        item.add(count)
        if time.monotonic() - item.told_at >= _TELL_EVERY_S:
            self.tell(item.told())

    def _on_wait(self, item: "Item", error: Unreachable) -> None:
        item.state = State.WAITING
        item.message, item.hint = error.message, "It goes on by itself."
        self.tell(item.told())

    def _check_room(self, count: int, title: str) -> None:
        """Raises KnownError where the disk has no room for so many more bytes, those already promised included."""
        with self._lock:
            promised = sum(
                item.total - item.done
                for key, item in self._items.items()
                if key in self._queue and key != self._running and not item.doomed
            )
        folder = self._models
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if count and count + promised + _SPARE_BYTES > free:
            need, there = (f"{n / 1e9:.1f} GB" for n in (count + promised + _SPARE_BYTES, free))
            raise KnownError(
                f"There is no room for {title}: it needs {need}, and {there} are free where {self._models} is",
                "Free some space, or keep your data on another disk with --data.",
            )


def _is_known(index: Mapping[str, Any]) -> bool:
    from desktop.engine.families import ModelFolder, family_of

    return family_of(ModelFolder(path=Path(), index=index, configs={}, bytes=0)) is not None


def _fuller(told: Licence, known: Licence) -> Licence:
    """What the hub says; where it names no licence, or only "other", what the catalogue knows."""
    return known if told.name.casefold() in ("", "other") else told
