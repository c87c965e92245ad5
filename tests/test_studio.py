"""What the studio adds to the engine."""

from desktop.errors import KnownError
from desktop.messages import GenerationRequest, Started
from desktop.settings import Folders
from desktop.studio import Studio


def test_a_disk_that_takes_no_history_stops_no_picture(tmp_path, monkeypatch):
    told = []
    studio = Studio(Folders(root=tmp_path), told.append)

    def refuse(request):
        raise KnownError("The disk is full")

    monkeypatch.setattr(studio.history, "add", refuse)
    started = Started(job_id="1", request=GenerationRequest(prompt="a red apple", seed=1))
    studio._emit(started)  # on the engine's thread, which an exception would end
    assert told == [started]
    studio.close()
