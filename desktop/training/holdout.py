"""The combinations that training never draws, so that the score can ask for something new.

A tenth of all (thing, colour) and of all (thing, thing) pairs, decided by a hash of their names: the same in every run,
on every machine, whatever else is in the list.
"""

from __future__ import annotations

import hashlib

SHARE = 10  # one pair in this many


def colour(thing: str, paint: str) -> bool:
    """Whether `thing` is never drawn repainted in `paint`."""
    return _hash(f"colour:{thing}|{paint}") % SHARE == 0


def pair(first: str, second: str) -> bool:
    """Whether the two things are never drawn in one picture, whichever stands first."""
    return _hash("pair:" + "|".join(sorted((first, second)))) % SHARE == 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
