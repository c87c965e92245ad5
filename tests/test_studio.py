"""What the studio adds to the engine."""

from pathlib import Path

from PIL import Image

from desktop import studio as studios
from desktop.engine.families import Inputs
from desktop.errors import KnownError
from desktop.messages import Frame, GenerationRequest, Started, TimelineStep
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


def test_the_steps_of_a_picture_go_when_it_goes_to_the_trash(tmp_path, monkeypatch):
    monkeypatch.setattr(studios, "system_trash", lambda path: Path(path).unlink())
    studio = Studio(Folders(root=tmp_path), lambda event: None)
    frame = Frame(width=2, height=2, rgb=bytes(12))
    step = TimelineStep(index=1, timestep=1.0, alpha=None, sigma=None, stage="main", x_0=frame, x_t=None)
    request = GenerationRequest(prompt="a red apple", seed=1)
    picture = Image.new("RGB", (2, 2))
    first, second = (
        studio._save(request, picture, seconds=1.0, made={}, inputs=Inputs(), timeline=(step,)) for _ in range(2)
    )
    assert len(studio.timeline_of(first)) == 1
    studio.pictures.delete([first.id])
    assert len(list(studio.folders.timelines.glob("*/*.zip"))) == 2, "it can still be taken back"
    studio.pictures.flush_deleted()
    studio.close()
    assert len(list(studio.folders.timelines.glob("*/*.zip"))) == 1
    assert len(studio.timeline_of(second)) == 1
