"""The models this machine has: the built-in one, those in the models folder, those added from elsewhere."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desktop.engine.families import Family, ModelFolder, family_of
from desktop.engine.families.folder import read_table
from desktop.engine.families.sources import check_shapes, is_model_file, open_model
from desktop.errors import KnownError
from desktop.files import user_path, write_atomically
from desktop.library.shards import check_shards
from desktop.library.weights import check_files, check_pieces, check_weights
from desktop.messages import SCHEDULERS, AddedFile, ModelInfo
from desktop.settings import RESOURCES, Folders

BUILTIN = "starter"
CARD = "safelight.json"  # beside model_index.json: what its makers recommend


class Library:
    """Finds models by name or path; reads their configuration, never their weights.

    builtin: the folder of the model that ships inside. models: the user's models folder, one folder a model.
    added: a JSON list of folders elsewhere.
    """

    def __init__(self, *, builtin: Path, models: Path, added: Path) -> None:
        self._builtin = builtin
        self._models = models
        self._added = added

    def list(self) -> tuple[ModelInfo, ...]:
        """Every usable model, the built-in one first; what is broken is left out, check() tells why."""
        found: dict[str, ModelInfo] = {}
        for name, folder in self._folders().items():
            try:
                found[name] = self._describe(name, folder)
            except KnownError:
                continue
        return tuple(found.values())

    def resolve(self, name: str) -> ModelInfo:
        """name: of a model in the library, or the path of a model's folder or file. Raises KnownError."""
        folders = self._folders()
        if name in folders:
            return self._describe(name, folders[name])
        path = user_path(name)
        with contextlib.suppress(OSError, ValueError):  # a name no file can have
            if path.is_dir() or path.is_file():
                return self._describe(str(path.absolute()), path.absolute())
        raise KnownError(
            f"There is no model called {name[:200]}",
            f"Choose one of {', '.join(info.name for info in self.list())}, or give a model's folder or file.",
        )

    def add(self, path: str) -> ModelInfo:
        """Remember a folder or a file elsewhere, once it is found whole. Raises KnownError."""
        folder = user_path(path).absolute()
        if not _is_there(folder):
            raise KnownError(
                f"{str(folder)[:300]} is not there", "Give a model's folder, or its .safetensors or .gguf file."
            )
        for name, known in self._folders().items():
            if known == folder:
                return self._describe(name, folder)
        self.check(folder)
        # One of the same name that has gone was most likely moved here, and what was made with it names it so. Where
        # the folder it lay in is away too, its disk may be unplugged.
        paths = [p for p in self._read_added() if Path(p).name != folder.name or not _has_gone(Path(p))]
        paths.append(str(folder))
        write_atomically(self._added, json.dumps(paths, indent=1).encode())
        name = next(name for name, known in self._folders().items() if known == folder)
        return self._describe(name, folder)

    def forget(self, name: str) -> None:
        """Take a model that was added out of the list; its files stay where they are. Raises KnownError."""
        folder = self._folders().get(name)
        if folder is None:
            raise KnownError(
                f"There is no model called {name[:200]}", "Name one that models list or models check tells."
            )
        if folder == self._builtin:
            raise KnownError("The built-in model is a part of Safelight", "Name one that was added.")
        paths = [path for path in self._read_added() if Path(path) != folder]
        if len(paths) == len(self._read_added()):
            raise KnownError(f"{name} was not added; it lies in the models folder", f"Delete {folder} to be rid of it.")
        write_atomically(self._added, json.dumps(paths, indent=1).encode())

    def check(self, folder: Path) -> None:
        """Look at every file of a model, the weights' headers included. Raises KnownError for the first fault.

        Imports torch: the weights' shapes are compared with those of the networks that the configuration describes.
        """
        with _readable(folder):
            model, family = _recognise(folder)
            if family.standalone:
                family.describe(model, name=folder.name, builtin=False)
            if folder.is_dir():  # a file's header was looked at to recognise it
                for part in (folder, *(path for path in folder.iterdir() if path.is_dir())):
                    check_files(part)
                for component in family.weighted(model):
                    check_weights(folder / component)
                    check_shards(folder / component)
            check_shapes(model, family.weighted(model))

    def check_all(self) -> dict[str, KnownError | None]:
        """Every folder and file the library knows, with what is wrong with it; a LoRA among them may be whole too."""
        faults: dict[str, KnownError | None] = {}
        for name, folder in self._folders().items():
            try:
                if not _is_addition(folder):
                    self.check(folder)
                faults[name] = None
            except KnownError as error:
                faults[name] = error
        return faults

    def look_at(self, path: str, model: str) -> AddedFile:
        """What a LoRA or an embedding is, and whether it goes on that model. Reads the file's header.

        Raises KnownError where it is neither, or damaged.
        """
        from desktop.library.lora_header import matches, name_of
        from desktop.library.recognise import recognise

        file = user_path(path).absolute()
        kind = recognise(file)
        if kind.kind not in ("lora", "embedding"):
            raise KnownError(f"{file.name} is {name_of(kind)}", "Give a LoRA or an embedding.")
        lora = kind.kind == "lora"
        return AddedFile(
            path=str(file),
            kind=kind.kind,
            title=file.stem,
            words=kind.trigger_words if lora else (file.stem,),
            wrong=matches(kind, self.resolve(model).family) if lora else None,
        )

    def _describe(self, name: str, folder: Path) -> ModelInfo:
        """Raises KnownError where it is no model, and where a part of it is not there."""
        with _readable(folder):
            model, family = _recognise(folder)
            info = family.describe(model, name=name, builtin=folder == self._builtin)
            if folder.is_dir():
                for component in family.weighted(model):
                    check_pieces(folder / component)
            return _with_card(info, folder)

    def _folders(self) -> dict[str, Path]:
        folders = {BUILTIN: self._builtin}
        try:
            here = [
                p
                for p in sorted(self._models.iterdir())
                if _is_file(p / "model_index.json") or (is_model_file(p) and _is_file(p))
            ]
        except OSError:
            here = []
        for path in here + [Path(p) for p in self._read_added()]:
            stem = path.stem if is_model_file(path) else path.name
            name, n = stem, 2
            while name in folders:
                name, n = f"{stem}-{n}", n + 1
            folders[name] = path
        return folders

    def _read_added(self) -> tuple[str, ...]:
        try:
            paths = json.loads(self._added.read_text(encoding="utf-8"))
        except OSError:
            return ()
        except (ValueError, RecursionError):
            with contextlib.suppress(OSError):  # set aside, so that the next model added does not overwrite it
                self._added.replace(self._added.with_suffix(".broken.json"))
            return ()
        return tuple(p for p in paths if isinstance(p, str)) if isinstance(paths, list) else ()


def open_library(folders: Folders) -> Library:
    """The library of the user whose folders these are."""
    return Library(builtin=RESOURCES / "models" / BUILTIN, models=folders.models, added=folders.added_models)


def _recognise(folder: Path) -> tuple[ModelFolder, Family]:
    model = open_model(folder)
    family = family_of(model)
    if family is None:
        raise KnownError(
            f"Safelight does not know the model family {model.pipeline[:60]} of {folder.name}",
            "Choose a model of another kind, such as Stable Diffusion or FLUX.",
        )
    return model, family


def _is_addition(path: Path) -> bool:
    """Whether it is a file that goes on a model, a LoRA or an embedding; people keep them beside their models."""
    from desktop.library.recognise import recognise

    return _is_file(path) and recognise(path).kind in ("lora", "embedding")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence about the model."""
    try:
        yield
    except OSError as error:
        raise KnownError(
            f"The model {str(path)[:300]} cannot be read ({error.strerror or error})", "Allow reading it, or remove it."
        ) from error


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir() or path.is_file()
    except (OSError, ValueError):
        return False


def _has_gone(path: Path) -> bool:
    """Whether the folder it lay in is there, and it is not."""
    return _is_there(path.parent) and not _is_there(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # not allowed to look, or a name no file can have
        return False


def _with_card(info: ModelInfo, folder: Path) -> ModelInfo:
    """What the model's makers recommend, where it makes sense; anything else in the card is passed over."""
    card = read_table(folder / CARD) or {}
    changes: dict[str, Any] = {}
    for field, limit in (("title", 60), ("note", 600)):
        if isinstance(card.get(field), str) and 0 < len(card[field]) <= limit:
            changes[field] = card[field]
    if type(card.get("steps")) is int and 1 <= card["steps"] <= 200:
        changes["steps"] = card["steps"]
    if type(card.get("guidance_scale")) in (int, float) and 0 <= card["guidance_scale"] <= 30:
        changes["guidance_scale"] = float(card["guidance_scale"])
    schedulers = card.get("schedulers")
    if isinstance(schedulers, list) and schedulers and all(s in SCHEDULERS for s in schedulers):
        changes["schedulers"] = tuple(schedulers)
    scheduler = card.get("scheduler")
    if scheduler in changes.get("schedulers", info.schedulers):
        changes["scheduler"] = scheduler
    return dataclasses.replace(info, **changes)
