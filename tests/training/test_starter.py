import json
import stat
import subprocess
import sys

import pytest
import torch
from diffusers import StableDiffusionPipeline

from desktop.training import cli, starter, tokenizer
from tests.training.makers import recipe, work_folder


def collect(losses, stop_at=None):
    """A report that notes every loss by stage and step and, at (stage, step), asks to stop."""

    def report(stage, figures):
        losses[stage, figures["step"]] = (figures["loss"], figures.get("last"), figures.get("error"))
        return (stage, figures["step"]) != stop_at

    return report


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Losses and model folder of a run without interruption."""
    base = tmp_path_factory.mktemp("straight")
    losses = {}
    starter.run(recipe(work_folder(base / "work")), base / "model", collect(losses))
    return losses, base


@pytest.mark.parametrize("stop_at", [("autoencoder", 3), ("latents", 6), ("denoiser", 4)])
def test_an_interrupted_run_goes_on_with_the_same_losses(straight, tmp_path, stop_at):
    made = recipe(work_folder(tmp_path / "work"))
    losses = {}
    with pytest.raises(starter.Stopped):
        starter.run(made, tmp_path / "model", collect(losses, stop_at))
    starter.run(made, tmp_path / "model", collect(losses))
    assert losses == straight[0]


def test_the_exported_folder_loads_offline_and_draws(straight):
    folder = straight[1] / "model"
    pipe = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    drawn = pipe("a purple cat on the moon, zqj ☃", num_inference_steps=3, generator=generator).images[0]
    assert drawn.size == (32, 32)


def test_the_exported_folder_is_plain(straight):
    folder = straight[1] / "model"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "README.md",
        "model_index.json",
        "preview.safetensors",
        "safelight.json",
        "samples.webp",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in folder.rglob("*") if path.is_file())
    assert not any(str(straight[1]) in path.read_text() for path in folder.rglob("*.json"))
    index = json.loads((folder / "model_index.json").read_text())
    assert index["safety_checker"] == [None, None] and index["requires_safety_checker"] is False


def test_exporting_again_gives_the_same_weights_and_takes_the_judgement_into_the_card(straight):
    folder, made = straight[1] / "model", recipe(straight[1] / "work")
    assert "nobody has gone through" in (folder / "README.md").read_text()
    (folder / "judged.json").write_text('{"unnamed": ["sun"]}')
    before = (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    starter.export_model(made, folder)
    assert (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == before
    card = (folder / "README.md").read_text()
    assert "**1** were" in card and "sun †" in card and "apple †" not in card
    (folder / "judged.json").unlink()


def test_the_folded_autoencoder_gives_the_latents_that_were_trained_on(straight):
    made = recipe(straight[1] / "work")
    latents, _, _ = starter.cache_latents(made, lambda *_: True)
    assert abs(float(latents.float().square().mean()) - 1) < 0.01
    coder, _, _ = starter.assemble(made)
    drawn, _ = starter.views(made, made.views, seed=1)
    unit = torch.from_numpy(starter.pictures.to_unit(drawn[0]))
    with torch.no_grad():
        found = coder.encode(unit).latent_dist.mean
    assert float((found - latents[0].float()).abs().mean()) < 0.05  # the cached ones are made in bfloat16


def test_a_model_can_be_exported_before_anything_is_trained(tmp_path):
    made = recipe(work_folder(tmp_path / "work"))
    assert starter.export_model(made, tmp_path / "model") < 2**20


def test_any_text_becomes_tokens_and_none_is_unknown(straight):
    words = tokenizer.load(straight[1] / "model" / "tokenizer")
    for text in ("", "a red apple", "Ünïcode ☃ 日本", "x" * 500):
        found = words(text, padding="max_length", max_length=tokenizer.WORDS_MAX, truncation=True).input_ids
        assert len(found) == tokenizer.WORDS_MAX and max(found) < len(words)
    assert words.decode(words("Zoë ☃").input_ids, skip_special_tokens=True) == "zoë ☃"


def test_a_known_error_is_one_line_and_no_traceback(tmp_path, capsys):
    work = work_folder(tmp_path / "work")
    for path in work.glob("emojilib*"):
        path.write_bytes(path.read_bytes()[:100])
    assert cli.main(["starter", "--work", str(work), "--out", str(tmp_path / "model")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("safelight train: The archive emojilib") and said.count("\n") == 1


def test_the_package_is_light_until_it_trains():
    code = "import desktop.training, sys; assert not {'torch', 'numpy', 'PySide6'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
