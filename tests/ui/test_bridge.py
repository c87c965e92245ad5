import threading

import pytest
from PySide6.QtCore import QCoreApplication, QThread

from desktop.messages import (
    Cancelled,
    EngineReady,
    Failed,
    Phase,
    PhaseChanged,
    QueueChanged,
    Saved,
    Started,
)
from desktop.ui.bridge import Bridge
from tests.ui.window_parts import job, preview, record, request

SIGNALS = ("ready", "phase", "queue_changed", "started", "preview", "saved", "cancelled", "failed")


@pytest.fixture
def bridge(qapp):
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def arrived(bridge):
    """Every message in the order of arrival."""
    messages = []
    for name in SIGNALS:
        getattr(bridge, name).connect(messages.append)
    return messages


def from_a_thread(work):
    """Run it on a thread while the GUI thread does nothing else; return when it is done."""
    thread = threading.Thread(target=work, name="test-engine")
    thread.start()
    thread.join()


def deliver():
    QCoreApplication.processEvents()


def test_every_kind_of_event_has_its_signal_and_the_order_is_kept(bridge, arrived):
    events = [
        EngineReady(device="CPU"),
        PhaseChanged(job_id=None, phase=Phase.LOADING),
        QueueChanged(jobs=(job(0, running=True),)),
        Started(job_id="job0", request=request()),
        preview(),
        Saved(job_id="job0", record=record()),
        Cancelled(job_id="job1", request=request(), step=0),
        Failed(job_id="job2", request=request(), message="m", hint="h"),
    ]
    from_a_thread(lambda: [bridge.post(event) for event in events])
    assert arrived == []  # nothing arrives before the GUI thread takes it
    deliver()
    assert arrived == events


def test_messages_arrive_on_the_gui_thread(bridge, qtbot):
    threads = []
    bridge.started.connect(lambda _: threads.append(QThread.currentThread()))
    from_a_thread(lambda: bridge.post(Started(job_id="job0", request=request())))
    deliver()
    assert threads == [QCoreApplication.instance().thread()]


def test_a_busy_window_gets_only_the_newest_preview(bridge, arrived):
    def engine():
        bridge.post(Started(job_id="job0", request=request()))
        for step in range(1, 201):
            bridge.post(preview(step=step, total=200))
            assert bridge.waiting <= 2
        bridge.post(Saved(job_id="job0", record=record()))

    from_a_thread(engine)
    deliver()
    assert [type(message).__name__ for message in arrived] == ["Started", "Preview", "Saved"]
    assert arrived[1].step == 200


def test_an_idle_window_gets_every_preview(bridge, arrived):
    for step in range(1, 6):
        from_a_thread(lambda step=step: bridge.post(preview(step=step)))
        deliver()
    assert [message.step for message in arrived] == [1, 2, 3, 4, 5]


def test_a_preview_never_follows_the_end_of_its_job(bridge, arrived):
    def engine():
        bridge.post(Cancelled(job_id="job0", request=request(), step=3))
        bridge.post(preview(job_id="job0", step=4))
        bridge.post(preview(job_id="job1", step=1))

    from_a_thread(engine)
    deliver()
    bridge.post(preview(job_id="job0", step=5))
    deliver()
    assert [(type(m).__name__, m.job_id) for m in arrived] == [("Cancelled", "job0"), ("Preview", "job1")]


def test_a_new_preview_waits_its_turn_behind_what_was_posted_before_it(bridge, arrived):
    bridge.post(preview(step=1))
    bridge.post(QueueChanged(jobs=()))
    bridge.post(preview(step=2))
    deliver()
    assert [type(message).__name__ for message in arrived] == ["QueueChanged", "Preview"]


def test_loading_tells_its_latest_bytes_only(bridge, arrived):
    for done in range(100):
        bridge.post(PhaseChanged(job_id=None, phase=Phase.LOADING, done_bytes=done, total_bytes=100))
    bridge.post(PhaseChanged(job_id=None, phase=Phase.ENCODING))
    deliver()
    assert [(m.phase, m.done_bytes) for m in arrived] == [(Phase.LOADING, 99), (Phase.ENCODING, 0)]


def test_an_event_posted_while_delivering_arrives_afterwards(bridge, arrived):
    bridge.started.connect(lambda event: bridge.post(preview(step=1)) if event.job_id == "job0" else None)
    bridge.post(Started(job_id="job0", request=request()))
    bridge.post(Started(job_id="job1", request=request()))
    deliver()
    deliver()
    assert [type(message).__name__ for message in arrived] == ["Started", "Started", "Preview"]


def test_nothing_arrives_after_closing(bridge, arrived):
    bridge.post(EngineReady(device="CPU"))
    bridge.close()
    from_a_thread(lambda: bridge.post(EngineReady(device="CPU")))
    deliver()
    assert arrived == []
    assert bridge.waiting == 0


def test_an_engine_that_outlives_the_bridge_does_no_harm(qapp):
    bridge = Bridge()
    bridge.close()
    bridge.deleteLater()
    QCoreApplication.sendPostedEvents(None, 52)  # DeferredDelete
    bridge.post(EngineReady(device="CPU"))
