"""Writing files so that they are there whole or not at all."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from desktop.errors import KnownError

CONFIG_MAX_BYTES = 4 * 2**20  # of a configuration that came with a model; the longest have some 100 KB


def user_path(text: str) -> Path:
    """A path as a person typed it, with ~ for the home folder.

    Raises KnownError for what cannot be a path here, and for a path on another machine: opening one would tell
    that machine who the user is.
    """
    if text.startswith(("\\\\", "//")):
        raise KnownError(f"{text[:200]} is on another machine", "Copy it to this computer first.")
    try:
        return Path(text).expanduser()
    except (RuntimeError, ValueError) as error:
        raise KnownError(f"{text[:200]} is no path ({error})", "Write it out in full.") from error


def read_small(path: Path, limit_bytes: int) -> str:
    """The text of a file that came with a model: never more than the limit, and never from a pipe or a device, which
    would keep a reader waiting or fill the memory.

    Raises OSError, and ValueError for what is no text, no file or too long.
    """
    if not path.is_file():
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        raise ValueError("no file")
    with path.open("rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise ValueError("too long")
    return data.decode("utf-8")


def write_atomically(path: Path, data: bytes) -> None:
    """Temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises KnownError where the disk is full or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)  # mkstemp makes it private; a picture is to be opened by other programs
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise disk_error(path.parent, error) from error


def check_writable(folder: Path) -> None:
    """Make the folder, and a small file in it for a moment. Raises KnownError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(65536))
            file.flush()
    except OSError as error:
        raise disk_error(folder, error) from error


def free_path(path: Path) -> Path:
    """The path where no file has it, else the first one with a number that none has: name-2.zip."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def free_bytes(folder: Path) -> int:
    """That the user may still write where the folder is; very many where the system does not tell."""
    import shutil

    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 2**62


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(folder: Path, error: OSError) -> KnownError:
    """What the user is told when the disk refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return KnownError(f"The disk is full where {folder} is", "Free some space and try again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return KnownError(f"The folder {folder} cannot be written to", "Allow writing there, or choose another folder.")
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ENOENT):
        return KnownError(f"{folder} is not a folder and cannot become one", "Choose another folder.")
    return KnownError(f"Writing to {folder} failed ({error.strerror or error})", "Check the disk and try again.")
