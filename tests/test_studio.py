"""What the studio adds to the engine."""

from pathlib import Path

from PIL import Image

from desktop import studio as studios
from desktop.engine.families import Inputs
from desktop.engine.inputs import fit_to
from desktop.errors import KnownError
from desktop.messages import Branch, Frame, GenerationRequest, Started, TimelineStep
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
    assert [len(studio.timeline_of(record)) for record in (first, second)] == [1, 1]
    studio.pictures.delete([first.id])
    assert len(list(studio.folders.timelines.glob("*/*.zip"))) == 2, "it can still be taken back"
    studio.pictures.flush_deleted()
    studio.close()
    assert len(list(studio.folders.timelines.glob("*/*.zip"))) == 1
    assert len(studio.timeline_of(second)) == 1


def test_steps_that_another_picture_names_stay(tmp_path, monkeypatch):
    """A copy of a picture, or a stranger's file, may name the steps of any."""
    monkeypatch.setattr(studios, "system_trash", lambda path: Path(path).unlink())
    studio = Studio(Folders(root=tmp_path), lambda event: None)
    frame = Frame(width=2, height=2, rgb=bytes(12))
    step = TimelineStep(index=1, timestep=1.0, alpha=None, sigma=None, stage="main", x_0=frame, x_t=None)
    request, picture = GenerationRequest(prompt="a red apple", seed=1), Image.new("RGB", (2, 2))
    original = studio._save(request, picture, seconds=1.0, made={}, inputs=Inputs(), timeline=(step,))
    for name in ("copy", "another copy"):
        path = Path(original.path)
        path.with_stem(name).write_bytes(path.read_bytes())
    copy, other = studio.pictures.rebuild().added
    studio.pictures.delete([copy.id])
    studio.pictures.flush_deleted()
    assert len(studio.timeline_of(original)) == 1
    studio.pictures.delete([original.id, other.id])
    studio.pictures.flush_deleted()
    assert list(studio.folders.timelines.glob("*/*.zip")) == [], "the last one takes them along"
    studio.close()


def test_the_settings_of_a_picture_bring_the_picture_it_started_from(tmp_path):
    """As when a picture was made on another machine, or the kept start pictures were deleted."""
    there = Studio(Folders(root=tmp_path / "there"), lambda event: None)
    drawing = Image.new("RGB", (300, 200), "teal")
    start = there.starts.keep(drawing)
    trunk = GenerationRequest(prompt="a fox", seed=1, start_picture=start, mask=start)
    grown = trunk.replace(prompt="an owl", branch=Branch(trunk=trunk, step=3))
    inputs = Inputs(start=fit_to(drawing, 128, 128), mask=fit_to(drawing, 128, 128))
    record = there._save(grown, drawing, seconds=1.0, made={}, inputs=inputs, timeline=())
    assert there.recall(record.path) == grown
    there.close()

    here = Studio(Folders(root=tmp_path / "here"), lambda event: None)
    recalled = here.recall(record.path)
    for request in (recalled, recalled.branch.trunk):
        assert here.starts.open(request.start_picture).tobytes() == fit_to(drawing, 128, 128).tobytes()
        assert here.starts.open(request.mask).size == (128, 128)
    assert recalled.replace(start_picture=start, mask=start, branch=None) == grown.replace(branch=None)
    here.close()


def test_making_a_picture_again_to_compare_it_is_no_new_prompt(tmp_path):
    studio = Studio(Folders(root=tmp_path), lambda event: None)
    studio._emit(Started(job_id="1", request=GenerationRequest(prompt="a red apple", seed=1), saved=False))
    assert studio.history.recent() == ()
    studio.close()
