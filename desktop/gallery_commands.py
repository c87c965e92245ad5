"""The commands about the pictures made so far."""

import argparse
import json
from pathlib import Path
from typing import Any

from desktop.console import open_studio, say
from desktop.errors import KnownError
from desktop.files import check_writable, disk_error, user_path, write_atomically
from desktop.messages import PictureRecord
from desktop.settings import Folders
from desktop.studio import Studio

PAGE = 500  # pictures that are asked for at once
LIST = "safelight-pictures.json"


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError."""
    studio = open_studio(folders, lambda event: None)
    try:
        match arguments.action:
            case "rebuild":
                print(f"{studio.recover()} pictures found that were not in the gallery")
            case "export":
                _export(studio, user_path(arguments.folder).absolute(), arguments.text)
            case "search":
                for record in _found(studio, arguments.text):
                    print(json.dumps(_described(record)) if arguments.json else record.path)
        return 0
    finally:
        studio.close()


def _found(studio: Studio, text: str):
    """The newest first."""
    before = None
    while page := studio.pictures.list(text=text, limit=PAGE, before=before):
        yield from page
        before = page[-1].id


def _described(record: PictureRecord) -> dict[str, object]:
    return {"path": record.path, "prompt": record.request.prompt, "seed": record.request.seed}


def _export(studio: Studio, folder: Path, text: str) -> None:
    """Copy pictures with their recipes inside, and a list of them. What lies there already under another picture's
    name keeps it; the same picture is not copied twice. An earlier list goes on: pictures are added to it.
    """
    check_writable(folder)
    rows, missing = [], 0
    for record in _found(studio, text):
        source = Path(record.path)
        try:
            data = source.read_bytes()
        except OSError:
            missing += 1
            continue
        name = _copy(data, folder, source)
        rows.append({"file": name, "rating": record.rating, "created_at": record.created_at})
        rows[-1]["request"] = record.request.to_json()
    path, before = _list_in(folder)
    new = {row["file"] for row in rows}
    listed = [*rows, *(row for row in before if row["file"] not in new and (folder / row["file"]).is_file())]
    listed.sort(key=lambda row: row["created_at"], reverse=True)
    write_atomically(path, json.dumps(listed, indent=1, ensure_ascii=False).encode())
    print(f"{len(rows)} {'picture is' if len(rows) == 1 else 'pictures are'} in {folder}")
    if missing:
        say(f"{missing} of the gallery's pictures are not on the disk any more.")


def _list_in(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """(where the list is to be, what it says already): a file of that name that is no such list stays as it is."""
    number = 1
    while True:
        path = folder / (LIST if number == 1 else LIST.replace(".", f"-{number}."))
        number += 1
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if path.is_symlink():
                continue
            return path, []
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(rows, list) and all(map(_is_row, rows)):
            return path, rows


def _is_row(row: object) -> bool:
    match row:
        case {"file": str(file), "created_at": int() | float(), "request": dict()}:
            return Path(file).name == file
    return False


def _copy(data: bytes, folder: Path, source: Path) -> str:
    number = 1
    while True:
        path = folder / f"{source.stem}{f'-{number}' if number > 1 else ''}{source.suffix}"
        number += 1
        try:
            if not path.exists():
                write_atomically(path, data)
                return path.name
            if path.read_bytes() == data:
                return path.name
        except KnownError:
            raise
        except OSError as error:
            raise disk_error(folder, error) from error
