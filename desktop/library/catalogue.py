"""Models worth having, by name: what each is good at, what it costs, and whether it fits this machine.

The list is resources/catalogue.json. Its sizes are approximate; the hub tells the true ones before anything is fetched.
"""

import enum
import functools
import json
from dataclasses import dataclass

from desktop.library.machine import Machine
from desktop.settings import RESOURCES

PATH = RESOURCES / "catalogue.json"
_USABLE = 0.9  # of a memory: the system and the screen take the rest
_LAYERWISE_BYTES = 4 * 10**9  # on the device, where one layer at a time is there: the layer, and decoding in tiles


class Fit(enum.Enum):
    """Whether a model runs here: whole on the device, with parts or layers waiting in the machine's memory, or not."""

    YES = "yes"
    OFFLOAD = "offload"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """link: https, to the text; "" where nobody names one."""

    name: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of the catalogue. repos: on the hub, "owner/name"; a cascade has several.

    bytes: about what is fetched. memory_bytes: about what a run needs in half precision. offload_bytes: the same on
    the device alone, where parts not in use wait in the machine's memory. gated: its makers want their terms accepted.
    """

    name: str
    title: str
    repos: tuple[str, ...]
    revision: str
    family: str
    pipeline: str
    licence: Licence
    bytes: int
    memory_bytes: int
    offload_bytes: int
    gated: bool
    good_at: str


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """Every entry, the smaller and more general ones first."""
    fields = Entry.__dataclass_fields__.keys() - {"repos", "licence"}
    return tuple(
        Entry(
            repos=tuple(model["repos"]),
            licence=Licence(**model["licence"]),
            **{field: model[field] for field in fields},
        )
        for model in json.loads(PATH.read_text(encoding="utf-8"))["models"]
    )


def find(name: str) -> Entry | None:
    """By name, or by its first repository; in any case of letters."""
    wanted = name.strip().casefold()
    return next((e for e in catalogue() if wanted in (e.name.casefold(), e.repos[0].casefold())), None)


def fits(entry: Entry, machine: Machine) -> Fit:
    """Whether the model runs on this machine; a device of its own beside the processor counts first."""
    ram = machine.ram_bytes * _USABLE
    if machine.device_bytes is None:
        return Fit.YES if entry.memory_bytes <= ram else Fit.NO
    device = machine.device_bytes * _USABLE
    if entry.memory_bytes <= device:
        return Fit.YES
    least = min(entry.offload_bytes, _LAYERWISE_BYTES)
    return Fit.OFFLOAD if least <= device and entry.memory_bytes <= ram else Fit.NO
