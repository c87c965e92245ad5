import io
import random
import struct
import zlib

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.store import png_chunks
from desktop.store.picture_file import open_picture, pixels_digest, png_bytes


def encoded(image, kind, **more):
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_welcome_format_opens_as_rgb(image, kind):
    opened = open_picture(encoded(image, kind))
    assert opened.mode == "RGB"
    assert opened.size == image.size


@pytest.mark.parametrize("kind", ["PPM", "ICO", "PCX", "EPS"])
def test_every_other_format_is_refused(image, kind):
    with pytest.raises(KnownError, match="not a picture Safelight can read"):
        open_picture(encoded(image, kind))


def test_svg_and_text_are_refused(tmp_path):
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(KnownError, match=r"a\.svg is not a picture"):
        open_picture(tmp_path / "a.svg")
    with pytest.raises(KnownError):
        open_picture(b"")


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(KnownError, match="is a folder"):
        open_picture(tmp_path)
    with pytest.raises(KnownError, match="not there any more"):
        open_picture(tmp_path / "gone.png")


def test_see_through_lies_on_white():
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert open_picture(encoded(clear, "PNG")).getpixel((0, 0)) == (255, 255, 255)
    half = Image.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert open_picture(encoded(half, "PNG")).getpixel((0, 0)) == (127, 127, 127)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 1), 1)
    opened = open_picture(encoded(palette, "PNG", transparency=0))
    assert opened.getpixel((0, 0)) == (255, 255, 255)
    assert opened.getpixel((1, 1)) == (0, 255, 0)


def test_sixteen_bits_become_eight():
    deep = Image.new("I;16", (2, 1))
    deep.putpixel((0, 0), 65535)
    deep.putpixel((1, 0), 32896)
    opened = open_picture(encoded(deep, "PNG"))
    assert [opened.getpixel((x, 0))[0] for x in (0, 1)] == [255, 128]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "I", "F", "RGBA"])
def test_every_mode_becomes_rgb(mode):
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "TIFF")
    assert open_picture(encoded(Image.new(mode, (3, 2)), kind)).mode == "RGB"


def test_exif_turns_the_picture(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(encoded(image, "JPEG", exif=exif)).size == (image.height, image.width)


def test_a_film_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_picture(film).getpixel((0, 0)) == (255, 0, 0)


def bomb(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return png_chunks.SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_001, 12_000, 20_000, 60_000])
def test_bombs_are_refused_before_they_unpack(side):
    with pytest.raises(KnownError, match="100 million pixels"):
        open_picture(bomb(side, side))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_damage_of_any_kind_is_a_known_error(image, kind):
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encoded(image, kind, **({"exif": exif} if kind in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
    numbers = random.Random(3)
    for number in range(300):
        changed = bytearray(data[: numbers.randrange(len(data))] if number % 3 == 0 else data)
        for _ in range(numbers.randint(1, 5)):
            if changed:
                changed[numbers.randrange(len(changed))] = numbers.randrange(256)
        try:
            assert open_picture(bytes(changed)).mode == "RGB"
        except KnownError as error:
            assert error.message.startswith("This ")


def test_the_digest_is_of_the_pixels_alone(image):
    assert pixels_digest(open_picture(png_bytes(image))) == pixels_digest(image)
    assert pixels_digest(open_picture(encoded(image, "BMP"))) == pixels_digest(image)
    assert pixels_digest(Image.new("RGB", (2, 8))) != pixels_digest(Image.new("RGB", (8, 2)))
