"""Where things are kept, and what the user chose. No Qt, no torch."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from desktop.errors import KnownError

MemoryMode = Literal["auto", "device", "offload", "8bit", "sequential"]  # see engine.memory
CompileMode = Literal["auto", "on", "off"]  # see engine.compiler
RESOURCES = Path(__file__).resolve().parent.parent / "resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Every folder the program writes to. One root, so that --data moves all of it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "safelight.sqlite3"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def start_pictures(self) -> Path:
        return self.root / "start-pictures"

    @property
    def deleted(self) -> Path:
        """Pictures whose deletion can still be undone; emptied into the system's trash."""
        return self.root / "deleted"

    @property
    def thumbnails(self) -> Path:
        return self.root / "thumbnails"

    @property
    def unfinished(self) -> Path:
        """The states of running and paused pictures, from which they go on after a crash or a restart."""
        return self.root / "unfinished"

    @property
    def timelines(self) -> Path:
        """The steps each picture came by; deleting the folder loses only those."""
        return self.root / "timelines"

    @property
    def queue_owners(self) -> Path:
        """A file for each program that has pictures waiting, held while it runs; see store.saved_queue."""
        return self.root / "queue-owners"

    @property
    def previews(self) -> Path:
        """Maps from latents to pixels, one a model, fitted when its first picture was finished."""
        return self.root / "previews"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def added_models(self) -> Path:
        """A list of model folders elsewhere."""
        return self.root / "models.json"

    @property
    def to_open(self) -> Path:
        """Where a second start leaves word of a file for the window that is open."""
        return self.root / "to-open"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def starting(self) -> Path:
        """There while the window is on its way; see safe_start."""
        return self.root / "starting"

    @property
    def log(self) -> Path:
        return self.root / "safelight.log"

    def make(self) -> None:
        """Create all folders. Raises KnownError where the root cannot be written to."""
        try:
            for folder in (self.pictures, self.start_pictures, self.deleted, self.thumbnails, self.models):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise KnownError(
                f"Safelight cannot write to its data folder {self.root} ({error.strerror})",
                "Free the disk, allow writing there, or name another folder with --data.",
            ) from error
        if not os.access(self.root, os.W_OK):
            raise KnownError(
                f"Safelight cannot write to its data folder {self.root}",
                "Allow writing there, or name another folder with --data.",
            )


def find_folders(data: str | None = None) -> Folders:
    """data: what --data gave; else SAFELIGHT_DATA; else the platform's own place for user data."""
    root = data or os.environ.get("SAFELIGHT_DATA")
    if root:
        from desktop.files import user_path

        return Folders(root=user_path(root).absolute())
    import platformdirs

    return Folders(root=platformdirs.user_data_path("safelight", appauthor=False))


def compiled_folder() -> Path:
    """Blocks of networks, compiled for this machine; all of it can be made again. It is program code, so it lies where
    the user's own caches do, never in a data folder, which may come from elsewhere.
    """
    import platformdirs

    return platformdirs.user_cache_path("safelight", appauthor=False) / "compiled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user chose in the window; plain values only.

    panel: the last values of the prompt panel, as a request's JSON without the seed.
    geometry: Qt's own window geometry, base64. memory: how a model is kept; compiling: whether its blocks are compiled.
    """

    theme: Literal["system", "dark", "light"] = "system"
    model: str = "starter"
    seen_welcome: bool = False
    seed_locked: bool = False
    memory: MemoryMode = "auto"
    compiling: CompileMode = "auto"
    geometry: str = ""
    panel: dict[str, object] = dataclasses.field(default_factory=dict)

    def replace(self, **changes: object) -> "Settings":
        return dataclasses.replace(self, **changes)


class BrokenSettings(KnownError):
    """The settings file is there and cannot be used; set_aside() takes it out of the way."""


def load(path: Path) -> Settings:
    """Read the settings; a missing file gives the defaults. Raises BrokenSettings where nothing in it can be read.

    A value of the wrong type counts as not set, so one bad line never costs the others.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise BrokenSettings(
            f"The settings cannot be read ({error.strerror or error})", f"Allow reading {path}, or set it aside."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BrokenSettings(f"The settings in {path.name} are damaged", "Set the file aside, or mend it.") from error
    if not isinstance(data, dict):
        raise BrokenSettings(f"The settings in {path.name} are damaged", "Set the file aside, or mend it.")
    checks = {
        "theme": lambda v: v in ("system", "dark", "light"),
        "model": lambda v: isinstance(v, str) and v != "",
        "seen_welcome": lambda v: isinstance(v, bool),
        "seed_locked": lambda v: isinstance(v, bool),
        "memory": lambda v: v in get_args(MemoryMode),
        "compiling": lambda v: v in get_args(CompileMode),
        "geometry": lambda v: isinstance(v, str),
        "panel": lambda v: isinstance(v, dict),
    }
    kept = {key: data[key] for key, right in checks.items() if key in data and right(data[key])}
    return Settings(**kept)


def set_aside(path: Path) -> Path | None:
    """Rename the settings file, so that the next ones are written anew. Returns its new name; None if there is none.

    Raises KnownError where the disk refuses.
    """
    from desktop.files import disk_error

    aside = path.with_suffix(".broken.json")
    try:
        path.replace(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(path.parent, error) from error
    return aside


def save(path: Path, settings: Settings) -> None:
    """Write the settings so that a crash leaves the old or the new file, never half of one."""
    from desktop.files import write_atomically

    text = json.dumps(dataclasses.asdict(settings), indent=1, ensure_ascii=False)
    write_atomically(path, text.encode("utf-8"))
