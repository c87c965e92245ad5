"""Whether this installation is whole: every part that a picture or the window needs is tried, and one page says so.

Made for the installed application, where a file that was left out shows only when it is needed; it holds for a source
tree as well. Everything is written into a folder that is gone afterwards. No Qt is imported before it is tried.
"""

import contextlib
import ctypes
import json
import os
import platform
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from desktop import __version__
from desktop.errors import KnownError
from desktop.messages import SCHEDULERS, Event, Failed, GenerationRequest, Saved
from desktop.settings import RESOURCES, Folders

_STEPS = 4


class Wrong(Exception):
    """A check that did not hold. str(): what is wrong, in one sentence."""


def main() -> int:
    """Print the page. Returns 0 where all is well, else 1."""
    began = time.monotonic()
    wrong = 0
    print(f"Safelight {__version__} on {platform.system()} {platform.machine()}, Python {platform.python_version()}")
    print(f"from {RESOURCES.parent}")
    with tempfile.TemporaryDirectory(prefix="safelight-check-") as folder:
        for title, found, is_well in checked(checks(Path(folder))):
            print(f"  {'ok   ' if is_well else 'WRONG'}  {title:<18} {found}", flush=True)
            wrong += not is_well
    verdict = "All is well." if not wrong else f"{wrong} of these checks failed; install Safelight again."
    print(f"{verdict} ({time.monotonic() - began:.0f} s)")
    return 1 if wrong else 0


def checked(checks: "tuple[tuple[str, Callable[[], str]], ...]") -> Iterator[tuple[str, str, bool]]:
    """(title, what was found, whether it is well) of each check, in turn. None of them ends the others."""
    for title, check in checks:
        try:
            yield title, check(), True
        except Wrong as error:
            yield title, str(error), False
        except Exception as error:  # whatever a missing part makes a library raise
            yield title, _reason(error), False


def _reason(error: BaseException) -> str:
    """In one line, what lies under an error: the libraries wrap an import that failed in errors of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"[:300]


def checks(folder: Path) -> "tuple[tuple[str, Callable[[], str]], ...]":
    """folder: an empty one, for what is written."""
    folders = Folders(root=folder / "data")
    drawing = _Drawing(folders)
    return (
        ("packaged files", packaged_files),
        ("libraries", libraries),
        ("modules", modules),
        ("schedulers", schedulers),
        ("configurations", configurations),
        ("model families", families),
        ("pipelines", pipelines),
        ("a picture", drawing.draw),
        ("the same again", drawing.replay),
        ("the database", drawing.database),
        ("pictures on disk", lambda: picture_formats(folder)),
        ("the window", lambda: window(folders)),
        ("window systems", window_systems),
    )


def packaged_files() -> str:
    """What the program opens by its place: model, font, icons, catalogue, licences."""
    patterns = {
        "models/starter/model_index.json": 1,
        "models/starter/*/*.safetensors": 3,
        "fonts/*.ttf": 3,
        "icons/*.svg": 20,
        "catalogue.json": 1,
        "configs/*/model_index.json": 10,
    }
    for pattern, least in patterns.items():
        found = [path for path in RESOURCES.glob(pattern) if path.stat().st_size]
        if len(found) < least:
            raise Wrong(f"resources/{pattern}: {len(found)} files where there are {least} at least")
    for path in RESOURCES.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in RESOURCES.rglob("*") if path.is_file())
    return f"{size / 1e6:.0f} MB"


def libraries() -> str:
    """The large ones, and those that are imported only when something needs them."""
    import importlib

    from desktop.engine.hardware import find_device
    from desktop.engine.startup import import_torch_gently

    import_torch_gently()
    for name in (
        "accelerate",
        "peft",
        "gguf",
        "scipy.integrate",
        "torchsde",
        "keyring",
        "send2trash",
        "PIL.WebPImagePlugin",
    ):
        importlib.import_module(name)
    import diffusers
    import torch
    import transformers

    import desktop.library.downloads  # noqa: F401 - brings what fetching needs

    device = find_device()
    versions = f"diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    return f"torch {torch.__version__} on {device.title}, {versions}"


def modules() -> str:
    """Every module of the program can be imported, but for training, which an installed application leaves out."""
    import importlib
    import pkgutil

    import desktop

    count = 0
    for found in pkgutil.walk_packages(desktop.__path__, "desktop."):
        if not found.name.startswith("desktop.training") and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            count += 1
    if count < 100:
        raise Wrong(f"only {count} are there")
    return f"{count} of the program's own"


def schedulers() -> str:
    """Each one a request can name takes a step."""
    import torch

    from desktop.engine import schedulers

    for name in SCHEDULERS:
        if name == "native":
            continue
        scheduler = schedulers.make(name, {"num_train_timesteps": 100}, 1)
        scheduler.set_timesteps(3)
        sample = torch.ones(1, 4, 8, 8)
        if hasattr(scheduler, "scale_model_input"):
            scheduler.scale_model_input(sample, scheduler.timesteps[0])
        scheduler.step(sample * 0.1, scheduler.timesteps[0], sample)
    return f"{len(SCHEDULERS) - 1} take a step"


def configurations() -> str:
    """Every packaged one: its classes are there, its tokenizers load."""
    from desktop.engine.configs import CONFIGS, load_tokenizer, read_table
    from desktop.engine.families import family_of
    from desktop.engine.families.components import class_of, named
    from desktop.engine.families.folder import open_folder

    folders = sorted(path.parent for path in CONFIGS.glob("*/model_index.json"))
    tried: set[str] = set()  # several share one tokenizer
    for path in folders:
        folder = open_folder(path)
        if family_of(folder) is None:
            raise Wrong(f"no family knows {path.name}")
        for component, (_, name) in named(folder).items():
            class_of(folder, component)
            source = f"{name} {read_table(path / 'tokenizers.json').get(component)}"
            if "Tokenizer" in name and source not in tried:
                tried.add(source)
                tokenizer = load_tokenizer(path, component, name)
                if not tokenizer("a red apple")["input_ids"]:
                    raise Wrong(f"the {component} of {path.name} reads nothing")
    return f"{len(folders)} with their tokenizers"


def families() -> str:
    """Every class that a family names is a pipeline of diffusers."""
    import diffusers

    from desktop.engine.families import FAMILIES

    names: set[str] = set()
    for family in FAMILIES:
        names |= set(getattr(family, "pipelines", ()))
        names |= set(getattr(family, "tasks", {}).values()) | set(getattr(family, "_KNOWN", {}))
        names |= {cls for tasks in getattr(family, "_IMAGE_TO_IMAGE", {}).values() for cls in tasks.values()}
        if getattr(family, "text_to_image", None):
            names.add(family.text_to_image)
    for name in sorted(names):
        if not issubclass(getattr(diffusers, name), diffusers.DiffusionPipeline):
            raise Wrong(f"{name} is no pipeline of diffusers {diffusers.__version__}")
    return f"{len(FAMILIES)} families, {len(names)} pipelines"


def pipelines() -> str:
    """Every pipeline diffusers has can be imported, whatever a model's folder names."""
    import diffusers

    there, missing = 0, []
    for name in sorted(name for name in dir(diffusers) if name.endswith("Pipeline") and name[0].isupper()):
        try:
            found = getattr(diffusers, name)
        except Exception as error:
            missing.append(f"{name} ({_reason(error)})")
        else:
            there += not hasattr(found, "_backends")  # diffusers' own stand-in, where a library of its choice is absent
    if missing:
        raise Wrong(f"{len(missing)} of {there + len(missing)} cannot be imported, such as {missing[0]}")
    return f"{there} of diffusers"


class _Drawing:
    """One picture of the built-in model, made, kept and made again."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._path: Path | None = None

    def draw(self) -> str:
        began = time.monotonic()
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with self._studio(events) as studio:
            info = studio.library.resolve("starter")
            request = GenerationRequest(
                prompt="a red apple",
                model=info.name,
                seed=7,
                steps=_STEPS,
                guidance_scale=info.guidance_scale,
                scheduler=info.scheduler,
                width=info.width,
                height=info.height,
            )
            record = _wait(studio, events, request)
        self._path = Path(record.path)
        return f"{info.width}x{info.height} in {_STEPS} steps, {time.monotonic() - began:.1f} s with loading"

    def replay(self) -> str:
        from desktop.replay import Replay

        replay = Replay(self._drawn())
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with self._studio(events, save=replay.keep, open_start=replay.open_start) as studio:
            _wait(studio, events, replay.request)
        found = replay.compare()
        if not found.identical:
            raise Wrong(found.words().replace("\n", "; "))
        return "every pixel is the same"

    def database(self) -> str:
        import sqlite3

        path = self._drawn()
        with self._studio(queue.SimpleQueue()) as studio:
            listed = [Path(record.path) for record in studio.pictures.list(text="apple", limit=10)]
            if listed != [path]:
                raise Wrong("the picture is not found by its prompt")
        with contextlib.closing(sqlite3.connect(self._folders.database)) as database:
            (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise Wrong(str(verdict))
        return f"SQLite {sqlite3.sqlite_version}; the picture is found by its prompt"

    def _drawn(self) -> Path:
        if self._path is None:
            raise Wrong("there is no picture to look at")
        return self._path

    @contextlib.contextmanager
    def _studio(self, events: "queue.SimpleQueue[Event]", **parts: Any) -> Iterator[Any]:
        from desktop.studio import Studio

        studio = Studio(self._folders, events.put, **parts)
        try:
            yield studio
        finally:
            studio.close()


def _wait(studio: Any, events: "queue.SimpleQueue[Event]", request: GenerationRequest) -> Any:
    """Run one request; the record of its picture."""
    studio.engine.start()
    job = studio.engine.submit(request)
    while True:
        event = events.get(timeout=600)
        if isinstance(event, Saved) and event.job_id == job:
            return event.record
        if isinstance(event, Failed):
            raise Wrong(str(KnownError(event.message, event.hint)))


def picture_formats(folder: Path) -> str:
    """The formats a start picture may have, and those a timeline is exported in."""
    from PIL import Image

    kinds = ("png", "jpeg", "webp", "gif", "tiff", "bmp")
    for kind in kinds:
        path = folder / f"picture.{kind}"
        Image.new("RGB", (16, 16), "teal").save(path)
        with Image.open(path) as picture:
            picture.convert("RGB").load()
    return ", ".join(kinds)


def window(folders: Folders) -> str:
    """The program's own window is drawn, on no screen, with what the folders hold."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QEvent, qVersion
    from PySide6.QtGui import QImageReader
    from PySide6.QtWidgets import QApplication

    from desktop.app import App

    application = QApplication.instance() or QApplication(sys.argv[:1])
    readable = {bytes(kind.data()).decode() for kind in QImageReader.supportedImageFormats()}
    if missing := {"png", "jpeg", "webp", "svg", "gif"} - readable:
        raise Wrong(f"Qt cannot read {', '.join(sorted(missing))}")
    app = App(folders)
    try:
        app.window.show()
        app.show_pictures()
        application.processEvents()
        drawn = app.window.grab().toImage()
        colours = {drawn.pixel(x, y) for x in range(0, drawn.width(), 8) for y in range(0, drawn.height(), 8)}
        if len(colours) < 8:
            raise Wrong("what is drawn stays empty")
        return f"Qt {qVersion()}, {drawn.width()}x{drawn.height()}, drawn on no screen"
    finally:
        app.window.close()
        app.close()
        app.window.deleteLater()
        app.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def window_systems() -> str:
    """The plugins that open a window on a real screen can be loaded: on Linux they need libraries of the system."""
    from PySide6.QtCore import QLibraryInfo

    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    names = {"linux": ("xcb", "wayland"), "darwin": ("cocoa",), "win32": ("windows",)}.get(sys.platform, ())
    for name in names:
        found = [path for path in folder.iterdir() if path.stem.removeprefix("lib") == f"q{name}"]
        if not found:
            raise Wrong(f"the plugin {name} is missing in {folder}")
        try:
            ctypes.CDLL(str(found[0]))
        except OSError as error:
            raise Wrong(f"{name}: {error}") from error
    return " and ".join(names) or "none to check"
