"""Weights in several files: what the index promises is there, no more and no less."""

import json

import pytest

from desktop.errors import KnownError
from desktop.library.shards import check_shards
from desktop.library.weights import check_weights
from tests.headers import write_safetensors


@pytest.fixture
def folder(tmp_path):
    for n, names in enumerate((("a", "b"), ("c",)), start=1):
        write_safetensors(tmp_path / f"model-0000{n}-of-00002.safetensors", dict.fromkeys(names, (2, 2)))
    write_index(tmp_path, {"a": 1, "b": 1, "c": 2})
    return tmp_path


def write_index(folder, files):
    table = {n: f if isinstance(f, str) else f"model-0000{f}-of-00002.safetensors" for n, f in files.items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))


def test_weights_that_are_all_there_pass(folder, tmp_path):
    check_shards(folder)
    (folder / "model.safetensors.index.json").unlink()
    check_shards(folder)


def test_a_missing_file_is_named(folder):
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(KnownError, match=r"no file .*model-00002-of-00002"):
        check_shards(folder)


def test_a_file_that_was_cut_off_is_named(folder):
    path = folder / "model-00001-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(KnownError, match=r"model-00001-of-00002.* cut off"):
        check_shards(folder)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a": 1, "b": 1, "c": 2, "d": 2}, "does not hold d"),
        ({"a": 1, "c": 2}, "beside what the index names b"),
        ({"a": 1, "b": 2, "c": 2}, r"holds beside|does not hold"),
    ],
)
def test_an_index_of_other_weights_is_told(folder, files, words):
    write_index(folder, files)
    with pytest.raises(KnownError, match=words):
        check_shards(folder)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "model.bin", "a\\b.safetensors/.."])
def test_an_index_that_points_elsewhere_is_refused(folder, name):
    write_index(folder, {"a": name})
    with pytest.raises(KnownError, match="no safetensors of its folder"):
        check_shards(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', "[" * 9000])
def test_an_index_that_is_no_table_is_refused(folder, text):
    (folder / "model.safetensors.index.json").write_text(text)
    with pytest.raises(KnownError, match=r"index .* is damaged"):
        check_shards(folder)


def test_an_index_of_pickles_or_of_a_precision_that_is_not_here_is_no_fault(folder):
    (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}')
    half = {"weight_map": {"a": "model.fp16-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.fp16.json").write_text(json.dumps(half))
    check_weights(folder)
    check_shards(folder)


def test_pieces_without_the_list_of_them_are_named(folder):
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(KnownError, match="the list of the pieces is missing"):
        check_weights(folder)
