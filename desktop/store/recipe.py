"""A picture's whole request inside its own PNG file, so that it can be made again from that file alone.

Three things travel with the pixels:
- text "safelight": JSON {"version": 1, "request": {...}, "made": {...}}; ASCII, so that a program which rewrites
  it as another kind of text chunk does not hurt it;
- text "parameters": the same in the words that AUTOMATIC1111's web UI writes and many programs read
  (https://github.com/AUTOMATIC1111/stable-diffusion-webui, modules/processing.py, create_infotext);
- chunks "slSt" and "slMk": the start picture of an image-to-image run and its mask, as PNG, at the size they were used.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.files import write_atomically
from desktop.messages import GenerationRequest
from desktop.store import png_chunks

if TYPE_CHECKING:  # Pillow is imported when the first picture is opened; the window is there before
    from PIL import Image

VERSION = 1
KEY = "safelight"
GRID = "grid"  # among how a picture was made: it is a sheet of other pictures, and what stands along its axes
ATTACHED_CHUNKS = {"start": b"slSt", "mask": b"slMk"}  # ancillary, private, safe to copy (PNG section 5.4)
ATTACHED_MAX = 256 * 2**20  # bytes

# As AUTOMATIC1111 names them.
_SAMPLERS = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M Karras",
    "dpmpp_sde": "DPM++ SDE",
    "unipc": "UniPC",
    "lms": "LMS",
    "lcm": "LCM",
    "flow_euler": "Euler",
    "native": "Default",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """extra: how the picture was made (versions, device, dtype, hash of the model).

    attached: PNG files' bytes, "start" and "mask", where the run had them.
    """

    request: GenerationRequest
    extra: dict[str, object]
    attached: Mapping[str, bytes] = field(default_factory=dict)

    def picture_of(self, fingerprint: str) -> bytes | None:
        """The attached picture that the request names by its fingerprint, start picture or mask; None if missing."""
        return self.attached.get("mask" if fingerprint == self.request.mask else "start")


def write_png(
    path: Path,
    image: "Image.Image",
    request: GenerationRequest,
    extra: Mapping[str, object],
    attached: Mapping[str, bytes] | None = None,
) -> None:
    """Write picture and recipe; afterwards the file is there whole, or not at all.

    extra: JSON values. attached: as in Recipe. Raises KnownError where the disk refuses.
    """
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    data = {"version": VERSION, "request": request.to_json(), "made": dict(extra)}
    texts.add_itxt(KEY, json.dumps(data))
    texts.add_text("parameters", parameters_text(request))
    for name, png in (attached or {}).items():
        texts.add(ATTACHED_CHUNKS[name], png)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=texts)
    write_atomically(path, buffer.getvalue())


def read_recipe(path: Path) -> Recipe:
    """Raises KnownError where the file is gone, no PNG, damaged, or not one of ours."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path.name)
    except FileNotFoundError as error:
        raise KnownError(f"{path.name} is not there any more", "Choose another picture.") from error
    except OSError as error:
        raise KnownError(
            f"{path.name} cannot be read ({error.strerror or error})", "Choose another picture."
        ) from error
    except MemoryError as error:
        raise KnownError(f"{path.name} is too large for the memory", "Close other programs.") from error


def read_request(path: Path) -> GenerationRequest:
    """Raises KnownError as read_recipe."""
    return read_recipe(path).request


def parameters_text(request: GenerationRequest) -> str:
    """The request in AUTOMATIC1111's words."""
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    facts = {
        "Steps": request.steps,
        "Sampler": _SAMPLERS[request.scheduler],
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model": _quoted(request.model),
    }
    if request.start_picture is not None:
        facts["Denoising strength"] = f"{request.strength:g}"
    lines.append(", ".join(f"{name}: {value}" for name, value in facts.items()))
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """Values with the format's own separators stand in JSON quotes, as in infotext_utils.quote."""
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:\n"') else value


def _read(file, name: str) -> Recipe:
    text = None
    attached: dict[str, bytes] = {}
    names = {chunk: attachment for attachment, chunk in ATTACHED_CHUNKS.items()}
    wanted = dict.fromkeys((b"tEXt", b"zTXt", b"iTXt"), png_chunks.TEXT_MAX) | dict.fromkeys(names, ATTACHED_MAX)
    if file.read(8) != png_chunks.SIGNATURE:
        raise KnownError(f"{name} is not a PNG picture", "Choose a picture that Safelight made.")
    file.seek(0)
    try:
        for kind, data in png_chunks.read_chunks(file, wanted):
            if kind in names:
                attached[names[kind]] = data
            else:
                key, value = png_chunks.read_text(kind, data)
                if key == KEY:
                    text = value
    except png_chunks.Damaged as error:
        raise KnownError(f"{name} is damaged ({error})", "Take it from a backup, or make it again.") from error
    if text is None:
        raise KnownError(f"{name} was not made by Safelight", "Its settings are not known.")
    return _parse(text, attached, name)


def _parse(text: str, attached: Mapping[str, bytes], name: str) -> Recipe:
    try:
        data = json.loads(text)
        version = data["version"]
        if not isinstance(version, int) or isinstance(version, bool):
            raise ValueError("no version")
        if version > VERSION:
            raise KnownError(
                f"{name} was made by a newer Safelight", "Bring this program up to date to read its settings."
            )
        made = data.get("made")
        return Recipe(
            request=GenerationRequest.from_json(data.get("request")),
            extra=made if isinstance(made, dict) else {},
            attached=attached,
        )
    except KnownError as error:
        if "newer Safelight" in error.message:
            raise
        raise KnownError(f"The settings in {name} are damaged: {error.message}") from error
    # Somebody else's JSON: no table, nested a thousand deep, numbers beyond a float.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise KnownError(f"The settings in {name} are damaged") from error
