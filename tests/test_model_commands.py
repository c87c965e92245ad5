"""Fetching models from the command line, from a hub on loopback."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.__main__ import main
from tests.library.conftest import hub_server  # noqa: F401 - a fixture
from tests.library.hub_server import Fault, Repo
from tests.models import write_stable_diffusion

REPO = "someone/tiny-sd"
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = write_stable_diffusion(tmp_path_factory.mktemp("tiny") / "tiny")
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture
def hub(hub_server, tiny, monkeypatch):  # noqa: F811
    monkeypatch.setattr("desktop.library.tokens._keyring", lambda: None)
    monkeypatch.setattr("desktop.library.tokens._from_hub_program", lambda: "")
    hub_server.repos[REPO] = Repo(tiny, card={"license": "apache-2.0"})
    return hub_server


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_model_is_pulled_and_can_be_used_at_once(hub, capsys):
    assert main(["models", "pull", REPO, "--yes"]) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith(str(Path("models") / "tiny-sd"))
    assert "Licence: Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0" in said.err
    assert main(["models", "list", "--json"]) == 0
    assert [line["name"] for line in events(capsys.readouterr().out)] == ["starter", "tiny-sd"]
    assert main(["models", "pull", REPO]) == 0  # needs no yes: nothing is fetched
    assert "here already" in capsys.readouterr().err


def test_a_model_that_arrives_whole_and_cannot_be_used_is_no_success(hub, tiny, capsys):
    config = json.loads(tiny["unet/config.json"])
    config["cross_attention_dim"] *= 2
    hub.repos[REPO] = Repo(tiny | {"unet/config.json": json.dumps(config).encode()})
    assert main(["models", "pull", REPO, "--yes"]) == 2
    said = capsys.readouterr()
    assert Path(said.out.strip(), "unet").is_dir(), "it is there all the same"
    assert "U-Net listens to 32 numbers a word" in said.err


def test_with_json_everything_is_told_one_event_a_line(hub, capsys):
    assert main(["models", "pull", REPO, "--yes", "--json"]) == 0
    told = events(capsys.readouterr().out)
    assert told[0]["event"] == "offer"
    assert told[0]["licence"] == "Apache-2.0"
    assert told[-1]["event"] == "done"
    assert told[-1]["done"] == told[-1]["total"] == told[0]["bytes"]
    assert Path(told[-1]["path"], "model_index.json").is_file()


def test_nothing_is_fetched_without_a_yes(hub, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["models", "pull", REPO]) == 2
    assert "--yes" in capsys.readouterr().err
    assert hub.fetched(".safetensors") == 0


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_at_a_terminal_it_is_asked(hub, capsys, monkeypatch, answer, status):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["models", "pull", REPO]) == status
    assert "Fetch it?" in capsys.readouterr().err
    assert bool(hub.fetched(".safetensors")) == (status == 0)


@pytest.mark.parametrize("model", ["someone/nothing", "no-model", "a/../b", "\x1b[31m/x"])
def test_what_is_not_there_is_one_line_and_exit_2(hub, capsys, model):
    assert main(["models", "pull", model, "--yes"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("safelight: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_damaged_file_is_exit_2_and_can_be_gone_on_with(hub, capsys):
    hub.faults[UNET] = [Fault("corrupt", after=9)]
    assert main(["models", "pull", REPO, "--yes"]) == 2
    assert "arrived damaged" in capsys.readouterr().err
    assert main(["models", "pull", REPO, "--yes"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts go another way there")
def test_an_interrupt_pauses_with_130_and_the_same_command_goes_on(hub, tiny, tmp_path):
    hub.faults[UNET] = [Fault("hold", after=3000)]
    command = [sys.executable, "-m", "desktop", "models", "pull", REPO, "--yes"]
    root = Path(__file__).parent.parent
    child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert hub.held.wait(60)
    os.kill(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert "goes on from there" in err
    assert "Traceback" not in err
    hub.seen.clear()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ((_, _, range_, _),) = (seen for seen in hub.seen if seen[1].startswith("/store"))  # all else was here already
    # An interrupt may come before the bytes that were sent have been read.
    assert range_ is None or 0 < int(range_.removeprefix("bytes=").removesuffix("-")) <= 3000


def test_the_catalogue_is_listed_with_what_fits(capsys):
    assert main(["models", "catalogue", "--json"]) == 0
    listed = events(capsys.readouterr().out)
    assert {"sdxl", "flux-schnell", "karlo", "deepfloyd-if"} <= {entry["name"] for entry in listed}
    assert {entry["fits"] for entry in listed} <= {"yes", "offload", "no"}
    assert main(["models", "catalogue"]) == 0
    assert "CreativeML Open RAIL-M" in capsys.readouterr().out


def test_a_token_is_not_kept_where_there_is_no_keyring(hub, capsys, monkeypatch, data_folder):
    monkeypatch.setattr(sys, "stdin", io.StringIO("hf_secret\n"))
    assert main(["models", "token"]) == 2
    assert "no keyring" in capsys.readouterr().err
    assert not [f for f in data_folder.rglob("*") if f.is_file() and b"hf_secret" in f.read_bytes()]


def test_of_many_precisions_one_is_fetched_and_draws(hub, tiny, tmp_path, capsys):
    import torch
    from diffusers import StableDiffusionPipeline

    source = tmp_path / "source"
    for name, content in tiny.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    pipeline = StableDiffusionPipeline.from_pretrained(source, safety_checker=None, local_files_only=True)
    pipeline.to(dtype=torch.float16).save_pretrained(source, variant="fp16")
    for half in source.rglob("*.fp16.safetensors"):  # as some repositories name it
        if half.parent.name == "vae":
            half.rename(half.with_name(half.name.replace("fp16", "bf16")))
    for plain in [*source.rglob("model.safetensors"), *source.rglob("diffusion_pytorch_model.safetensors")]:
        plain.with_suffix(".bin").write_bytes(b"a pickle")
    files = {f.relative_to(source).as_posix(): f.read_bytes() for f in source.rglob("*") if f.is_file()}
    hub.repos["someone/half"] = Repo(files)
    assert main(["models", "pull", "someone/half", "--yes"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert sorted(f.name for f in folder.rglob("*") if f.suffix in (".safetensors", ".bin")) == [
        "diffusion_pytorch_model.bf16.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
        "model.fp16.safetensors",
    ]
    arguments = ["generate", "a fox", "--model", "half", "--steps", "1", "--size", "32x32", "--out", str(tmp_path)]
    assert main(arguments) == 0, capsys.readouterr().err
    assert Path(capsys.readouterr().out.strip()).is_file()


def test_where_a_token_is_needed_the_command_that_keeps_it_is_named(hub, capsys):
    hub.repos[REPO].gated = "auto"
    assert main(["models", "pull", REPO, "--yes"]) == 2
    said = capsys.readouterr().err
    assert "terms" in said
    assert "safelight models token" in said
    assert said.count("\n") == 1


def test_no_name_of_a_folder_reaches_the_terminal_as_a_command(tiny, data_folder, capsys):
    name = "red\n\x1b[31mname"
    for file, content in tiny.items():
        path = data_folder / "models" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert main(["models", "list"]) == 0
    assert main(["models", "check"]) == 0
    assert main(["generate", "x", "--model", "nosuch"]) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 4
    assert len(said.err.splitlines()) == 1
    assert "\x1b" not in said.out + said.err
