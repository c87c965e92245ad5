"""What a person typed to name a model on the hub, and which names of files are safe to write."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from desktop.errors import KnownError

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}  # on Windows
_PATH_MAX, _DEPTH_MAX = 400, 6
WEIGHTS = (".safetensors", ".gguf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """repo: "owner/name". revision: a branch, tag or commit. file: one file of it, "" for what a pipeline needs."""

    repo: str
    revision: str = "main"
    file: str = ""


def read_wanted(text: str) -> Wanted:
    """owner/name, owner/name@revision, owner/name/file.gguf, or the address of any of them as a browser shows it.

    Raises KnownError for anything else.
    """
    name = text.strip()
    revision = file = ""
    if "://" in name:
        name, revision, file = _from_address(name)
    else:
        name, _, revision = name.partition("@")
        pieces = name.split("/", 2)
        if len(pieces) == 3 and pieces[2]:
            name, file = "/".join(pieces[:2]), pieces[2]
    if not _REPO.fullmatch(name) or ".." in name or "--" in name or name.endswith(".git"):
        raise KnownError(
            f"{text.strip()[:120] or 'Nothing'} names no model on the hub",
            "Write it as owner/name, such as segmind/SSD-1B, or a name from the catalogue.",
        )
    if revision and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise KnownError(f"{revision[:120]} is no revision", "Name a branch, a tag or a commit after the @.")
    if file:
        check_file_name(file)
        if not file.endswith(WEIGHTS):
            raise KnownError(f"{file[:120]} holds no weights", "Name a .safetensors or a .gguf file.")
    return Wanted(repo=name, revision=revision or "main", file=file)


def check_file_name(name: str) -> PurePosixPath:
    """The name of a file in a repository as a path below a folder of ours.

    Raises KnownError for one that could be written anywhere else, on any system: a hub can send any name.
    """
    parts = name.split("/")
    path = PurePosixPath(name)
    bad = (
        len(name.encode("utf-8", "replace")) > _PATH_MAX
        or len(parts) > _DEPTH_MAX
        or path.is_absolute()
        or any(
            part.startswith(".")  # "." and "..", and what would be hidden
            or part != part.strip()
            or part.endswith(".")
            or not part
            or part.split(".")[0].casefold().strip() in _RESERVED
            or any(c in '<>:"|?*\\' or not c.isprintable() for c in part)
            for part in parts
        )
    )
    if bad:
        raise KnownError(
            f"The repository names a file {plain(name)!r}, which is not safe to write",
            "Get the model from another place.",
        )
    return path


def plain(text: object) -> str:
    """Somebody else's words, short, and with nothing in them that a terminal would take for a command."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text)[:80])


def folded(name: str) -> str:
    """The same for two names that one file can have on a disk that tells no case, or no accents' order, apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _from_address(address: str) -> tuple[str, str, str]:
    """Name, revision and file of a page or a file on the hub; nothing of the host is used."""
    try:
        pieces = [unquote(piece) for piece in urlsplit(address).path.strip("/").split("/")]
    except ValueError:
        return "", "", ""
    name, rest = "/".join(pieces[:2]), pieces[2:]
    if len(rest) >= 2 and rest[0] in ("blob", "resolve", "tree"):
        return name, rest[1], "/".join(rest[2:]) if rest[0] != "tree" else ""
    return name, "", ""
