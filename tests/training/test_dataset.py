import json
import sys

import numpy as np
import pytest

from desktop.errors import KnownError
from desktop.training import archive, cli, dataset, nouns, sets
from tests.training import makers

CHOSEN = makers.NOUNS[:1] + makers.NOUNS[2:]


@pytest.fixture
def archives(tmp_path):
    return makers.archives(tmp_path / "work")


def test_packed_pictures_come_back_with_their_things_and_words(tmp_path):
    made = makers.dataset()
    path = tmp_path / "pictures.safetensors"
    made.save(path)
    again = dataset.load(path)
    assert (again.nouns, again.styles, again.words) == (made.nouns, made.styles, made.words)
    assert np.array_equal(again.source(2, "flat"), made.source(2, "flat"))
    assert again.styles_of(1) == ("3d", "flat")


def test_drawings_become_pictures_by_the_code_points_of_their_set(archives):
    pytest.importorskip("resvg_py")
    packed = dataset.pack(makers.NOUNS, ("3d", "flat"), archives, ["a line"])
    assert [noun.name for noun in packed.nouns] == ["apple", "sun", "frog"]
    assert packed.styles_of(0) == ("3d", "flat") and packed.styles_of(1) == ("3d",)
    drawn = packed.source(0, "flat")
    assert drawn.shape == (256, 256, 4) and tuple(drawn[128, 128]) == pytest.approx((0xD0, 0x30, 0x40, 255), abs=4)
    assert drawn[2, 2, 3] == 0


def test_a_set_without_a_table_of_its_own_goes_by_another_ones_names_or_by_the_words(archives):
    pytest.importorskip("resvg_py")
    icons = {"prefix": "fluent-emoji", "width": 32, "height": 32, "icons": {"frog": {"body": "<path d='M0 0h9v9z'/>"}}}
    makers.pack(archives / archive.archive_name(archive.GRADIENT), {"icons.json": json.dumps(icons).encode()})
    icons = {"prefix": "fxemoji", "width": 512, "height": 512, "icons": {"redapple": {"body": "<path/>"}}}
    makers.pack(archives / archive.archive_name(archive.FXEMOJI), {"icons.json": json.dumps(icons).encode()})
    codes = {"1f34e", "1f438"}
    assert [code for code, _ in sets.read(sets.SETS["gradient"], archives, codes, {})] == ["1f438"]
    called = {"1f34e": ("apple", "red apple"), "1f438": ("frog face",)}
    found = sets.read(sets.SETS["retro"], archives, codes, called)
    assert [code for code, _ in found] == ["1f34e"]


def test_without_the_svg_reader_the_hint_says_how_to_go_on(archives, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(KnownError, match="not installed") as caught:
        dataset.pack(CHOSEN, ("flat",), archives, [])
    assert "--sets 3d" in caught.value.hint


@pytest.mark.parametrize("damage", [{"icons": {"frog": {}}}, {"icons": {"frog": {"body": "<path d='"}}}, []])
def test_broken_drawings_are_a_known_error(archives, damage):
    pytest.importorskip("resvg_py")
    content = damage if isinstance(damage, list) else {"prefix": "x", "width": 32, "height": 32, **damage}
    files = {"icons.json": json.dumps(content).encode(), "chars.json": b'{"1f438": "frog"}'}
    makers.pack(archives / archive.archive_name(archive.FLAT), files)
    with pytest.raises(KnownError, match="cannot be read"):
        dataset.pack(CHOSEN, ("flat",), archives, [])


def test_a_packed_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "BYTES_MAX", 100)
    with pytest.raises(KnownError, match="MB large"):
        makers.dataset().save(tmp_path / "pictures.safetensors")
    assert not (tmp_path / "pictures.safetensors").exists()


def test_a_cut_packed_file_is_a_known_error(tmp_path):
    path = tmp_path / "pictures.safetensors"
    makers.dataset().save(path)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(KnownError, match="damaged"):
        dataset.load(path)


def test_the_stage_pack_needs_archives_once_and_then_only_its_file(archives, capsys):
    command = ["starter", "--work", str(archives), "--stage", "pack", "--sets", "3d"]
    makers.pack(archives / archive.archive_name(archive.FLUENT), {"assets/1f431.webp": makers.picture("orange")})
    assert cli.main(command) == 0 and "1 things in 1 styles" in capsys.readouterr().out
    for path in archives.glob("*.tgz"):
        path.unlink()
    assert cli.main(command) == 0


def test_all_emoji_have_spoken_names_and_skin_tones_words_of_their_own(archives):
    found = {noun.name: noun for noun in nouns.every(archives)}
    assert "waving hand with dark skin" in found and found["waving hand with dark skin"].emoji == "1f44b-1f3ff"
    assert found["apple"].also == next(noun for noun in nouns.chosen() if noun.name == "apple").also
    assert "fruit" in found["apple"].keywords


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flag: France", "flag of France"),
        ("flag France", "flag of France"),
        ("keycap 3", "digit three"),
        ("keycap 10", "number 10"),
        ("grinning face", "grinning face"),
    ],
)
def test_unicode_names_are_said_as_one_would_say_them(name, said):
    assert nouns.spoken(name) == said


def test_a_main_colour_is_found_where_none_is_listed(archives):
    frog = nouns.Noun(name="frog", emoji="1f438", colours=())
    assert dataset.pack([frog], ("3d",), archives, []).nouns[0].colours == ("green",)
