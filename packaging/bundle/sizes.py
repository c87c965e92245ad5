"""How large the bundle is, and what takes most of it."""

import sys
from collections import Counter
from pathlib import Path

from bundle.variant import installed

LIMIT_BYTES = 900_000_000  # of the build for processors; graphics cards bring gigabytes of their own


def sizes(folder: Path) -> tuple[int, list[tuple[str, int]]]:
    """(bytes in all, the ten largest parts with theirs). Links count nothing."""
    parts: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(folder).parts
            parts[inside[1] if inside[0] == "_internal" and len(inside) > 1 else inside[0]] += path.stat().st_size
    return parts.total(), parts.most_common(10)


def main() -> int:
    """`python -m bundle.sizes FOLDER`. Returns 1 where the folder is larger than it may be."""
    total, largest = sizes(Path(sys.argv[1]))
    print(f"{sys.argv[1]}: {total / 1e6:.0f} MB")
    for name, size in largest:
        print(f"  {size / 1e6:6.0f} MB  {name}")
    if installed() == "cpu" and total > LIMIT_BYTES:
        print(f"safelight: that is more than {LIMIT_BYTES / 1e6:.0f} MB; see bundle/left_out.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
