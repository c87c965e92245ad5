"""Small fakes of everything the window needs of the rest of the program."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication

from desktop.errors import KnownError
from desktop.messages import AddedFile, Frame, GenerationRequest, ModelInfo, PictureRecord, Preview, QueuedJob

SMALL = ModelInfo(
    name="starter",
    title="Built-in starter",
    path="/models/starter",
    family="stable-diffusion",
    bytes=61_400_000,
    width=128,
    height=128,
    size_multiple=8,
    sizes=((128, 128), (96, 128), (128, 96)),
    steps=20,
    guidance_scale=4.0,
    scheduler="ddim",
    schedulers=("ddim", "euler", "dpmpp_2m"),
    note="Small icon-like pictures.",
    builtin=True,
)
LARGE = ModelInfo(
    name="large",
    title="A large one",
    path="/models/large",
    family="stable-diffusion",
    bytes=3_438_000_000,
    width=512,
    height=512,
    size_multiple=64,
    sizes=((512, 512), (512, 768), (768, 512)),
    steps=30,
    guidance_scale=7.5,
    scheduler="dpmpp_2m",
    schedulers=("dpmpp_2m", "euler"),
)
SHA = "0123456789abcdef" * 4


def request(prompt="a fox", seed=7, **more):
    return GenerationRequest(prompt=prompt, seed=seed, **({"width": SMALL.width, "height": SMALL.height} | more))


def record(path="/pictures/fox.png", seconds=4.4, **more):
    return PictureRecord(id=1, path=str(path), request=request(**more), created_at=0.0, seconds=seconds)


def job(number, running=False):
    return QueuedJob(job_id=f"job{number}", request=request(f"picture {number}"), running=running)


def frame(side=4, grey=100):
    return Frame(width=side, height=side, rgb=bytes([grey]) * (3 * side * side))


def preview(job_id="job0", step=1, total=20, seconds_left=None, grey=100):
    return Preview(
        job_id=job_id, step=step, total=total, frame=frame(grey=grey), seconds=1.0, seconds_left=seconds_left
    )


def write_picture(path, width=32, height=16, color=Qt.GlobalColor.red):
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(color)
    assert image.save(str(path))
    return Path(path)


class Engine:
    """Writes down what it is told; does nothing."""

    def __init__(self):
        self.submitted, self.cancelled, self.moved, self.warm, self.asked = [], [], [], [], []
        self.paused = False
        self.modes = None

    def set_modes(self, *, memory, compiling):
        self.modes = memory, compiling

    def submit(self, request):
        self.submitted.append(request)
        return f"job{len(self.submitted) - 1}"

    def cancel(self, job_id):
        self.cancelled.append(job_id)

    def move(self, job_id, index):
        self.moved.append((job_id, index))

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def warm_up(self, model):
        self.warm.append(model)

    def look(self, question):
        self.asked.append(question)


def look_at(path, model):
    """A file's name says what it is: a LoRA "of" a model goes on no other."""
    stem = Path(path).stem
    if stem.startswith("word"):
        return AddedFile(path=str(path), kind="embedding", title=stem, words=(stem,))
    if not stem.startswith("lora"):
        raise KnownError(f"{Path(path).name} is a whole model", "Give a LoRA or an embedding.")
    _, of, only = stem.partition("-of-")
    wrong = KnownError("This LoRA was made for another model", "Choose another.") if of and only != model else None
    return AddedFile(path=str(path), kind="lora", title=stem, words=("in crayon",), wrong=wrong)


class Models:
    def __init__(self, *models):
        self.models = list(models or (SMALL, LARGE))

    def list(self):
        return tuple(self.models)

    def add(self, path):
        if "broken" in path:
            raise KnownError("This folder is no model", "Choose the one that holds model_index.json.")
        self.models.append(LARGE)
        return LARGE

    def resolve(self, name):
        for model in self.models:
            if model.name == name:
                return model
        raise KnownError(f"There is no model called {name}", "Choose another on the Models page.")

    def check_all(self):
        return {model.name: None for model in self.models}

    look_at = staticmethod(look_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    prompt: str
    negative_prompt: str = ""
    model: str = "starter"
    last_used: float = 0.0
    uses: int = 1


class History:
    """Entries, the newest first."""

    def __init__(self, *prompts):
        self.entries = tuple(Entry(prompt=prompt) for prompt in prompts)

    def recent(self, limit):
        return self.entries[:limit]

    def search(self, text, limit):
        return tuple(entry for entry in self.entries if text in entry.prompt)[:limit]


class Starts:
    """Keeps the path it was given last under one fingerprint."""

    def __init__(self):
        self.path = None

    def keep(self, path):
        if QImage(path).isNull():
            raise KnownError(f"{Path(path).name} is not a picture", "Choose a PNG, JPEG or WebP file.")
        self.path = Path(path)
        return SHA

    def path_of(self, sha):
        if self.path is None:
            raise KnownError("The start picture is gone", "Drop it again.")
        return self.path


def drop(widget, path, modifiers=Qt.KeyboardModifier.NoModifier):
    """Drop a file on the middle of a widget. Returns whether the widget wanted it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    middle, buttons = widget.rect().center(), Qt.MouseButton.LeftButton
    with warnings.catch_warnings():  # deprecated in 6.12; what takes its place is not in 6.8
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(middle, Qt.DropAction.CopyAction, data, buttons, modifiers)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(middle), Qt.DropAction.CopyAction, data, buttons, modifiers)
    QApplication.sendEvent(widget, event)
    return True
