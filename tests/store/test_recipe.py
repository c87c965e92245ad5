import errno
import io
import json
import os
import random
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from desktop.errors import KnownError
from desktop.messages import GenerationRequest
from desktop.store import png_chunks, recipe
from desktop.store.picture_file import open_picture, pixels_digest, png_bytes
from tests.store import strategies

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)


@same_folder
@given(request=strategies.requests, extra=st.dictionaries(strategies.texts, st.integers() | strategies.texts))
def test_any_request_comes_back_from_its_png(tmp_path, request, extra):
    path = tmp_path / "picture.png"
    recipe.write_png(path, Image.new("RGB", (16, 16)), request, extra)
    found = recipe.read_recipe(path)
    assert found.request == request
    assert found.extra == extra
    assert found.attached == {}


def test_pixels_and_start_picture_travel_in_the_file(tmp_path, image, request_of):
    start = png_bytes(image.rotate(90, expand=True))
    recipe.write_png(
        tmp_path / "p.png", image, request_of(start_picture="a" * 64), {}, {"start": start, "mask": start[:]}
    )
    found = recipe.read_recipe(tmp_path / "p.png")
    assert found.attached == {"start": start, "mask": start}
    assert pixels_digest(open_picture(tmp_path / "p.png")) == pixels_digest(image)


def test_other_programs_find_the_parameters_text(tmp_path, image, request_of):
    request = request_of("a red apple, 赤い", negative_prompt="blurry", model="my, model", guidance_scale=7.0)
    recipe.write_png(tmp_path / "p.png", image, request, {})
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.text["parameters"] == (
            "a red apple, 赤い\nNegative prompt: blurry\n"
            'Steps: 20, Sampler: DDIM, CFG scale: 7, Seed: 42, Size: 256x256, Model: "my, model"'
        )


def test_a_png_of_somebody_else_is_named_so(tmp_path, image):
    image.save(tmp_path / "other.png")
    with pytest.raises(KnownError, match=r"other\.png was not made by Safelight"):
        recipe.read_request(tmp_path / "other.png")


def test_what_is_no_picture_is_named_so(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(KnownError, match="not a PNG picture"):
        recipe.read_recipe(tmp_path / "a.png")
    with pytest.raises(KnownError, match="not there any more"):
        recipe.read_recipe(tmp_path / "none.png")
    with pytest.raises(KnownError):
        recipe.read_recipe(tmp_path)


def test_no_truncation_crashes_the_reader(tmp_path, image, request_of):
    recipe.write_png(tmp_path / "p.png", image, request_of(), {"device": "CPU"}, {"start": png_bytes(image)})
    data = (tmp_path / "p.png").read_bytes()
    for length in range(0, len(data), 3):
        (tmp_path / "cut.png").write_bytes(data[:length])
        with pytest.raises(KnownError):
            recipe.read_recipe(tmp_path / "cut.png")


def test_no_mutation_crashes_the_reader(tmp_path, image, request_of):
    recipe.write_png(tmp_path / "p.png", image, request_of(), {"device": "CPU"}, {"start": png_bytes(image)})
    data = (tmp_path / "p.png").read_bytes()
    numbers = random.Random(7)
    for _ in range(600):
        changed = bytearray(data)
        for _ in range(numbers.randint(1, 6)):
            changed[numbers.randrange(len(changed))] = numbers.randrange(256)
        (tmp_path / "m.png").write_bytes(changed)
        for read in (recipe.read_recipe, open_picture):
            try:
                read(tmp_path / "m.png")
            except KnownError as error:
                assert "\n" not in error.message


@same_folder
@given(data=st.binary(max_size=400), signed=st.booleans())
def test_random_bytes_are_refused(tmp_path, data, signed):
    path = tmp_path / "r.png"
    path.write_bytes(png_chunks.SIGNATURE + data if signed else data)
    with pytest.raises(KnownError):
        recipe.read_recipe(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"version": 1}',
        '{"version": true, "request": {"prompt": "a", "seed": 1}}',
        '{"version": "1", "request": {"prompt": "a", "seed": 1}}',
        '{"version": 1, "request": []}',
        '{"version": 1, "request": {"prompt": 3, "seed": 1}}',
        '{"version": 1, "request": {"prompt": "a", "seed": "1"}}',
        '{"version": 1, "request": {"prompt": "a", "seed": 1, "guidance_scale": 1e999}}',
        '{"version": 1, "request": {"prompt": "a", "seed": 1, "guidance_scale": NaN}}',
        '{"version": 1, "request": {"prompt": "a", "seed": 1, "guidance_scale": 1' + "0" * 400 + "}}",
        '{"version": 1, "request": {"prompt": "a", "seed": 1' + "0" * 5000 + "}}",
        '{"version": 1, "request": {"prompt": "a", "seed": ' + "[" * 900 + "]" * 900 + "}}",
        "[" * 100_000,
        '{"version": 1, "request": {"prompt": "a", "seed": 1, "scheduler": {"a": []}}}',
        '{"version": 1, "request": {"prompt": "\\ud800", "seed": 1}}',
    ],
)
def test_wrong_settings_in_the_file_are_called_damaged(tmp_path, text):
    texts = PngInfo()
    texts.add_itxt(recipe.KEY, text)
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png", pnginfo=texts)
    with pytest.raises(KnownError, match="damaged"):
        recipe.read_recipe(tmp_path / "p.png")


def test_a_recipe_of_a_newer_program_is_refused_with_advice(tmp_path):
    texts = PngInfo()
    texts.add_itxt(recipe.KEY, '{"version": 2, "request": {}}')
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png", pnginfo=texts)
    with pytest.raises(KnownError, match="newer Safelight"):
        recipe.read_recipe(tmp_path / "p.png")


@pytest.mark.parametrize("packed", [True, False])
def test_a_recipe_survives_programs_that_rewrite_the_text(tmp_path, request_of, packed):
    request = request_of("赤いリンゴ 🍎")
    text = json.dumps({"version": 1, "request": request.to_json(), "made": {}})
    for kind, add in (("add_text", {"zip": packed}), ("add_itxt", {"zip": packed})):
        texts = PngInfo()
        getattr(texts, kind)(recipe.KEY, text, **add)
        Image.new("RGB", (2, 2)).save(tmp_path / "p.png", pnginfo=texts)
        assert recipe.read_request(tmp_path / "p.png") == request


def test_a_text_that_unpacks_to_gigabytes_is_refused(tmp_path, image):
    bomb = b"safelight\0\1\0\0\0" + zlib.compress(b" " * (64 * 2**20), 9)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    chunk = struct.pack(">I", len(bomb)) + b"iTXt" + bomb + struct.pack(">I", zlib.crc32(b"iTXt" + bomb))
    (tmp_path / "b.png").write_bytes(data[:33] + chunk + data[33:])
    with pytest.raises(KnownError, match="damaged"):
        recipe.read_recipe(tmp_path / "b.png")


def test_a_lying_chunk_length_is_refused(tmp_path):
    for length in (2**31 - 1, 2**32 - 1, 10**6):
        head = png_chunks.SIGNATURE + struct.pack(">I", length) + b"iTXt" + b"safelight"
        (tmp_path / "l.png").write_bytes(head)
        with pytest.raises(KnownError, match="damaged"):
            recipe.read_recipe(tmp_path / "l.png")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, image, request_of, monkeypatch, step):
    path = tmp_path / "p.png"
    recipe.write_png(path, image, request_of("old"), {})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(KnownError, match="disk is full"):
        recipe.write_png(path, image, request_of("new"), {})
    monkeypatch.undo()
    assert recipe.read_request(path).prompt == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]


def test_unknown_settings_of_a_later_minor_version_are_passed_over(tmp_path):
    texts = PngInfo()
    data = {"version": 1, "request": {"prompt": "a", "seed": 1, "aura": "x"}, "made": "nothing", "more": 1}
    texts.add_itxt(recipe.KEY, json.dumps(data))
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png", pnginfo=texts)
    found = recipe.read_recipe(tmp_path / "p.png")
    assert found.request == GenerationRequest(prompt="a", seed=1)
    assert found.extra == {}
