import queue

import pytest

from desktop.engine.engine import Engine
from desktop.library.library import Library
from desktop.messages import TERMINAL, GenerationRequest, PictureRecord
from tests.models import STARTER, write_stable_diffusion


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("models") / "tiny")


class Bench:
    """An engine with a real library, that keeps pictures in memory and events in a list."""

    def __init__(self, tiny, folder, **parts):
        self.events = queue.Queue()
        self.seen = []
        self.images = {}
        self.timelines = {}
        self.started = False
        self.before_save = lambda: None
        self.library = Library(builtin=STARTER, models=tiny.parent, added=folder / "models.json")
        self.starts = {}
        self.engine = Engine(
            models=self.library, save=self._save, open_start=self.starts.__getitem__, emit=self._emit, **parts
        )
        self.on_event = lambda event: None

    def _emit(self, event):
        self.on_event(event)
        self.events.put(event)

    def _save(self, request, image, *, seconds, made, inputs, timeline):
        self.before_save()
        self.images[request] = image
        self.timelines[request] = timeline
        return PictureRecord(id=len(self.images), path="", request=request, created_at=0.0, seconds=seconds)

    def start(self):
        if not self.started:
            self.engine.start()
            self.started = True

    def wait(self, job, timeout=600):
        """The job's terminal event; everything on the way is in seen."""
        while True:
            event = self.events.get(timeout=timeout)
            self.seen.append(event)
            if isinstance(event, TERMINAL) and event.job_id == job:
                return event

    def run(self, request):
        self.start()
        return self.wait(self.engine.submit(request))

    def image(self, request):
        event = self.run(request)
        assert event.__class__.__name__ == "Saved", event
        return self.images[request]

    def of(self, kind):
        return [event for event in self.seen if isinstance(event, kind)]


@pytest.fixture
def bench(tiny, tmp_path):
    bench = Bench(tiny, tmp_path)
    yield bench
    assert bench.engine.close(60)


def request(**changes):
    values = {"prompt": "a red apple", "seed": 7, "model": "tiny", "steps": 4, "width": 32, "height": 32}
    return GenerationRequest(**(values | {"scheduler": "ddim"} | changes))
