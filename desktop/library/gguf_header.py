"""The header of a GGUF file, read strictly: quantised tensors by name, kind and shape.

Format: the GGUF specification, version 2 and 3 (ggml-org/ggml, docs/gguf.md), little endian.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

from desktop.errors import KnownError
from desktop.library.header import DIMENSIONS_MAX, Header, Tensor, first_bytes

MAGIC = b"GGUF"
_SHAPE_NOTE = "comfy.gguf.orig_shape."
_COUNT_MAX = 65_536  # tensors, and notes
_NAME_MAX_BYTES = 65_535  # the specification's limit of a key
_TEXT_MAX_BYTES = 2**20
_ARRAY_MAX = 2**20  # a language model's vocabulary has a quarter of that
_HEADER_MAX_BYTES = 16 * 2**20

# Elements and bytes of one block, by ggml's number of the type (ggml-org/ggml, gguf-py constants).
TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9


def read(path: Path) -> Header:
    """The header of one GGUF file; its metadata holds the notes that are text or a number, as text.

    Raises KnownError where the file is not whole or its numbers make no sense.
    """
    start, size = first_bytes(path, 4)
    if start != MAGIC:
        raise _damaged(path, "it is no GGUF file")
    try:
        with path.open("rb") as file:
            return _Reader(file, path, size).read()
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror})", "Allow reading.") from error


class _Reader:
    """Reads one header front to back, and never more than is there or than the limits allow."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file, self._path, self._size = file, path, size
        self._left = min(size, _HEADER_MAX_BYTES)

    def read(self) -> Header:
        self._take(4)
        version = self._number("I")
        if version not in (2, 3):
            raise _damaged(self._path, f"it is of version {version}, and 2 and 3 can be read")
        tensors, notes = self._number("Q"), self._number("Q")
        if tensors > _COUNT_MAX or notes > _COUNT_MAX:
            raise _damaged(self._path, "it claims more tensors than any model has")
        if tensors == 0:
            raise _damaged(self._path, "it holds no weights at all")
        metadata: dict[str, str] = {}
        for _ in range(notes):
            key = self._text(_NAME_MAX_BYTES)
            value = self._value(self._number("I"))
            if value is not None:
                metadata[key] = value
        table = {}
        ends = []
        for _ in range(tensors):
            name, tensor, begin, length = self._tensor()
            if name in table:
                raise _damaged(self._path, f"its header names {name[:80]!r} twice")
            table[name] = tensor
            ends.append((begin, begin + length, name))
        alignment = metadata.get("general.alignment", "32")
        step = int(alignment) if alignment.isdecimal() and 0 < int(alignment) <= 2**16 else 32
        data = -(-self._file.tell() // step) * step
        ends.sort()
        reached = 0
        for begin, end, name in ends:
            if begin < reached:
                raise _damaged(self._path, f"the bytes of {name[:120]!r} overlap others")
            if data + end > self._size:
                raise _damaged(self._path, "it is cut off")
            reached = end
        return Header(tensors=table, metadata=metadata, bytes=self._size - data)

    def _tensor(self) -> tuple[str, Tensor, int, int]:
        name = self._text(_NAME_MAX_BYTES)
        dimensions = self._number("I")
        if not 0 < dimensions <= DIMENSIONS_MAX:
            raise _damaged(self._path, f"the shape of {name[:120]!r} makes no sense")
        shape = tuple(self._number("Q") for _ in range(dimensions))[::-1]  # ggml writes the innermost first
        if any(n >= 1 << 48 for n in shape):
            raise _damaged(self._path, f"the shape of {name[:120]!r} makes no sense")
        kind, begin = self._number("I"), self._number("Q")
        if kind not in TYPES:
            raise _damaged(self._path, f"it holds numbers of an unknown kind, {kind}")
        dtype, elements, length = TYPES[kind]
        if shape[-1] % elements:
            raise _damaged(self._path, f"the shape of {name[:120]!r} does not fit its kind")
        return name, Tensor(dtype=dtype, shape=shape), begin, math.prod(shape) // elements * length

    def _value(self, kind: int, depth: int = 0) -> str | None:
        if kind in _NUMBERS:
            return str(self._number(_NUMBERS[kind]))
        if kind == _TEXT:
            return self._text(_TEXT_MAX_BYTES)
        if kind == _ARRAY and depth < 2:
            inner, count = self._number("I"), self._number("Q")
            if count > _ARRAY_MAX:
                raise _damaged(self._path, "a list in its header has no end")
            if inner in _NUMBERS:  # small ones are kept: shapes are written so
                data = self._take(struct.calcsize("<" + _NUMBERS[inner]) * count)
                return ",".join(map(str, struct.unpack(f"<{count}{_NUMBERS[inner]}", data))) if count <= 16 else None
            for _ in range(count):
                self._value(inner, depth + 1)
            return None
        raise _damaged(self._path, f"its header holds a value of an unknown kind, {kind}")

    def _text(self, longest: int) -> str:
        length = self._number("Q")
        if length > longest:
            raise _damaged(self._path, "a text in its header has no end")
        return self._take(length).decode("utf-8", "replace")

    def _number(self, form: str) -> int | float:
        return struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))[0]

    def _take(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise _damaged(self._path, "it is cut off inside its header")
        data = self._file.read(count)
        if len(data) != count:
            raise _damaged(self._path, "it is cut off inside its header")
        return data


def own_shapes(found: Header) -> dict[str, tuple[int, ...]]:
    """The shapes of tensors that ggml cannot hold so, by name: they are flattened, and the shape is kept as a note."""
    return {
        name.removeprefix(_SHAPE_NOTE): tuple(int(n) for n in text.split(",") if n.isdecimal())
        for name, text in found.metadata.items()
        if name.startswith(_SHAPE_NOTE)
    }


def _damaged(path: Path, why: str) -> KnownError:
    return KnownError(f"The weights {path} are damaged: {why}", "Get the file again, whole.")
