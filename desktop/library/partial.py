"""A model that is not there yet: a folder under models/.partial that the library never looks into.

    .partial/<key>/manifest.json    what it will be, written whole before the first byte
    .partial/<key>/parts/           files that are not whole, or not verified
    .partial/<key>/whole/<name>/    files that are, each moved here in one step
    .partial/<key>.lock             held by the process that fetches it

So what is left to do can be read from the disk alone, after a crash as well. When nothing is left, <name> is moved
into the models folder in one step.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.errors import KnownError
from desktop.files import CONFIG_MAX_BYTES, disk_error, read_small, write_atomically
from desktop.library.catalogue import Licence
from desktop.library.hub import Offer
from desktop.library.pipeline_files import RemoteFile
from desktop.library.stop import Stop, Stopped
from desktop.library.wanted import Wanted, check_file_name, folded, read_wanted

FOLDER = ".partial"
MANIFEST = "manifest.json"
ORIGIN = "hub.json"  # inside a model that was fetched: where it came from
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """folder: .partial/<key>. offer: what is being fetched."""

    folder: Path
    offer: Offer

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def whole(self) -> Path:
        """Where verified files are."""
        whole = self.folder / "whole"
        return whole if self.offer.is_file else whole / self.offer.name

    def verified(self, file: RemoteFile) -> Path:
        return self.whole / check_file_name(file.name)

    def part(self, file: RemoteFile) -> Path:
        return self.folder / "parts" / f"{check_file_name(file.name)}.part"

    def is_verified(self, file: RemoteFile) -> bool:
        return _size(self.verified(file)) == file.bytes

    @property
    def done_bytes(self) -> int:
        """How much of it is on this disk, verified or not."""
        return sum(self.arrived(file) for file in self.offer.files)

    def arrived(self, file: RemoteFile) -> int:
        """How many bytes of this file are here."""
        return file.bytes if self.is_verified(file) else min(file.bytes, _size(self.part(file)) or 0)


def begin(models: Path, offer: Offer) -> Partial:
    """A new folder for this offer, or the one there is already. Raises KnownError where the disk refuses."""
    check_file_name(offer.name)
    if (partial := find(models, offer)) is not None:
        return partial
    root = models / FOLDER
    key, n = offer.name, 2
    while (root / key).exists():
        key, n = f"{offer.name}-{n}", n + 1
    partial = Partial(folder=root / key, offer=offer)
    write_atomically(partial.folder / MANIFEST, json.dumps(_to_json(offer), indent=1).encode())
    return partial


def find(models: Path, offer: Offer) -> Partial | None:
    """What has been begun of this offer."""
    return next((p for p in every(models) if isinstance(p, Partial) and same(p.offer, offer)), None)


def missing_bytes(models: Path, offer: Offer) -> int:
    """How many more bytes the disk has to take: what has arrived, or is here in another model, is not counted."""
    left = find(models, offer)
    return sum(
        file.bytes - (left.arrived(file) if left else 0)
        for file in (left.offer if left else offer).files
        if find_content(models, file) is None
    )


def same(one: Offer, other: Offer) -> bool:
    """Whether two offers are of one thing; the commit may differ, and the older one is then gone on with."""
    files = [o.files[0].name if o.is_file else "" for o in (one, other)]
    return one.repo == other.repo and files[0] == files[1]


def every(models: Path) -> Iterator[Partial | Path]:
    """What was begun and not ended; a folder whose manifest cannot be read comes as its path."""
    try:
        folders = sorted(p for p in (models / FOLDER).iterdir() if p.is_dir() and not p.is_symlink())
    except OSError:
        return
    for folder in folders:
        try:
            yield Partial(folder=folder, offer=_from_json(json.loads((folder / MANIFEST).read_text("utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, KnownError):
            yield folder


def finish(partial: Partial, models: Path) -> Path:
    """Move what is whole into the models folder, under a name that is free there. Returns where it is now.

    A model that was fetched before and has lost files since gets them back in its own place; one that has changed in
    size since stays beside it, its name ending in .before.
    What is left of the partial is for forget(). Raises KnownError.
    """
    offer = partial.offer
    source = partial.verified(offer.files[0]) if offer.is_file else partial.whole
    try:
        if not offer.is_file:
            write_atomically(source / ORIGIN, json.dumps(_origin(offer), indent=1).encode())
            if (damaged := fetched_to(models, offer)) is not None:
                _put_into(source, damaged, offer)
                return damaged
        for target in _free_names(models, offer.name):
            if not os.path.lexists(target):
                os.replace(source, target)
                break
    except OSError as error:
        raise disk_error(models, error) from error
    return target


def _put_into(source: Path, damaged: Path, offer: Offer) -> None:
    """Every missing file in one step; what lies beside them stays, and so does what the user changed, set aside."""
    for file in offer.files:
        target = damaged / check_file_name(file.name)
        if _size(target) == file.bytes:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            os.replace(target, _aside(target))
        os.replace(source / check_file_name(file.name), target)


def _aside(path: Path) -> Path:
    """A free name beside a file for what it held, one that no model's file is looked for under."""
    names = (path.with_name(f"{path.name}.before{n}") for n in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(name for name in names if not os.path.lexists(name))


def forget(folder: Path) -> None:
    """Delete everything fetched so far; what the disk refuses stays and can be removed again."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        lock_of(folder).unlink(missing_ok=True)
        folder.parent.rmdir()  # the last one takes .partial with it


def lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def fetched_to(models: Path, offer: Offer) -> Path | None:
    """The folder that this very offer was fetched to before, whatever has become of its files."""
    wanted = (offer.repo, offer.revision)
    return next((path for path, origin in _origins(models) if (origin["repo"], origin.get("revision")) == wanted), None)


def is_whole(folder: Path, offer: Offer) -> bool:
    """Whether every file of the offer is there in its size."""
    return all(_size(folder / check_file_name(file.name)) == file.bytes for file in offer.files)


def alike(models: Path, offer: Offer) -> Iterator[Path]:
    """Single files here that have the offer's size, and its name or one that was made of it."""
    for path in _free_names(models, offer.name):
        if not os.path.lexists(path):
            return
        try:
            alike = path.is_file() and path.stat().st_size == offer.bytes
        except OSError:  # gone this moment, or on a disk that cannot be read
            continue
        if alike:
            yield path


def fingerprint(path: Path, file: RemoteFile, stop: Stop) -> str:
    """What the hub calls a file of this content, hex. Reads all of it. Raises KnownError; Stopped between pieces."""
    digest = file.new_digest()
    try:
        with path.open("rb") as opened:
            while piece := opened.read(1 << 20):
                if stop.is_set:
                    raise Stopped
                digest.update(piece)
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror})", "Allow reading.") from error
    return digest.hexdigest()


def origins(models: Path) -> dict[str, tuple[str, Path]]:
    """The models here that were fetched: repository to its commit and folder."""
    return {origin["repo"]: (str(origin.get("revision", "")), path) for path, origin in _origins(models)}


def find_content(models: Path, file: RemoteFile) -> Path | None:
    """Where the same bytes are in a model that was fetched before: many models share a text encoder."""
    if not file.sha256:
        return None
    for path, origin in _origins(models):
        hashes = origin.get("sha256")
        for name, sha256 in hashes.items() if isinstance(hashes, dict) else ():
            if sha256 == file.sha256:
                with contextlib.suppress(KnownError):
                    found = path / check_file_name(name)
                    if _size(found) == file.bytes:
                        return found
    return None


def _origins(models: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    with contextlib.suppress(OSError):
        for path in sorted(models.glob(f"*/{ORIGIN}")):
            with contextlib.suppress(OSError, ValueError, RecursionError):
                origin = json.loads(read_small(path, CONFIG_MAX_BYTES))
                if isinstance(origin, dict) and isinstance(origin.get("repo"), str):
                    yield path.parent, origin


def _free_names(models: Path, name: str) -> Iterator[Path]:
    yield models / name
    stem, suffix = (
        (Path(name).stem, Path(name).suffix) if Path(name).suffix in (".safetensors", ".gguf") else (name, "")
    )
    for n in range(2, 1000):
        yield models / f"{stem}-{n}{suffix}"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if not path.is_symlink() else None
    except OSError:
        return None


def _origin(offer: Offer) -> dict[str, object]:
    return {
        "repo": offer.repo,
        "revision": offer.revision,
        "licence": dataclasses.asdict(offer.licence),
        "sha256": {file.name: file.sha256 for file in offer.files if file.sha256},
    }


def _to_json(offer: Offer) -> dict[str, object]:
    return {"version": _VERSION} | dataclasses.asdict(offer)


def _from_json(data: object) -> Offer:
    """Raises ValueError, KeyError, TypeError or KnownError for anything _to_json did not write."""
    if not isinstance(data, dict) or data.pop("version") != _VERSION:
        raise ValueError("not a manifest of this version")
    files = tuple(RemoteFile(**entry) for entry in data.pop("files"))
    licence = Licence(**data.pop("licence"))
    offer = Offer(files=files, licence=licence, **data)
    texts = (offer.repo, offer.revision, offer.name, offer.title, offer.link, licence.name, licence.link)
    if not files or not all(isinstance(t, str) for t in texts):
        raise ValueError("not a manifest")
    if type(offer.is_file) is not bool or type(offer.gated) is not bool or (offer.is_file and len(files) != 1):
        raise ValueError("not a manifest")
    if read_wanted(offer.repo) != Wanted(repo=offer.repo) or not offer.revision.isalnum():
        raise ValueError("not a repository")
    if len(check_file_name(offer.name).parts) != 1:
        raise ValueError("not a name")
    names = set()
    for file in files:
        check_file_name(file.name)
        names.add(folded(file.name))
        if (
            type(file.bytes) is not int
            or file.bytes < 0
            or not all(isinstance(h, str) for h in (file.sha256, file.git_sha1))
        ):
            raise ValueError("not a file")
    if len(names) != len(files):
        raise ValueError("a file twice")
    return offer
