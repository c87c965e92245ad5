"""Large files cut into pieces that can be carried one by one, and put together again.

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
    """Write every file under `folder` into `into`, none larger than `size` bytes; returns how many.
    Raises: KnownError where the disk is full.
    """
    rows, number = [], 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        digest, names = hashlib.sha256(), []
        with path.open("rb") as handle:
            while (data := handle.read(size)) or not names:
                digest.update(data)
                names.append(f"{number:04d}.piece")
                checkpoint.write_bytes(into / names[-1], data)
                number += 1
        rows.append({"path": path.relative_to(folder).as_posix(), "pieces": names, "sha256": digest.hexdigest()})
    checkpoint.write_bytes(into / INDEX, json.dumps(rows, indent=1).encode())
    return number


def join(source: Path, folder: Path) -> int:
    """Put together what cut() wrote; returns the files. Raises: KnownError where a piece is missing or damaged."""
    hint = "Copy all its pieces again, and start again."
    try:
        rows = json.loads((source / INDEX).read_text("utf-8"))
        for row in rows:
            if not archive.is_plain(row["path"]) or not all(archive.is_plain(name) for name in row["pieces"]):
                raise KnownError(f"{INDEX} names a file outside the folder", hint=hint)
            data = b"".join((source / name).read_bytes() for name in row["pieces"])
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
