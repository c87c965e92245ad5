"""Training of the model that ships with the program. Light to import: torch comes with main()."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """`safelight train ...`; argv without the program's name. Returns the exit status."""
    from desktop.training.cli import main as run

    return run(argv)
