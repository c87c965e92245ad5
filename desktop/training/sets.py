"""The six sets of pictures, one of pixels and five of drawings, each read into WebP pictures by code points."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from desktop.errors import KnownError
from desktop.training import archive

SIDE = 256  # of a packed picture, in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """key: in the packed file; words: style words of a caption, the set's own one first; named: share of its captions
    that say one of them. The set that is drawn where no style is asked for is named seldom, the others always.
    """

    key: str
    package: str
    words: tuple[str, ...]
    named: float
    notice: str
    drawn: bool = True  # an icons.json of SVG bodies; otherwise WebP files


SETS = {
    found.key: found
    for found in (
        PictureSet(
            key="3d",
            package=archive.FLUENT,
            words=("3d", "3d icon", "glossy 3d"),
            named=0.3,
            notice="Fluent emoji in 3D, MIT, © Microsoft Corporation",
            drawn=False,
        ),
        PictureSet(
            key="flat",
            package=archive.FLAT,
            words=("flat", "flat icon", "flat style"),
            named=1.0,
            notice="Fluent emoji, flat, MIT, © Microsoft Corporation",
        ),
        PictureSet(
            key="gradient",
            package=archive.GRADIENT,
            words=("soft", "soft gradient", "soft style"),
            named=1.0,
            notice="Fluent emoji, coloured, MIT, © Microsoft Corporation",
        ),
        PictureSet(
            key="cartoon",
            package=archive.NOTO,
            words=("cartoon", "cartoon style", "cartoon drawing"),
            named=1.0,
            notice="Noto emoji, Apache-2.0, © Google",
        ),
        PictureSet(
            key="sticker",
            package=archive.TWEMOJI,
            words=("sticker", "sticker style", "plain sticker"),
            named=1.0,
            notice="Twemoji, CC-BY-4.0, © Twitter, Inc and other contributors",
        ),
        PictureSet(
            key="retro",
            package=archive.FXEMOJI,
            words=("retro", "retro style", "retro icon"),
            named=1.0,
            notice="FxEmojis, Apache-2.0, © Mozilla",
        ),
    )
}


def plain_code(code: str) -> str:
    """Code points joined by "-", without the variation selector, which the sets write or leave out as they like."""
    return "-".join(part.lstrip("0") for part in code.lower().split("-") if part != "fe0f")


def read(
    chosen: PictureSet, work: Path, codes: Iterable[str], called: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, bytes]]:
    """Plain code points and WebP bytes (SIDE x SIDE, with alpha) of those of `codes` that the set has.

    called: plain code points to what the thing is called, for the set that knows its drawings only by a name.
    Raises: KnownError where the archive is missing or broken, or the SVG reader is not installed.
    """
    wanted = set(codes)
    path = archive.fetch(chosen.package, work)
    if not chosen.drawn:
        for name, data in archive.members(path):
            code = plain_code(Path(name).stem)
            if name.endswith(".webp") and code in wanted:
                wanted.discard(code)
                yield code, data
        return
    rasterise = _rasteriser()
    try:
        icons = json.loads(archive.member(path, "icons.json"))
        names = _names(path, icons, wanted, called, work)
        for code in sorted(wanted & names.keys()):
            yield code, rasterise(_svg(icons, names[code]))
    except (KeyError, TypeError, ValueError) as error:
        hint = f"Delete {path} and start again."
        raise KnownError(f"The drawings in {path.name} cannot be read", hint=hint) from error


def _names(
    path: Path, icons: dict[str, Any], wanted: set[str], called: Mapping[str, Sequence[str]], work: Path
) -> dict[str, str]:
    """Plain code points -> the drawing's name. The coloured Fluent set has no table of its own but the flat one's
    names; the one of Mozilla goes by names without a sign between the words.
    """
    bodies = icons["icons"]
    for source in (path, archive.fetch(archive.FLAT, work) if icons["prefix"] == "fluent-emoji" else None):
        table = _chars(source) if source else {}
        if table:
            return {plain_code(code): name for code, name in table.items() if name in bodies}
    found = {code: next((name for name in map(_joined, called[code]) if name in bodies), "") for code in wanted}
    return {code: name for code, name in found.items() if name}


def _joined(words: str) -> str:
    return "".join(sign for sign in words.lower() if sign.isalnum())


def _chars(path: Path) -> dict[str, str]:
    for name, data in archive.members(path):
        if name == "chars.json":
            return json.loads(data)
    return {}


def _svg(icons: dict[str, Any], name: str) -> str:
    icon = icons["icons"][name]
    box = [icon.get(key, icons.get(key, 0)) for key in ("left", "top", "width", "height")]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{" ".join(str(float(value)) for value in box)}" width="{SIDE}" height="{SIDE}">{icon["body"]}</svg>'
    )


def _rasteriser() -> Callable[[str], bytes]:
    try:
        import resvg_py
    except ImportError as error:
        hint = 'pip install "safelight[train]", or train with the pictures of one set: --sets 3d'
        raise KnownError("resvg_py, which turns drawings into pixels, is not installed", hint=hint) from error

    def rasterise(svg: str) -> bytes:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(bytes(png))) as picture:
            picture.convert("RGBA").resize((SIDE, SIDE)).save(buffer, "WEBP", quality=85, method=4)
        return buffer.getvalue()

    return rasterise
