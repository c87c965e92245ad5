"""Which modules of the large libraries a bundle needs, told from their sources; nothing of them is run for it.

PyInstaller follows import statements. diffusers and transformers import most of what they have by name, when it is
first asked for, so that here it is said what can be asked for.
"""

import functools
import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# Whoever loads a folder in diffusers layout, or puts a LoRA on it, asks transformers for classes.
ASKERS = ("diffusers", "peft", "accelerate")
# Never followed: auto names every model there is, deprecated ones too.
_EVERYTHING = "auto"
# Read by patterns: parsing the sources of diffusers takes a hundred times as long.
_FROM_TRANSFORMERS = re.compile(r"^ *from transformers import (\([^)]*\)|[^(\n]*)", re.MULTILINE)
_FROM_A_MODEL = re.compile(r"^ *from transformers\.models\.(\w+)", re.MULTILINE)
_FROM_MODELS_BESIDE = re.compile(r"^ *from \.+models\.(\w+)", re.MULTILINE)
_FROM_A_RELATIVE = re.compile(r"^ *from \.\.(\w+)[.\w]* import", re.MULTILINE)
_TYPE = re.compile(r"^    model_type(?:: \w+)? = [\"']([\w-]+)[\"']", re.MULTILINE)


def folder_of(package: str) -> Path:
    """Where a package lies. Raises ModuleNotFoundError where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    return Path(next(iter(spec.submodule_search_locations)))


def modules_under(package: str, leave_out: Sequence[str] = ()) -> list[str]:
    """Every module of a package by its full name, told from its files. leave_out: packages or modules, with theirs."""
    root = folder_of(package)
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))
        if all(part.isidentifier() for part in name.split(".")) and not is_under(name, leave_out):
            found.append(name)
    return found


def is_under(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@functools.cache
def transformers_models() -> frozenset[str]:
    """The packages of transformers.models that a model of diffusers can ask for.

    They are those that hold a class which diffusers, peft or accelerate import from transformers; those they import
    in turn; and those whose type a configuration among them names, as the vision half of a language model is built.
    """
    homes = _homes()
    types = _model_types()
    models = folder_of("transformers") / "models"
    wanted = {_EVERYTHING} | {homes[name] for asker in ASKERS for name in _asked_for(folder_of(asker)) if name in homes}
    wanted |= {name for asker in ASKERS for name in _named_outright(folder_of(asker))}
    wanted |= _named_by_the_rest(models.parent)
    kept: set[str] = set()
    while wanted:
        model = wanted.pop()
        if model in kept or not (models / model).is_dir():
            continue
        kept.add(model)
        wanted |= _relatives(models / model)
        if model != _EVERYTHING:
            wanted |= {types[text] for text in _texts(models / model) if text in types}
    return frozenset(kept)


def transformers_left_out() -> list[str]:
    """The packages of transformers.models that nothing here can ask for, by their full names."""
    kept = transformers_models()
    models = folder_of("transformers") / "models"
    every = {path.parent.name for path in models.glob("*/__init__.py")}
    return sorted(f"transformers.models.{name}" for name in every - kept)


def _asked_for(folder: Path) -> set[str]:
    """The names that sources under the folder import from transformers itself."""
    names = "\n".join(listed for text in _sources(folder) for listed in _FROM_TRANSFORMERS.findall(text))
    return set(re.findall(r"\w+", re.sub(r"#.*", "", names)))


def _named_outright(folder: Path) -> set[str]:
    """The model packages that sources under the folder import by their full name."""
    return {name for text in _sources(folder) for name in _FROM_A_MODEL.findall(text)}


def _named_by_the_rest(transformers: Path) -> set[str]:
    """The model packages that transformers imports from outside of them: from .models.other import X."""
    folders = (transformers, transformers / "generation", transformers / "integrations", transformers / "utils")
    texts = (path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py"))
    return {name for text in texts for name in _FROM_MODELS_BESIDE.findall(text)}


def _relatives(folder: Path) -> set[str]:
    """The model packages that one of them imports: from ..other.modeling_other import X."""
    return {name for text in _sources(folder) for name in _FROM_A_RELATIVE.findall(text)} - {_EVERYTHING}


def _sources(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        if not path.name.startswith(("convert_", "modular_")):  # tools for transformers' own authors
            yield path.read_text(encoding="utf-8")


def _texts(folder: Path) -> set[str]:
    """The strings in a model's configuration that may name the type of a model inside it."""
    texts = (path.read_text(encoding="utf-8") for path in folder.glob("configuration_*.py"))
    return {word for text in texts for word in re.findall(r"[\"']([\w-]+)[\"']", text)}


@functools.cache
def _homes() -> dict[str, str]:
    """Every public class of transformers.models to the package it stands in: what __all__ of its modules names."""
    models = folder_of("transformers") / "models"
    found = {}
    for path in models.glob("*/*.py"):
        listed = re.search(r"^__all__ = \[(.*?)\]", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for name in re.findall(r"[\"'](\w+)[\"']", listed[1]) if listed else ():
            found[name] = path.parent.name
    return found


@functools.cache
def _model_types() -> dict[str, str]:
    """A model's type, as configurations name it, to the package it stands in."""
    models = folder_of("transformers") / "models"
    found = {}
    for path in models.glob("*/configuration_*.py"):
        for kind in _TYPE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(kind, path.parent.name)
    return found
