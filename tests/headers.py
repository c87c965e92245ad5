"""Weights files with the right header and nothing but zeros behind it: sparse, so a full-size one costs no disk."""

import json
import math
import struct
from pathlib import Path

from desktop.library.gguf_header import TYPES
from desktop.library.header import BITS


def write_safetensors(
    path: Path, shapes: dict[str, tuple], *, dtype: str = "F16", metadata: dict | None = None
) -> Path:
    table, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, shape in shapes.items():
        end = at + math.prod(shape) * BITS[dtype] // 8
        table[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(table).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return path


def write_gguf(path: Path, shapes: dict[str, tuple], *, dtype: str = "Q8_0", notes: dict | None = None) -> Path:
    """Vectors are written in F32, everything else in dtype, as converters do."""
    numbers = {name: (number, elements, size) for number, (name, elements, size) in TYPES.items()}
    notes = {"general.architecture": "flux"} | (notes or {})
    header = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(notes))
    for key, value in notes.items():
        header += _text(key) + _value(value)
    at = 0
    for name, shape in shapes.items():
        number, elements, size = numbers["F32" if len(shape) == 1 or shape[-1] % numbers[dtype][1] else dtype]
        header += _text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        header += struct.pack("<IQ", number, at)
        at += -(-(math.prod(shape) // elements * size) // 32) * 32
    header += b"\0" * (-len(header) % 32)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + at)
    return path


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
