"""Letters that the shipped font does not have are written with one of the system's."""

import shutil
import subprocess

import pytest
from PIL import Image, ImageDraw

from desktop.settings import RESOURCES
from desktop.store import letters
from desktop.store.letters import SHIPPED, Letters, faces_for, has


@pytest.fixture(autouse=True)
def forgetful():
    ask = letters._system_face
    ask.cache_clear()
    yield
    ask.cache_clear()


def written(line, text):
    sheet = Image.new("L", (400, 60), 0)
    line.write(ImageDraw.Draw(sheet), (10, 30), text, 255, "lm")
    return sheet


def inked(line, text):
    return written(line, text).getbbox()


def test_the_shipped_font_has_our_letters_and_no_ideographs():
    assert all(has(SHIPPED, letter) for letter in "aZ9é×…·–ßяλ \t\u200d")
    assert not any(has(SHIPPED, letter) for letter in "苹あ가ก")


def test_a_line_in_our_letters_asks_the_system_for_nothing(monkeypatch):
    monkeypatch.setattr(letters, "_system_face", lambda wanted: pytest.fail("it was asked"))
    assert faces_for(["a red apple", "яблоко", "seed 7 · 512×512"]) == ()


def test_a_line_is_cut_where_the_room_ends():
    line = Letters(14)
    assert line.elided("a  fox", 1000) == "a fox"
    short = line.elided("a fox on a hill", 50)
    assert short.endswith("…")
    assert line.length(short) <= 50
    assert line.elided("a fox", 1) == "…"


def test_a_long_line_is_cut_after_a_few_looks_where_one_letter_more_would_not_fit(monkeypatch):
    line, looks, length = Letters(14), [], Letters.length
    monkeypatch.setattr(Letters, "length", lambda self, text: looks.append(text) or length(self, text))
    text = "A fox, walking to its den. " * 80
    for width in range(0, 400, 7):
        looks.clear()
        short = line.elided(text, width)
        assert len(looks) <= 14
        assert short == "…" or length(line, short) <= width
        count = len(short) - 1
        assert text.startswith(short[:-1])
        assert length(line, text[: count + (2 if text[count] == " " else 1)] + "…") > width


def test_pieces_of_two_fonts_stand_on_one_line_behind_each_other(monkeypatch):
    bold = str(RESOURCES / "fonts" / "Inter-SemiBold.ttf"), 0  # for a font of the system's, with an x only
    monkeypatch.setattr(letters, "has", lambda face, letter: (face == SHIPPED) == (letter != "x"))
    mixed, plain = Letters(30, [bold]), Letters(30)
    assert [text for text, _ in mixed._runs("nn xn")] == ["nn ", "x", "n"]
    assert mixed.length("nn xn") > plain.length("nn xn")
    for text in ("nnxn", "xnx"):
        (left, _, right, bottom), other = inked(mixed, text), inked(plain, text)
        assert abs(bottom - other[3]) <= 1
        assert abs(left - other[0]) <= 1
        assert other[2] <= right <= 11 + mixed.length(text)


def test_where_no_font_has_a_letter_the_shipped_one_stays(monkeypatch):
    monkeypatch.setattr(letters, "_from_fontconfig", lambda wanted: [SHIPPED])
    assert faces_for(["苹果"]) == ()
    assert [font.path for _, font in Letters(20)._runs("a 苹果")] == [SHIPPED[0]]


@pytest.mark.parametrize("answer", ["", "/nowhere.ttf\n0\n", "/nowhere.ttf\nx\n", f"{RESOURCES}/fonts/OFL.txt\n0\n"])
def test_an_answer_that_is_no_font_is_passed_over(tmp_path, monkeypatch, answer):
    program = tmp_path / "fc-match"
    program.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=None)
    assert shutil.which("fc-match") == str(program)
    assert faces_for(["苹果"]) == ()


def test_without_fontconfig_the_usual_places_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert letters._from_fontconfig(frozenset("苹")) is None
    monkeypatch.setattr(letters, "_FILES", (str(tmp_path / "none.ttf"), SHIPPED[0]))
    monkeypatch.setattr(letters, "has", lambda face, letter: face == SHIPPED and letter == "苹")
    assert letters._system_face(frozenset("苹果")) == SHIPPED


def test_ideographs_are_drawn_where_the_system_has_a_font_for_them():
    if (
        shutil.which("fc-list") is None
        or not subprocess.run(["fc-list", ":charset=82f9 679c", "file"], capture_output=True, check=True).stdout.strip()
    ):
        pytest.skip("there is no font with these letters on this machine")
    faces = faces_for(["a red 苹果", "seed 1"])
    assert len(faces) == 1
    runs = Letters(20, faces)._runs("a red 苹果 on a hill")
    assert [text for text, _ in runs] == ["a red ", "苹果 ", "on a hill"]
    drawn = written(Letters(20, faces), "苹果")
    assert drawn.tobytes() != written(Letters(20), "苹果").tobytes(), "no boxes"
