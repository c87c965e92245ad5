"""Short names for requests, by which the database finds a branch's trunk."""

import hashlib
import json
from dataclasses import fields, is_dataclass

from desktop.messages import GenerationRequest


def key_of(request: GenerationRequest) -> str:
    """Equal for equal requests. What is empty is left out, so that a setting added later changes no key."""
    return hashlib.sha256(json.dumps(_plain(request), sort_keys=True).encode()).hexdigest()[:32]


def keys_of(request: GenerationRequest) -> tuple[str, str | None]:
    """(its own, its trunk's)."""
    return key_of(request), None if request.branch is None else key_of(request.branch.trunk)


def _plain(value: object) -> object:
    if is_dataclass(value):
        table = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {name: item for name, item in table.items() if item is not None and item not in ("", [])}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
