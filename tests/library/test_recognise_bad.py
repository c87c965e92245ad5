"""Files that are not what they seem: each is named in a sentence, and nothing else ever comes out."""

import contextlib
import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.recognise import recognise
from tests.headers import write_gguf, write_safetensors
from tests.library.test_recognise import LORAS, MODELS, flux

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": [1]}))
    return data.getvalue()


def _header(table, data=b"") -> bytes:
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data


def _entry(shape=(2,), begin=0, end=8, dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


BAD = {
    "an empty file": (b"", "is empty"),
    "a few bytes": (b"1234", "no safetensors"),
    "a zip of pickles, as torch saves": (_zip(), "pickle"),
    "a pickle": (pickle.dumps({"weight": [1, 2, 3]}), "pickle"),
    "an old pickle": (pickle.dumps({"weight": [1, 2, 3]}, protocol=2), "pickle"),
    "a web page": (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
    "a pointer of git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "no safetensors"),
    "a header of 2 GB": (struct.pack("<Q", 2**31) + b"{}", "header of 2,048 MB"),
    "a header longer than the file": (struct.pack("<Q", 400) + b'{"a": 1}', "cut off inside its header"),
    "a header that is no JSON": (_header(b'{"a": '), "no JSON"),
    "a header without end": (_header(b"{" + b'"a":[' * 3000), "no JSON"),
    "no weights": (_header({}), "no weights"),
    "notes only": (_header({"__metadata__": {"format": "pt"}}), "no weights"),
    "cut off": (_header({"a": _entry()}, bytes(4)), "cut off"),
    "bytes behind": (_header({"a": _entry()}, bytes(9)), "behind its last"),
    "a gap": (_header({"a": _entry(begin=4, end=12)}, bytes(12)), "overlap others or leave a gap"),
    "an overlap": (_header({"a": _entry(), "b": _entry(begin=4, end=12)}, bytes(12)), "overlap"),
    "a name twice": (_header(b'{"a": %s, "a": %s}' % ((json.dumps(_entry()).encode(),) * 2), bytes(8)), "twice"),
    "a shape that does not fit": (_header({"a": _entry(shape=(3,))}, bytes(8)), "does not fit its bytes"),
    "a negative size": (_header({"a": _entry(shape=(-1, -2))}, bytes(8)), "wrong at"),
    "a shape beyond numbers": (_header({"a": _entry(shape=(10**4000,))}, bytes(8)), "makes no sense"),
    "a shape with a fraction": (_header({"a": _entry(shape=(2.0,))}, bytes(8)), "wrong at"),
    "twenty dimensions": (_header({"a": _entry(shape=(1,) * 19 + (2,))}, bytes(8)), "makes no sense"),
    "unknown numbers": (_header({"a": _entry(dtype="F31")}, bytes(8)), "unknown kind"),
    "GGUF and no more": (b"GGUF", "cut off inside"),
    "GGUF of a later version": (b"GGUF" + struct.pack("<IQQ", 9, 1, 0), "version 9"),
    "GGUF of a billion tensors": (b"GGUF" + struct.pack("<IQQ", 3, 2**30, 0), "more tensors"),
    "GGUF with an endless name": (b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 2**62), "no end"),
    "GGUF with an endless list": (
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1) + b"k" + struct.pack("<IIQ", 9, 4, 2**60),
        "no end",
    ),
    "GGUF with lists in lists": (
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1) + b"k" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9,
        "unknown kind",
    ),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt", "model.gguf"])
def test_what_is_wrong_with_a_file_is_said_in_a_sentence(tmp_path, data, words, name):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(KnownError, match=words) as raised:
        recognise(path)
    assert str(path) in raised.value.message
    assert raised.value.hint
    assert len(raised.value.message) < 400 + len(str(path))


def test_a_pickle_is_refused_without_being_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(KnownError, match="pickle"):
        recognise(path)
    assert not (tmp_path / "ran").exists()


def test_a_header_as_long_as_a_pickle_mark_is_still_a_header(tmp_path):
    """640 bytes, written as a length, begin like a pickle of protocol 2."""
    text = json.dumps({"a": _entry()}).encode()
    text += b" " * (640 - len(text))
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 640) + text + bytes(8))
    assert recognise(path).kind == "embedding"  # one vector of two numbers


@pytest.mark.parametrize("name", ["folder", "gone", "pipe", "link", "no\0name", "x" * 5000])
def test_what_is_no_file_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(KnownError):
        recognise(tmp_path / name)


@pytest.mark.parametrize("shapes", [MODELS["XL"][0], LORAS["XL kohya"][0]], ids=["model", "LoRA"])
@pytest.mark.parametrize("write", [write_safetensors, write_gguf])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, shapes, write):
    shapes = {name: tuple(min(n, 64) for n in shape) for name, shape in shapes.items()}
    path = write(tmp_path / "model", shapes)
    whole = path.read_bytes()
    for length in [*range(0, 200, 7), len(whole) // 2, len(whole) - 33]:
        path.write_bytes(whole[:length])
        with pytest.raises(KnownError):
            recognise(path)


def _recognise(path, data):
    path.write_bytes(data)
    with contextlib.suppress(KnownError):
        assert isinstance(recognise(path), FileKind)


@FUZZ
@given(data=st.binary(max_size=400), gguf=st.booleans())
def test_any_bytes_are_recognised_or_refused(tmp_path, data, gguf):
    _recognise(tmp_path / "model", (b"GGUF" + struct.pack("<I", 3) if gguf else b"") + data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F16", "F4", "U8"]) | _JSON,
        "shape": st.lists(st.integers(-1, 2**70), max_size=4) | _JSON,
        "data_offsets": st.lists(st.integers(-1, 2**70), max_size=3) | _JSON,
    },
)
_NAMES = st.sampled_from([*MODELS["XL"][0], *LORAS["1.x kohya"][0], "clip_l", "emb_params", "__metadata__"])


@FUZZ
@given(table=st.dictionaries(_NAMES | st.text(max_size=8), _ENTRIES | _JSON, max_size=6) | _JSON)
def test_any_table_is_recognised_or_refused(tmp_path, table):
    _recognise(tmp_path / "model", _header(table, bytes(16)))


@FUZZ
@given(
    shapes=st.dictionaries(
        st.sampled_from(
            [n for shapes, *_ in MODELS.values() for n in shapes] + [n for s, _ in LORAS.values() for n in s]
        ),
        st.lists(st.integers(0, 12), max_size=5).map(tuple),
        min_size=1,
        max_size=12,
    )
)
@pytest.mark.parametrize("write", [write_safetensors, write_gguf])
def test_known_names_with_any_shapes_are_recognised_or_refused(tmp_path, write, shapes):
    if write is write_gguf:
        shapes = {name: shape or (1,) for name, shape in shapes.items()}
    with contextlib.suppress(KnownError):
        assert isinstance(recognise(write(tmp_path / "model", shapes)), FileKind)


@FUZZ
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.integers(0, 10**6) | st.none())
@pytest.mark.parametrize("write", [write_safetensors, write_gguf])
def test_a_real_header_with_one_byte_changed_is_recognised_or_refused(tmp_path, write, at, byte, cut):
    shapes = {name: tuple(min(n, 32) for n in shape) for name, shape in flux().items()}
    whole = bytearray(write(tmp_path / "whole", shapes).read_bytes())
    whole[at % min(len(whole), 900)] = byte
    _recognise(tmp_path / "model", bytes(whole[: None if cut is None else cut % len(whole)]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        b'{"a":[' + b"{}," * 5_000_000 + b"{}]}",
        b'{"__metadata__":{' + b",".join(b'"%d":"x"' % n for n in range(1_000_000)) + b"}}",
    ],
    ids=["a list without sense", "a million notes"],
)
def test_a_header_at_the_limit_costs_bounded_memory(tmp_path, text):
    path = tmp_path / "model.safetensors"
    path.write_bytes(_header(text[: 16 * 2**20]))
    tracemalloc.start()
    try:
        with pytest.raises(KnownError):
            recognise(path)
        assert tracemalloc.get_traced_memory()[1] < 600 * 2**20
    finally:
        tracemalloc.stop()
