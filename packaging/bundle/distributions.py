"""The installed distributions that go into the bundle, told from their metadata."""

import importlib.metadata
from collections import deque

from packaging.requirements import Requirement

from bundle.left_out import LEFT_OUT

PROGRAM = "safelight"


def needed(start: str = PROGRAM) -> list[str]:
    """The names of every distribution that the program requires, or that those require; without the program itself.

    Raises PackageNotFoundError where the program is not installed. What is optional and missing is passed over, and so
    is what left_out names: libraries look for the metadata of others to learn whether they are there.
    """
    found: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        for text in importlib.metadata.requires(waiting.popleft()) or ():
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            name = canonical(requirement.name)
            if name in found or name.replace("-", "_") in LEFT_OUT:
                continue
            try:
                found[name] = importlib.metadata.distribution(requirement.name).metadata["Name"]
            except importlib.metadata.PackageNotFoundError:
                continue
            waiting.append(found[name])
    return sorted(found.values(), key=canonical)


def canonical(name: str) -> str:
    """As PEP 503 has it."""
    return name.lower().replace("_", "-").replace(".", "-")
