"""A folder of large files cut into pieces that can be carried one by one, and put together again.

python -m desktop.training.pieces cut FOLDER INTO
python -m desktop.training.pieces join FROM FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from desktop.errors import KnownError
from desktop.training import archive, checkpoint

PIECE_BYTES = 15 * 2**20
INDEX = "pieces.json"


def cut(folder: Path, into: Path, *, size: int = PIECE_BYTES) -> int:
    """Write all files under `folder`, one behind the other, into pieces of `size` bytes, and an index; returns how many
    pieces. Raises: KnownError where the disk is full.
    """
    rows, waiting, number = [], bytearray(), 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        rows.append({"path": path.relative_to(folder).as_posix(), "bytes": len(data), "sha256": digest})
        waiting += data
        while len(waiting) >= size:
            checkpoint.write_bytes(into / f"{number:04d}.piece", bytes(waiting[:size]))
            del waiting[:size]
            number += 1
    if waiting:
        checkpoint.write_bytes(into / f"{number:04d}.piece", bytes(waiting))
        number += 1
    checkpoint.write_bytes(into / INDEX, json.dumps({"pieces": number, "files": rows}, indent=1).encode())
    return number


def join(source: Path, folder: Path) -> int:
    """Put together what cut() wrote; returns the files. Raises: KnownError where a piece is missing or damaged."""
    hint = "Copy all its pieces again, and start again."
    try:
        index = json.loads((source / INDEX).read_text("utf-8"))
        rows, at = index["files"], 0
        whole = b"".join((source / f"{number:04d}.piece").read_bytes() for number in range(index["pieces"]))
        for row in rows:
            if not archive.is_plain(row["path"]):
                raise KnownError(f"{INDEX} names a file outside the folder", hint=hint)
            data = whole[at : at + row["bytes"]]
            at += row["bytes"]
            if hashlib.sha256(data).hexdigest() != row["sha256"]:
                raise KnownError(f"{row['path']} is damaged", hint=hint)
            checkpoint.write_bytes(folder / row["path"], data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KnownError(f"The pieces in {source} cannot be put together", hint=hint) from error
    return len(rows)


def main(argv: Sequence[str]) -> int:
    """Returns 0, or 2 for what the user can mend."""
    if len(argv) != 3 or argv[0] not in ("cut", "join"):
        print((__doc__ or "").split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        count = (cut if argv[0] == "cut" else join)(Path(argv[1]), Path(argv[2]))
    except KnownError as error:
        print(f"pieces: {error}", file=sys.stderr)
        return 2
    print(f"{argv[2]}: {count} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
