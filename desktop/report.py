"""What helps to find out why something failed, in one file that stays on this machine until its owner sends it."""

import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop import __version__
from desktop.errors import KnownError
from desktop.files import free_path, write_atomically
from desktop.settings import Folders

if TYPE_CHECKING:
    from desktop.store.history import History

LOG_MAX = 2_000_000  # bytes of each log, from its end
PROMPTS_MAX = 200
HISTORY_MAX = 1_000_000  # prompts that are looked for: all
PROMPT_MIN = 3  # characters; taking shorter ones out would leave nothing to read
_PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "huggingface_hub",
    "numpy",
    "pillow",
    "PySide6_Essentials",
    "qasync",
)
# Whatever was typed by hand; the rest of the settings says how the window looks and which model is in use.
_TYPED = ("panel",)
# A picture is called after its prompt: 2026-11-23_014502_a-red-apple_seed42, and files beside it begin so; see
# store.names. The name may be cut short, and signs may be written out as \\u00e9.
_PICTURE = re.compile(r"\d{4}-\d\d-\d\d_\d{6}_(?:[^'\"/\\\n]*?_seed\d+)?(?:\\[xuU][0-9a-fA-F]+|[^'\"/\\\s.,;:)\]])*")


def save(path: Path, folders: Folders, history: "History", *, device: str, with_prompts: bool) -> Path:
    """Write the report with or without what the history holds, and return where. Raises KnownError as write_report."""
    target = check_target(path)
    entries = history.recent(limit=HISTORY_MAX)
    write_report(
        target,
        folders,
        device=device,
        prompts=[entry.prompt for entry in entries],
        negatives=[entry.negative_prompt for entry in entries],
        with_prompts=with_prompts,
    )
    return target


def write_report(
    path: Path,
    folders: Folders,
    *,
    device: str,
    prompts: Iterable[str],
    negatives: Iterable[str] = (),
    with_prompts: bool = False,
) -> None:
    """A ZIP of about.txt, the settings and the logs; safe on any thread.

    device: what the arithmetic is done on, in words. prompts, negatives: the history, the newest first; unless
    with_prompts, they are taken out of whatever else might hold one, and so are the names of pictures.
    Raises KnownError where the file cannot be written; what was there before is there still.
    """
    if not path.parent.is_dir():
        raise KnownError(f"{path.parent} is not a folder", "Choose another place for the report.")
    typed = [prompt for prompt in prompts if prompt.strip()]
    hidden = None if with_prompts else [*typed, *negatives]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as report:
        report.writestr("about.txt", _about(folders, device))
        report.writestr("settings.json", _settings(folders.settings, with_prompts))
        for log in (folders.log, folders.log.with_name(f"{folders.log.name}.1")):
            if log.exists():
                report.writestr(log.name, _shown(_end_of(log), hidden))
        if with_prompts:
            report.writestr("prompts.txt", "\n\n".join(typed[:PROMPTS_MAX]))
    write_atomically(path, content.getvalue())


def _about(folders: Folders, device: str) -> str:
    lines = {
        "Safelight": f"{__version__}{', installed' if getattr(sys, 'frozen', False) else ''}",
        "Python": sys.version.replace("\n", " "),
        "System": f"{platform.platform()}, {os.cpu_count()} cores",
        "Device": device or "not known yet",
        "Language": ".".join(filter(None, _locale())),
        "Data folder": _free(folders.root),
    }
    for name in _PACKAGES:
        try:
            lines[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lines[name] = "no record of its version"
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def _locale() -> tuple[str | None, str | None]:
    import locale

    try:
        return locale.getlocale()
    except ValueError:
        return (None, None)


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free / 1e9:.1f} GB free"
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"


def _settings(path: Path, with_prompts: bool) -> str:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "{}"
    except (OSError, ValueError, RecursionError) as error:
        return json.dumps({"cannot be read": type(error).__name__})
    if isinstance(data, dict) and not with_prompts:
        data = {key: value for key, value in data.items() if key not in _TYPED}
    return _home_out(json.dumps(data, indent=1))


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_MAX))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _shown(text: str, hidden: Iterable[str] | None) -> str:
    """hidden: prompts to take out, with the names of pictures; None leaves both in."""
    return _home_out(text if hidden is None else _without(_PICTURE.sub("[picture]", text), hidden))


def _without(text: str, prompts: Iterable[str]) -> str:
    """The longest first, so that none is left of a prompt that begins like a shorter one."""
    for prompt in sorted(set(prompts), key=len, reverse=True):
        if len(prompt) < PROMPT_MIN:
            continue
        for form in {prompt, repr(prompt)[1:-1], json.dumps(prompt)[1:-1]}:
            if form in text:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "[prompt]", text)
    return text


def _home_out(text: str) -> str:
    """The home folder's name is often its owner's."""
    try:
        home = str(Path.home())
    except RuntimeError:
        return text
    return text.replace(home, "~") if len(home) > 3 else text


def suggested_name() -> str:
    import time

    return f"safelight-report-{time.strftime('%Y-%m-%d-%H%M')}.zip"


def check_target(path: Path) -> Path:
    """With the ending it needs, and with a number where that is the name of a file nobody was asked about.

    Raises KnownError for a path that is a folder.
    """
    if path.is_dir():
        raise KnownError(f"{path} is a folder", "Give the name of a file in it.")
    return path if path.suffix.lower() == ".zip" else free_path(path.with_name(f"{path.name}.zip"))
