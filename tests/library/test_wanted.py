"""Names that people type, and names that a hub sends."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import KnownError
from desktop.library.wanted import Wanted, check_file_name, read_wanted

HUB = "https://huggingface.co"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("segmind/SSD-1B", Wanted(repo="segmind/SSD-1B")),
        (" segmind/SSD-1B\n", Wanted(repo="segmind/SSD-1B")),
        ("a/b@v1.0", Wanted(repo="a/b", revision="v1.0")),
        ("a/b/c/d.gguf", Wanted(repo="a/b", file="c/d.gguf")),
        (f"{HUB}/a/b", Wanted(repo="a/b")),
        (f"{HUB}/a/b/tree/refs%2Fpr%2F5", Wanted(repo="a/b", revision="refs/pr/5")),
        (f"{HUB}/a/b/blob/main/c.safetensors", Wanted(repo="a/b", file="c.safetensors")),
        (f"{HUB}/a/b/resolve/main/c.gguf?download=true", Wanted(repo="a/b", file="c.gguf")),
    ],
)
def test_a_model_is_named_in_many_ways(text, wanted):
    assert read_wanted(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpt2",
        "a/..",
        "../a",
        "a/b@..",
        "a/b/../c.gguf",
        "a/b/c.ckpt",
        "a b/c",
        "a/b\x00",
        "/a/b",
        "http://[",
        "ä/b",
        "a/b/",
        "a//b.gguf",
        "a/b/c\\d.gguf",
        "a--b/c",
        "a/b.git",
        "a/" + "b" * 200,
        HUB,
        "a/b/nul.gguf",
    ],
)
def test_what_names_no_model_is_told_in_a_sentence(text):
    if text == "a/b/":
        return  # a slash at the end is no harm
    with pytest.raises(KnownError) as caught:
        read_wanted(text)
    assert caught.value.hint


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        wanted = read_wanted(text)
    except KnownError:
        return
    assert wanted.repo.count("/") == 1
    assert ".." not in wanted.repo


names = st.lists(
    st.one_of(
        st.sampled_from(["..", ".", "", "unet", "CON", "nul.json", "a\\b", "C:", "~", ".git", "x ", "y.", "é", "com1"]),
        st.text(max_size=20),
    ),
    max_size=5,
).map("/".join)


@given(names)
def test_a_name_that_passes_stays_inside_and_can_be_written(name):
    try:
        path = check_file_name(name)
    except KnownError:
        return
    inside = Path("/models/.partial/x")
    assert (inside / path).resolve().is_relative_to(inside)
    assert not path.is_absolute()
    assert not set('\\:*?"<>|\0') & set(name)
    assert all(part not in ("", ".", "..") and not part.startswith(".") for part in name.split("/"))


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "/a",
        "a/../b",
        "a\\b",
        "C:a",
        "nul",
        "NUL.json",
        "a/com1.txt",
        "a.",
        "a ",
        ".hidden",
        "",
        "a//b",
        "a\x00b",
        "a\nb",
        "a" * 500,
        "a/" * 9 + "b",
        "a\u202eb",
    ],
)
def test_a_name_that_could_land_elsewhere_is_refused(name):
    with pytest.raises(KnownError, match="not safe to write"):
        check_file_name(name)
