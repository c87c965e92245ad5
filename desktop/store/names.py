"""File names for pictures: sortable, readable, valid on every platform."""

import contextlib
import os
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from desktop.files import disk_error
from desktop.messages import GenerationRequest

SLUG_MAX = 40  # characters of the prompt
SLUG_BYTES_MAX = 120  # file systems allow 255 for the whole name


def slug(prompt: str) -> str:
    """The prompt's first words in lower case with hyphens; letters of every script stay."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", prompt[:400]).lower())
    words = "".join(c if c.isalnum() else " " for c in text).split()
    short = ""
    for word in words:
        longer = f"{short}-{word}" if short else word
        if len(longer) > SLUG_MAX or len(longer.encode()) > SLUG_BYTES_MAX:
            break
        short = longer
    if not short and words:  # one endless word
        short = words[0][:SLUG_MAX].encode()[:SLUG_BYTES_MAX].decode(errors="ignore")
    return short or "picture"


def picture_name(request: GenerationRequest, created_at: float) -> str:
    """Month folder and name without ending, such as 2026-11/2026-11-23_014502_a-red-apple_seed42 (local time)."""
    moment = time.localtime(created_at)
    return time.strftime("%Y-%m/%Y-%m-%d_%H%M%S_", moment) + f"{slug(request.prompt)}_seed{request.seed}"


@contextlib.contextmanager
def claimed(folder: Path, name: str, ending: str = ".png") -> Iterator[Path]:
    """A path in folder that no file has, and that no other thread or program is given while the block runs.

    A hidden claim file made with O_EXCL decides who gets it, since a rename would overwrite silently.
    Raises KnownError where the folder cannot be written to.
    """
    number = 1
    try:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / f"{name}{f'_{number}' if number > 1 else ''}{ending}"
            claim = path.with_name(f".{path.name}.claim")
            number += 1
            if path.exists():
                continue
            with contextlib.suppress(FileExistsError):
                os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
                if not path.exists():  # it may have come between the first look and the claim
                    break
                claim.unlink()
    except OSError as error:
        raise disk_error(folder, error) from error
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            claim.unlink()
