"""The command line, on the built-in model and in processes of its own where that matters."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from desktop.__main__ import main
from desktop.console import Printer
from desktop.messages import GenerationRequest, Preview
from desktop.settings import Folders, find_folders
from desktop.store.recipe import read_recipe, read_request
from desktop.studio import Studio

ROOT = Path(__file__).parent.parent


def _safelight(*arguments):
    return [sys.executable, "-m", "desktop", *arguments]


def _run(*arguments):
    return subprocess.run(_safelight(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=300)


def _events(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two pictures of one request, made by two processes, and what the first printed."""
    folder = tmp_path_factory.mktemp("made")
    outputs = [
        _run("--data", str(folder / name), "generate", "a red apple", "--seed", "5", "--steps", "6", "--json")
        for name in ("one", "two")
    ]
    for done in outputs:
        assert done.returncode == 0, done.stderr
    return [_events(done.stdout) for done in outputs]


def test_generate_prints_one_event_a_line(made):
    events = made[0]
    assert [e["event"] for e in events] == ["started", *["preview"] * 6, "saved"]
    assert [(e["step"], e["total"]) for e in events if e["event"] == "preview"] == [(n, 6) for n in range(1, 7)]
    saved = events[-1]
    assert (saved["seed"], saved["width"], saved["height"]) == (5, 256, 256)
    assert saved["seconds"] > 0
    assert Path(saved["path"]).is_file()


def test_the_same_request_gives_the_same_pixels_in_two_processes(made):
    pictures = [Image.open(events[-1]["path"]) for events in made]
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_the_whole_request_is_in_the_picture(made):
    recipe = read_recipe(Path(made[0][-1]["path"]))
    assert (recipe.request.prompt, recipe.request.seed, recipe.request.steps) == ("a red apple", 5, 6)
    assert {"torch", "diffusers", "device", "dtype", "model_fingerprint"} <= recipe.extra.keys()


def test_replay_finds_the_picture_identical(made, tmp_path):
    done = _run("replay", made[0][-1]["path"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "identical: every pixel is the same\n"


def test_replay_says_how_far_a_changed_picture_is(made, tmp_path, capsys):
    from desktop.store.recipe import write_png

    recipe = read_recipe(Path(made[0][-1]["path"]))
    image = Image.open(made[0][-1]["path"]).convert("RGB")
    red, green, blue = image.getpixel((3, 4))
    image.putpixel((3, 4), (red, (green + 100) % 256, blue))
    write_png(tmp_path / "changed.png", image, recipe.request, recipe.extra | {"torch": "0.1"})
    assert main(["replay", str(tmp_path / "changed.png"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert not said["identical"]
    assert said["largest_difference"] in (100, 156)
    assert 40 < said["psnr_db"] < 60
    assert said["differs"]["torch"][0] == "0.1"


def test_a_start_picture_travels_inside_the_file(tmp_path, capsys):
    Image.linear_gradient("L").resize((200, 100)).save(tmp_path / "start.png")
    arguments = ["generate", "a boat", "--init", str(tmp_path / "start.png"), "--strength", "0.5"]
    assert main([*arguments, "--steps", "4", "--seed", "1", "--out", str(tmp_path / "out")]) == 0
    path = Path(capsys.readouterr().out.strip())
    (tmp_path / "start.png").unlink()
    assert read_recipe(path).attached.keys() == {"start"}
    assert main(["--data", str(tmp_path / "elsewhere"), "replay", str(path)]) == 0
    assert capsys.readouterr().out.startswith("identical")


def test_count_makes_as_many_with_seeds_going_up(tmp_path, capsys):
    assert main(["generate", "a cat", "--count", "2", "--seed", "8", "--steps", "2", "--out", str(tmp_path / "o")]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [read_request(path).seed for path in paths] == [8, 9]


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", ""],
        ["generate", "a", "--size", "130x130"],
        ["generate", "a", "--size", "big"],
        ["generate", "a", "--size", "²x²"],
        ["generate", "a", "--steps", "0"],
        ["generate", "a", "--steps", "many"],
        ["generate", "a", "--guidance", "nan"],
        ["generate", "a", "--scheduler", "magic"],
        ["generate", "a", "--scheduler", "flow_euler"],
        ["generate", "a", "--model", "nowhere"],
        ["generate", "a", "--seed", "-1"],
        ["generate", "a", "--count", "0"],
        ["generate", "a", "--init", "nowhere.png"],
        ["generate", "a", "--strength", "0.5"],
        ["generate", "a", "--out", "/proc/nowhere"],
        ["generate", "a", "--out", str(ROOT / "pyproject.toml")],
        ["generate", "a", "--out", "~nobody-here/x"],
        ["generate", "a", "--model", "x" * 5000],
        ["--data", "~nobody-here/x", "models", "list"],
        ["replay", "~nobody-here/x.png"],
        ["generate"],
        ["replay", "nowhere.png"],
        ["replay", str(ROOT / "pyproject.toml")],
        ["models", "add", "nowhere"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_exit_2(arguments, capsys):
    try:
        status = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr()
    assert status == 2
    assert said.err.startswith("safelight: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_interrupt_stops_everything_with_130(tmp_path):
    running = subprocess.Popen(
        _safelight("generate", "a dog", "--steps", "900", "--count", "3", "--json"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in running.stdout:
        if json.loads(line)["event"] == "preview":
            break
    os.kill(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert [e["event"] for e in _events(out) if e["event"] != "preview"] == ["cancelled"] * 3
    assert "Traceback" not in err


def test_an_interrupt_while_the_queue_is_made_loses_none_of_it(tmp_path, capsys, monkeypatch):
    studio = Studio(Folders(root=tmp_path), lambda event: None)
    waiting = [GenerationRequest(prompt=f"{colour} apple", seed=1, steps=30) for colour in ("a red", "a green")]
    studio.queue.keep(waiting)
    studio.close()
    tell = Printer.tell

    def interrupt(self, event):
        tell(self, event)
        if isinstance(event, Preview) and event.step == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Printer, "tell", interrupt)
    assert main(["--data", str(tmp_path), "queue", "resume"]) == 130
    assert main(["--data", str(tmp_path), "queue", "list"]) == 0
    assert [line.partition("  (")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a red apple",
        "a green apple",
    ]


def test_models_are_listed_and_checked(capsys):
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["name"] == "starter"
    assert main(["models", "check"]) == 0
    assert "starter: whole" in capsys.readouterr().out


def test_pictures_are_found_by_their_prompt(capsys):
    assert main(["generate", "a yellow banana", "--steps", "1", "--seed", "2"]) == 0
    path = capsys.readouterr().out.strip()
    assert main(["gallery", "search", "banan"]) == 0
    assert capsys.readouterr().out.strip() == path
    assert main(["gallery", "search", "nothing like it"]) == 0
    assert capsys.readouterr().out == ""


def test_nothing_asks_the_network(tmp_path):
    code = """
import socket, sys
def refuse(*arguments, **keywords):
    print("asked the network", file=sys.stderr)
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = socket.getaddrinfo = refuse
from desktop.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    arguments = ["generate", "a red apple", "--steps", "2", "--out", str(tmp_path)]
    bare = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, env=bare
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_where_there_is_no_display_the_window_says_so_in_one_line():
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(_safelight(), cwd=ROOT, capture_output=True, text=True, timeout=60, env=bare)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "generate" in done.stderr


def test_a_lost_database_is_made_again_from_the_pictures(tmp_path, capsys):
    assert main(["generate", "a yellow banana", "--steps", "1", "--seed", "2"]) == 0
    path = capsys.readouterr().out.strip()
    find_folders().database.write_bytes(b"no database" * 1000)
    assert main(["gallery", "search", "banana"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == path
    assert "damaged" in said.err


def test_output_that_nobody_reads_is_no_error(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m desktop models list | true; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_prompt_the_terminal_has_no_letters_for_is_no_error(tmp_path):
    arguments = _safelight("generate", "猫", "--steps", "1", "--out", str(tmp_path / "猫"))
    bare = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=300, env=bare)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "猫").glob("*.png"))) == 1


def test_a_report_is_written_without_prompts(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "data"), "report", str(tmp_path / "r.zip")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "r.zip")
    assert main(["--data", str(tmp_path / "data"), "report", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_pictures_are_copied_out_with_their_recipes_and_a_list(tmp_path, capsys):
    for prompt, seed in (("a yellow banana", "2"), ("a red apple", "3")):
        assert main(["generate", prompt, "--steps", "1", "--seed", seed]) == 0
    out = tmp_path / "out"
    for _ in range(2):  # the second time there is nothing new
        assert main(["gallery", "export", str(out)]) == 0
        assert "2 pictures are in" in capsys.readouterr().out
        assert len(list(out.glob("*.png"))) == 2
    rows = json.loads((out / "safelight-pictures.json").read_text())
    assert [row["request"]["prompt"] for row in rows] == ["a red apple", "a yellow banana"]
    assert read_request(out / rows[0]["file"]) == GenerationRequest.from_json(rows[0]["request"])
    (out / rows[1]["file"]).write_bytes(b"something else")
    assert main(["gallery", "export", str(out), "--text", "banana"]) == 0
    assert "1 picture is in" in capsys.readouterr().out
    assert (out / rows[1]["file"]).read_bytes() == b"something else"
    assert len(list(out.glob("*.png"))) == 3
    listed = json.loads((out / "safelight-pictures.json").read_text())
    assert len(listed) == 3, "those of the export before stay on the list"
    assert {row["file"] for row in listed} == {path.name for path in out.glob("*.png")}
    assert main(["gallery", "export", str(out / "safelight-pictures.json")]) == 2


@pytest.mark.parametrize("text", ['{"my": "own"}', '[{"file": "../x.png"}]', "[1]", "no list"])
def test_an_export_overwrites_no_file_of_the_user_s(tmp_path, capsys, text):
    assert main(["generate", "a red apple", "--steps", "1", "--seed", "3"]) == 0
    out = tmp_path / "out"
    out.mkdir()
    for name in ("index.json", "safelight-pictures.json"):
        (out / name).write_text(text)
    for _ in range(2):
        assert main(["gallery", "export", str(out)]) == 0
    for name in ("index.json", "safelight-pictures.json"):
        assert (out / name).read_text() == text
    assert sorted(path.name for path in out.glob("*.json")) == [
        "index.json",
        "safelight-pictures-2.json",
        "safelight-pictures.json",
    ]
    (row,) = json.loads((out / "safelight-pictures-2.json").read_text())
    assert row["request"]["prompt"] == "a red apple"
