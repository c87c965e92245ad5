"""Models that are not there yet: what is on the disk of them, and how they become models."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.library import partial as partials
from desktop.library.catalogue import Licence
from desktop.library.hub import Offer
from desktop.library.library import Library
from desktop.library.partial import Partial
from desktop.library.pipeline_files import RemoteFile
from tests.models import STARTER

SHA = "ab" * 32


def offer(*names, repo="someone/model", is_file=False, **more):
    files = tuple(RemoteFile(name=name, bytes=len(name), sha256=SHA) for name in names or ("model_index.json",))
    fields = {
        "revision": "abc",
        "name": "model",
        "title": "model",
        "licence": Licence(name="MIT"),
        "link": "",
        "gated": False,
    }
    return Offer(repo=repo, files=files, is_file=is_file, **(fields | more))


def arrive(partial):
    for file in partial.offer.files:
        path = partial.verified(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.name)


parts = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
offers = st.builds(
    offer,
    parts.map(lambda p: f"unet/of-{p}.json"),  # some names alone, such as COM0, no disk of every system takes
    title=st.text(max_size=30),
    link=st.text(max_size=30),
    licence=st.builds(Licence, name=st.text(max_size=20), link=st.text(max_size=20)),
    gated=st.booleans(),
)


@given(offers)
def test_what_is_written_of_a_download_is_read_back_equal(offer):
    with tempfile.TemporaryDirectory() as folder:
        partial = partials.begin(Path(folder), offer)
        (left,) = partials.every(Path(folder))
        assert left == partial
        assert left.offer == offer


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(
    st.sampled_from(["version", "repo", "revision", "name", "files", "licence", "is_file", "gated", "more"]),
    json_values,
)
def test_notes_that_somebody_changed_are_refused_and_never_followed(key, value):
    with tempfile.TemporaryDirectory() as folder:
        partial = partials.begin(Path(folder), offer())
        path = partial.folder / "manifest.json"
        data = json.loads(path.read_text())
        path.write_text(json.dumps(data | {key: value}))
        (left,) = partials.every(Path(folder))
        if isinstance(left, Partial):
            for file in left.offer.files:
                assert left.verified(file).is_relative_to(partial.folder)
        else:
            assert left == partial.folder


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/passwd", "..", "a\\b"])
def test_notes_that_name_files_elsewhere_are_refused(tmp_path, name):
    partial = partials.begin(tmp_path, offer())
    path = partial.folder / "manifest.json"
    data = json.loads(path.read_text())
    data["files"][0]["name"] = name
    path.write_text(json.dumps(data))
    assert list(partials.every(tmp_path)) == [partial.folder]
    path.write_text(json.dumps(data | {"files": [], "name": name}))
    assert list(partials.every(tmp_path)) == [partial.folder]


def test_the_same_model_is_gone_on_with_and_another_of_its_name_gets_its_own_folder(tmp_path):
    first = partials.begin(tmp_path, offer())
    assert partials.begin(tmp_path, offer(revision="def")) == first
    assert partials.begin(tmp_path, offer(repo="other/model")).key == "model-2"


def test_a_model_half_there_is_none_for_the_library(tmp_path):
    library = Library(builtin=STARTER, models=tmp_path, added=tmp_path / "models.json")
    arrive(partials.begin(tmp_path, offer()))
    assert [info.name for info in library.list()] == ["starter"]
    assert library.check_all() == {"starter": None}


def test_what_is_whole_moves_into_place_and_takes_no_others_place(tmp_path):
    (tmp_path / "model").mkdir()
    partial = partials.begin(tmp_path, offer("model_index.json", "unet/config.json"))
    arrive(partial)
    path = partials.finish(partial, tmp_path)
    partials.forget(partial.folder)
    assert path == tmp_path / "model-2"
    assert (path / "unet" / "config.json").read_text() == "unet/config.json"
    assert partials.origins(tmp_path) == {"someone/model": ("abc", path)}
    assert not (tmp_path / ".partial").exists()


def test_a_model_that_gets_a_lost_file_back_keeps_what_the_user_changed(tmp_path):
    fetched = offer("model_index.json", "scheduler/scheduler_config.json", "unet/config.json")

    def get():
        partial = partials.begin(tmp_path, fetched)
        arrive(partial)
        path = partials.finish(partial, tmp_path)
        partials.forget(partial.folder)
        return path

    folder = get()
    index, schedule, lost = (folder / file.name for file in fetched.files)
    index.write_text("x" * 16)  # changed, in the size it had
    for change in ("mine", "mine again"):
        schedule.write_text(change)
        lost.unlink()
        assert get() == folder
        assert (schedule.read_text(), lost.read_text()) == ("scheduler/scheduler_config.json", "unet/config.json")
    assert index.read_text() == "x" * 16
    beside = {path.name: path.read_text() for path in schedule.parent.iterdir() if path != schedule}
    assert beside == {"scheduler_config.json.before": "mine", "scheduler_config.json.before-2": "mine again"}


def test_a_single_file_moves_into_place_under_its_own_name(tmp_path):
    (tmp_path / "q4.gguf").touch()
    partial = partials.begin(tmp_path, offer("deep/q4.gguf", name="q4.gguf", is_file=True))
    arrive(partial)
    assert partials.finish(partial, tmp_path) == tmp_path / "q4-2.gguf"


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_is_no_verified_file(tmp_path):
    partial = partials.begin(tmp_path, offer())
    (tmp_path / "elsewhere").write_text("x" * 16)
    path = partial.verified(partial.offer.files[0])
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    assert not partial.is_verified(partial.offer.files[0])
