"""What every test gets: no display, no network, no traces left behind."""

import gc
import os
import sys
import threading
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny networks gain nothing from threads, and lose much where the machine has other work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Nothing a test does reaches the user's own pictures."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SAFELIGHT_DATA", str(folder))
    return folder


@pytest.fixture
def database(tmp_path):
    from desktop.store.database import Database

    database = Database(tmp_path / "safelight.sqlite3")
    yield database
    database.close_all()


@pytest.fixture
def pictures(database, tmp_path):
    from desktop.settings import Folders
    from desktop.store.pictures import Pictures

    folders = Folders(root=tmp_path)
    folders.make()
    return Pictures(database, folders)


@pytest.fixture(autouse=True)
def no_traces(request):
    """Fails a test that leaves a thread, a running timer or a top-level widget behind."""
    threads = set(threading.enumerate())
    yield
    _wait_for(lambda: not _new_threads(threads))
    left = [f"thread {thread.name}" for thread in _new_threads(threads)]
    if "PySide6.QtWidgets" in sys.modules:
        left += _qt_traces()
    assert not left, f"left behind: {', '.join(left)}"


def _new_threads(before):
    # torch and tqdm keep helpers for the whole process; they are nobody's job.
    return {t for t in threading.enumerate() if t not in before and t.is_alive() and not _is_for_good(t)}


def _is_for_good(thread):
    return thread.name.startswith(("tqdm", "asyncio_", "pydevd")) or type(thread).__name__ == "_DummyThread"


def _wait_for(condition, seconds=5.0):
    """A thread told to end needs a moment; the wait ends as soon as it has."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(0.05)
        threading.Event().wait(0.01)


def _qt_traces():
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer
    from PySide6.QtWidgets import QApplication
    from shiboken6 import isValid

    application = QApplication.instance()
    if not isinstance(application, QApplication):
        return []
    gc.collect()
    for _ in range(3):
        application.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    widgets = [w for w in QApplication.topLevelWidgets() if isValid(w) and w.parent() is None]
    # By type(): isinstance asks each object for its class, which some of torch's answer with a warning.
    timers = [o for o in gc.get_objects() if issubclass(type(o), QTimer) and isValid(o) and o.isActive()]
    left = [f"widget {type(w).__name__} {w.objectName()}" for w in widgets]
    left += [f"timer every {t.interval()} ms of {type(t.parent()).__name__}" for t in timers]
    for widget in widgets:
        widget.deleteLater()
    for timer in timers:
        timer.stop()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return left
