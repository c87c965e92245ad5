"""Thumbnails for the screen, made beside the GUI thread and kept in memory while they are looked at."""

import contextlib
import threading
from collections import OrderedDict
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QImage, QPixmap

from desktop.errors import KnownError

SIDES = (128, 192, 256, 384, 512, 768, 1024)  # device pixels that are made; the next larger one is used
BYTES_MAX = 96 * 2**20  # of pixmaps in memory: about 360 of 256 x 256
WAITING_MAX = 300  # what scrolled by longer ago is forgotten, and asked for again when it is seen again


class Source(Protocol):
    """desktop.store.thumbs.Thumbnails, or a fake."""

    def get(self, path: str, side: int):
        """A PIL picture in RGB. Raises KnownError."""


class ThumbnailLoader(QObject):
    """Gives a pixmap at once or not yet. The last asked for is made first: it is what is on the screen.

    A thread runs only while there is something to do. close() ends it; nothing is made after that.
    Signals: loaded(path), when a pixmap can be had or turned out to be impossible.
    """

    loaded = Signal(str)
    _made = Signal(object)

    def __init__(self, source: Source, parent: QObject | None = None, bytes_max: int = BYTES_MAX) -> None:
        super().__init__(parent)
        self._source = source
        self._bytes_max = bytes_max
        self._bytes = 0
        self._pixmaps: OrderedDict[tuple[str, int], QPixmap] = OrderedDict()
        self._broken: set[str] = set()
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._asked: set[tuple[str, int]] = set()  # waiting, in the making, or on the way to the GUI thread
        self._thread: threading.Thread | None = None
        self._closed = False
        self._made.connect(self._on_made, Qt.ConnectionType.QueuedConnection)

    def pixmap(self, path: str, side: int) -> QPixmap | None:
        """The picture with its longest side `side` device pixels or the next of SIDES, None while it is made.

        Until the right size is there, another one that is stands in for it.
        """
        key = (path, next((s for s in SIDES if s >= side), SIDES[-1]))
        found = self._pixmaps.get(key)
        if found is not None:
            self._pixmaps.move_to_end(key)
            return found
        if path not in self._broken:
            self._ask(key)
        return next((self._pixmaps[path, s] for s in reversed(SIDES) if (path, s) in self._pixmaps), None)

    def is_broken(self, path: str) -> bool:
        """Whether no thumbnail can be made: the file is gone or damaged."""
        return path in self._broken

    def forget(self, path: str) -> None:
        """Look at the file again when it is asked for; it was moved, or came back."""
        self._broken.discard(path)
        for side in SIDES:
            if (pixmap := self._pixmaps.pop((path, side), None)) is not None:
                self._bytes -= _size(pixmap)

    def close(self) -> None:
        """Stop, and wait for the one in the making."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _ask(self, key: tuple[str, int]) -> None:
        with self._lock:
            if self._closed:
                return
            if key in self._asked:
                if key in self._waiting:
                    self._waiting.move_to_end(key)
                return
            self._asked.add(key)
            self._waiting[key] = None
            if len(self._waiting) > WAITING_MAX:
                old, _ = self._waiting.popitem(last=False)
                self._asked.discard(old)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="thumbnails", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None  # under the lock: whoever asks next starts a new one
                    return
                key, _ = self._waiting.popitem(last=True)
            try:
                image = _image(self._source.get(*key), key[1])
            except KnownError:
                image = None
            with contextlib.suppress(RuntimeError):  # the window closed, and this object went with it
                self._made.emit((key, image))

    @Slot(object)
    def _on_made(self, made: tuple[tuple[str, int], QImage | None]) -> None:
        key, image = made
        with self._lock:
            self._asked.discard(key)
        if image is None:
            self._broken.add(key[0])
        else:
            pixmap = QPixmap.fromImage(image)
            self._pixmaps[key] = pixmap
            self._bytes += _size(pixmap)
            while self._bytes > self._bytes_max and len(self._pixmaps) > 1:
                _, old = self._pixmaps.popitem(last=False)
                self._bytes -= _size(old)
        self.loaded.emit(key[0])


def _image(picture, side: int) -> QImage:
    """A PIL picture as an image that owns its pixels. A small one is enlarged to `side` here, by Lanczos: what
    Qt does while painting blurs the edges of a picture of 128 pixels on a screen of high resolution.
    """
    longest = max(picture.size)
    if longest < side:
        from PIL import Image

        size = tuple(max(1, round(length * side / longest)) for length in picture.size)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    raw = picture.tobytes()
    rgb = QImage(raw, picture.width, picture.height, 3 * picture.width, QImage.Format.Format_RGB888)
    return rgb.convertToFormat(QImage.Format.Format_RGB32)


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
