"""The header of a safetensors file, read strictly: what a file holds, without loading any of it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.errors import KnownError

# The safetensors library itself allows 100 MB. The widest models have some 3,000 tensors and 0.4 MB, a LoRA with the
# captions of its whole training a few MB; what a hostile header costs in memory is about twenty times its length.
HEADER_MAX_BYTES = 16 * 2**20
DIMENSIONS_MAX = 8

# Bits of one element, from safetensors' own table of types.
BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}

# What a file is by its first bytes, whatever its name says.
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"(dp", b"cos\n", b"cposix")
_WEB_PAGES = (b"<!doc", b"<html", b"<?xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """dtype: safetensors' or GGUF's name for it. shape: outermost dimension first, as torch has it."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """tensors: by name. metadata: the makers' notes, text to text; never trusted. bytes: of all tensors together."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    bytes: int


def first_bytes(path: Path, count: int) -> tuple[bytes, int]:
    """The start of a file and its size in bytes. Raises KnownError for what is no readable file."""
    try:
        if path.is_dir():
            raise KnownError(f"{path} is a folder, not a file", "Give the file itself.")
        if not path.is_file():  # a device or a pipe could keep a reader waiting for ever
            raise KnownError(f"There is no file {path}", "Check the path.")
        with path.open("rb") as file:
            return file.read(count), path.stat().st_size
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror})", "Allow reading.") from error
    except ValueError as error:  # a name no file can have
        raise KnownError(f"{str(path)[:200]!r} is no path", "Check the path.") from error


def check_magic(path: Path, start: bytes, size: int) -> None:
    """Raises KnownError where the first bytes are those of something else."""
    if size == 0:
        raise KnownError(f"{path} is empty", "Get the file again, whole.")
    if start[3:9] == b"\0\0\0\0\0{":  # a short header's length may be the first bytes of a pickle: 640 is one
        return
    if start.startswith(_PICKLES):
        raise KnownError(
            f"{path} holds pickled weights, and a pickle can run any program when it is opened",
            "Get the model in safetensors format.",
        )
    if start.lstrip().lower().startswith(_WEB_PAGES):
        raise KnownError(
            f"{path} is a web page, not a model",
            "The download gave an error page or asked to log in; get the file again.",
        )
    if start.startswith(b"version https://git-lfs"):
        raise KnownError(f"{path} is a pointer to a model, not the model", "Fetch the file itself with git lfs pull.")


def read(path: Path) -> Header:
    """The header of one safetensors file.

    Format: 8 bytes, little endian, length of the header; the header, JSON; the tensors' bytes, without gaps.
    Raises KnownError where the file is not whole or is something else under that name.
    """
    start, size = first_bytes(path, 64)
    check_magic(path, start, size)
    length = int.from_bytes(start[:8], "little")
    if size < 8 or start[8:9] not in (b"{", b""):
        raise _damaged(path, "it is no safetensors file")
    if length > HEADER_MAX_BYTES:
        raise _damaged(path, f"it claims a header of {length / 2**20:,.0f} MB")
    if length > size - 8:
        raise _damaged(path, "it is cut off inside its header")
    try:
        with path.open("rb") as file:
            file.seek(8)
            table = json.loads(file.read(length), object_pairs_hook=_without_repeats)
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror})", "Allow reading.") from error
    except _Repeated as error:
        raise _damaged(path, f"its header names {str(error)[:80]!r} twice") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    if not isinstance(table, dict):
        raise _damaged(path, "its header is no table")
    notes = table.pop("__metadata__", {})
    metadata = {k: v for k, v in notes.items() if isinstance(v, str)} if isinstance(notes, dict) else {}
    return Header(tensors=_tensors(path, table, size - 8 - length), metadata=metadata, bytes=size - 8 - length)


def _tensors(path: Path, table: dict[str, Any], bytes_there: int) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in table.items():
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]} if (
                all(type(n) is int for n in (begin, end, *shape)) and 0 <= begin <= end and all(n >= 0 for n in shape)
            ):
                pass
            case _:
                raise _damaged(path, f"its header is wrong at {name[:120]!r}")
        if dtype not in BITS:
            raise _damaged(path, f"it holds numbers of an unknown kind, {dtype[:20]!r}")
        # Numbers of a thousand digits are refused before they are multiplied.
        if len(shape) > DIMENSIONS_MAX or any(n >= 1 << 48 for n in shape):
            raise _damaged(path, f"the shape of {name[:120]!r} makes no sense")
        if math.prod(shape) * BITS[dtype] != (end - begin) * 8:
            raise _damaged(path, f"the shape of {name[:120]!r} does not fit its bytes")
        if end > bytes_there:
            raise _damaged(path, "it is cut off")
        tensors[name] = Tensor(dtype=dtype, shape=tuple(shape))
        spans.append((begin, end, name))
    if not tensors:
        raise _damaged(path, "it holds no weights at all")
    spans.sort()
    reached = 0
    for begin, end, name in spans:
        if begin != reached:
            raise _damaged(path, f"the bytes of {name[:120]!r} overlap others or leave a gap")
        reached = end
    if reached != bytes_there:
        raise _damaged(path, "there are bytes behind its last weights")
    return tensors


class _Repeated(ValueError):
    pass


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Repeated(key)
            seen.add(key)
    return table


def _damaged(path: Path, why: str) -> KnownError:
    return KnownError(f"The weights {path} are damaged: {why}", "Get the file again, whole.")
