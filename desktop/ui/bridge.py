"""Engine events become Qt signals on the GUI thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

if TYPE_CHECKING:
    from desktop.messages import Event


class Bridge(QObject):
    """Takes events from any thread and sends them on, in order, on the thread it lives in.

    At most one preview waits at a time: a newer one takes the older one's place at the end of the line, so a
    busy window never lets frames pile up (200 queued frames were 631 MB). The same holds for the bytes of one
    loading phase. A preview never follows the terminal event of its job.

    Signals, each with one message: ready(EngineReady), phase(PhaseChanged), plan_chosen(PlanChosen),
    advised(Advised), queue_changed(QueueChanged),
    started(Started), preview(Preview), saved(Saved), verified(Verified),
    attention_seen(AttentionSeen), cancelled(Cancelled), failed(Failed), noise_seen(NoiseSeen).
    """

    ready = Signal(object)
    phase = Signal(object)
    plan_chosen = Signal(object)
    advised = Signal(object)
    queue_changed = Signal(object)
    started = Signal(object)
    preview = Signal(object)
    saved = Signal(object)
    verified = Signal(object)
    attention_seen = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object)
    noise_seen = Signal(object)

    _wake = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._ended: deque[str] = deque(maxlen=64)  # job ids; one job runs at a time, so 64 is plenty
        self._awake = False  # a wake-up is on its way to the GUI thread
        self._closed = False
        # By name: the window is on the screen before the messages are imported.
        self._signals = {
            "EngineReady": self.ready,
            "PhaseChanged": self.phase,
            "PlanChosen": self.plan_chosen,
            "Advised": self.advised,
            "QueueChanged": self.queue_changed,
            "Started": self.started,
            "Preview": self.preview,
            "Saved": self.saved,
            "Verified": self.verified,
            "AttentionSeen": self.attention_seen,
            "Cancelled": self.cancelled,
            "Failed": self.failed,
            "NoiseSeen": self.noise_seen,
        }
        self._wake.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def post(self, event: Event) -> None:
        """Hand over an event, from any thread; returns at once."""
        from desktop.messages import TERMINAL, PhaseChanged, Preview

        with self._lock:
            if self._closed:
                return
            if isinstance(event, Preview):
                if event.job_id in self._ended:
                    return
                self._drop(lambda other: isinstance(other, Preview))
            elif isinstance(event, PhaseChanged):
                self._drop(
                    lambda other: (
                        isinstance(other, PhaseChanged) and (other.job_id, other.phase) == (event.job_id, event.phase)
                    )
                )
            elif isinstance(event, TERMINAL) and event.job_id is not None:
                self._ended.append(event.job_id)
            self._waiting.append(event)
            # Emitted under the lock, so that close() cannot come between: a queued emit only appends to
            # the other thread's event list.
            if not self._awake:
                self._awake = True
                self._wake.emit()

    def close(self) -> None:
        """Take no more events and forget those that wait. Call it before the window goes."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many events have not been delivered yet."""
        with self._lock:
            return len(self._waiting)

    def _drop(self, stale) -> None:
        if any(stale(other) for other in self._waiting):
            self._waiting = deque(other for other in self._waiting if not stale(other))

    @Slot()
    def _deliver(self) -> None:
        # No more than waited at the start, so that a fast engine cannot keep the GUI thread here.
        for _ in range(self.waiting):
            with self._lock:
                if not self._waiting:
                    break
                event = self._waiting.popleft()
            self._signals[type(event).__name__].emit(event)
        with self._lock:
            self._awake = bool(self._waiting)
            if self._awake:
                self._wake.emit()
