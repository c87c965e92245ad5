"""The packages with the pictures and their words: fetched by name, read without unpacking.

`npm pack NAME` leaves a .tgz in the work folder, once. Members are read into memory; nothing of a
package is ever run or written to a path that the package chose.
"""

from __future__ import annotations

import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from desktop.errors import KnownError

FLUENT = "@lobehub/fluent-emoji-3d"  # 3,391 pictures of 256x256, MIT, (c) Microsoft Corporation
UNICODE = "unicode-emoji-json"  # names and groups, MIT
EMOJILIB = "emojilib"  # about ten keywords an emoji, MIT
NOTO = "@iconify-json/noto"  # Apache-2.0, (c) Google
TWEMOJI = "@iconify-json/twemoji"  # CC-BY-4.0, (c) Twitter and others
GRADIENT = "@iconify-json/fluent-emoji"  # MIT, (c) Microsoft Corporation
FLAT = "@iconify-json/fluent-emoji-flat"  # MIT, (c) Microsoft Corporation
FXEMOJI = "@iconify-json/fxemoji"  # Apache-2.0, (c) Mozilla
VERSIONS = {  # the ones the shipped model saw, or would with all sets
    FLUENT: "1.1.0",
    UNICODE: "0.9.0",
    EMOJILIB: "4.0.3",
    NOTO: "1.2.9",
    TWEMOJI: "1.2.5",
    GRADIENT: "1.2.7",
    FLAT: "1.2.6",
    FXEMOJI: "1.2.2",
}

MEMBER_BYTES_MAX = 128 * 2**20  # a set of drawings is one JSON file of up to 104 MB
ARCHIVE_BYTES_MAX = 256 * 2**20
MEMBERS_MAX = 20_000


def archive_name(package: str) -> str:
    """The file name that `npm pack` gives to `package` (a key of VERSIONS)."""
    return f"{package.lstrip('@').replace('/', '-')}-{VERSIONS[package]}.tgz"


def fetch(package: str, folder: Path) -> Path:
    """The archive of `package` in `folder`, fetched there first if it is missing.
    Raises: KnownError where npm is missing or cannot fetch it.
    """
    path = folder / archive_name(package)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    hint = f"Put {path.name} into {folder} by hand, or check the network, and start again."
    command = ["npm", "pack", "--ignore-scripts", "--silent", f"{package}@{VERSIONS[package]}"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    except FileNotFoundError as error:
        raise KnownError("npm, which fetches the training pictures, is not installed", hint=hint) from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise KnownError(f"The package {package} could not be fetched", hint=hint) from error
    if not path.exists():
        raise KnownError(f"npm did not leave {path.name}", hint=hint)
    return path


def is_plain(name: str) -> bool:
    """Whether a member's name is a relative path that stays inside the archive."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name (without the leading `package/`) and bytes of every plain file in the archive.

    Links, devices and names that lead outside are skipped.
    Raises: KnownError where the archive is broken or larger than MEMBER_BYTES_MAX, ARCHIVE_BYTES_MAX
    or MEMBERS_MAX allow.
    """
    total = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for count, member in enumerate(archive):
                if count >= MEMBERS_MAX or member.size > MEMBER_BYTES_MAX:
                    raise _broken(path, "is larger than a picture package can be")
                if not member.isreg() or not is_plain(member.name):
                    continue
                total += member.size
                if total > ARCHIVE_BYTES_MAX:
                    raise _broken(path, "is larger than a picture package can be")
                handle = archive.extractfile(member)
                data = handle.read() if handle else b""
                if len(data) != member.size:
                    raise _broken(path, "is cut off")
                yield member.name.removeprefix("package/"), data
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise _broken(path, "cannot be read to its end") from error


def member(path: Path, name: str) -> bytes:
    """The bytes of one member. Raises: KnownError where it is missing or the archive broken."""
    for found, data in members(path):
        if found == name:
            return data
    raise _broken(path, f"has no {name}")


def _broken(path: Path, what: str) -> KnownError:
    return KnownError(f"The archive {path.name} {what}", hint=f"Delete {path} and start again.")
