"""The installed distributions that go into the bundle, told from their metadata."""

import contextlib
import functools
import importlib.metadata
from collections import deque

from packaging.requirements import Requirement

from bundle.left_out import LEFT_OUT

PROGRAM = "safelight"


@functools.cache
def needed(start: str = PROGRAM) -> tuple[str, ...]:
    """The names of every distribution that the program requires, or that those require; without the program itself.

    Raises PackageNotFoundError where the program is not installed. What is optional and missing is passed over, and so
    is what left_out names: libraries look for the metadata of others to learn whether they are there.
    """
    found: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        for name in direct(waiting.popleft()):
            if canonical(name) not in found:
                found[canonical(name)] = name
                waiting.append(name)
    return tuple(sorted(found.values(), key=canonical))


def direct(name: str) -> list[str]:
    """The names of the installed distributions that one requires itself."""
    found = []
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if canonical(requirement.name).replace("-", "_") in LEFT_OUT:
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(importlib.metadata.distribution(requirement.name).metadata["Name"])
    return found


def canonical(name: str) -> str:
    """As PEP 503 has it."""
    return name.lower().replace("_", "-").replace(".", "-")
