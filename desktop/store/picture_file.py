"""The one safe way in for a picture that somebody else may have made."""

import hashlib
import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from desktop.errors import KnownError

PIXELS_MAX = 100_000_000  # 300 MB as RGB; more than the largest camera sensors in common use
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # Pillow's names; none that starts another program
READABLE = "Use a PNG, JPEG, WebP, GIF, BMP or TIFF file."

Image.MAX_IMAGE_PIXELS = PIXELS_MAX  # the guard for every other user of Pillow in this process


def open_picture(source: Path | str | bytes) -> Image.Image:
    """Read a picture whole, as upright RGB: EXIF turned, alpha laid on white, the first frame of a film.

    source: a file's path, or the file's bytes.
    Raises KnownError where it is no picture, damaged, of an unwelcome format or too large to unpack.
    """
    name = "This" if isinstance(source, bytes) else Path(source).name or str(source)
    # Pillow speaks of damaged metadata in warnings; such a picture is still a picture.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    # Between one and two times the limit Pillow only warns.
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise _too_large(name)
            image.load()
            return _on_white(_upright(image))
    except KnownError:
        raise
    except FileNotFoundError as error:
        raise KnownError(f"{name} is not there any more", "Choose another picture.") from error
    except PermissionError as error:
        raise KnownError(f"{name} may not be read", "Allow reading it, or choose another picture.") from error
    except IsADirectoryError as error:
        raise KnownError(f"{name} is a folder, not a picture", READABLE) from error
    except UnidentifiedImageError as error:
        raise KnownError(f"{name} is not a picture Safelight can read", READABLE) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except MemoryError as error:
        raise KnownError(f"There is not enough memory to open {name}", "Make it smaller first.") from error
    # Pillow's decoders meet damaged bytes with almost any exception: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise KnownError(f"{name} is damaged and cannot be read", "Choose another picture.") from error


def pixels_digest(image: Image.Image) -> str:
    """sha256 (hex) of size and RGB pixels: equal for equal pictures, however their files were written."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def png_bytes(image: Image.Image) -> bytes:
    """The picture as a plain PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _too_large(name: str) -> KnownError:
    return KnownError(f"{name} has more than {PIXELS_MAX // 1_000_000} million pixels", "Make it smaller first.")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF says nothing about the pixels; show them as they lie
        return image.copy()


def _on_white(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    plain = image.convert("RGB")
    plain.info = {}  # EXIF, profiles and texts of the original end here
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits as 8; Pillow's own convert would clip all above 255 to white."""
    numbers = image.convert("F")
    low, high = numbers.getextrema()
    if image.mode.startswith("I;16") or (image.mode == "I" and low >= 0 and 255 < high <= 65535):
        low, high = 0, 65535
    elif low >= 0 and high <= 255 and image.mode == "I":
        low, high = 0, 255
    scale = 255 / (high - low) if high > low else 0.0
    return numbers.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
