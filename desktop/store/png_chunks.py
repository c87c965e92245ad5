"""Reading the chunks of a PNG file without unpacking its pixels.

Format: https://www.w3.org/TR/png-3/ (length, type, data, CRC-32 of type and data; sections 5.3 and 11.3.3).
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_MAX = 4 * 2**20  # bytes of one text chunk, unpacked; a full request is under 100 kB


class Damaged(ValueError):
    """The file breaks the rules of PNG."""


def read_chunks(file: BinaryIO, wanted: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """Give (type, data) of every chunk whose type is in wanted; all checksums are verified on the way.

    wanted: type -> the most bytes that are believed.
    Raises Damaged where the file is cut short, changed or too large in a wanted chunk.
    """
    if file.read(8) != SIGNATURE:
        raise Damaged("not a PNG file")
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise Damaged("cut short")
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        keep = kind in wanted
        if length > 2**31 - 1 or (keep and length > wanted[kind]):
            raise Damaged(f"a chunk of {length} bytes")
        parts, check, left = [], zlib.crc32(kind), length
        while left:
            part = file.read(min(left, 2**20))  # a lying length must not allocate what is not there
            if not part:
                raise Damaged("cut short")
            check, left = zlib.crc32(part, check), left - len(part)
            if keep:
                parts.append(part)
        if file.read(4) != check.to_bytes(4, "big"):
            raise Damaged("a checksum is wrong")
        if keep:
            yield kind, b"".join(parts)
        if kind == b"IEND":
            return


def read_text(kind: bytes, data: bytes) -> tuple[str, str]:
    """Keyword and text of a tEXt, zTXt or iTXt chunk. Raises Damaged."""
    key, mark, rest = data.partition(b"\0")
    if not mark:
        raise Damaged("a text without a name")
    try:
        if kind == b"tEXt":
            text = rest.decode("latin-1")
        elif kind == b"zTXt":
            text = _inflate(rest[1:]).decode("latin-1")
        else:
            packed = rest[:1] == b"\1"
            _language, _, rest = rest[2:].partition(b"\0")
            _translated, _, rest = rest.partition(b"\0")
            text = (_inflate(rest) if packed else rest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged("a text that is none") from error
    return key.decode("latin-1"), text


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, TEXT_MAX)
    except zlib.error as error:
        raise Damaged("a text that cannot be unpacked") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Damaged("a text that is too long or cut short")
    return text
