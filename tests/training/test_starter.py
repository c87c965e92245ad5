import json
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from desktop.errors import KnownError
from desktop.training import cli, distill, drawing, evaluate, finish, stages, starter, tokenizer, vae
from desktop.training.loop import Stopped
from tests.training.makers import archives, recipe, work_folder

TRAINING = ("autoencoder", "latents", "denoiser")


def collect(losses, stop_at=None):
    """A report that notes every loss by stage and step and, at (stage, step), asks to stop."""

    def report(stage, figures):
        losses[stage, figures["step"]] = (figures["loss"], figures.get("last"), figures.get("error"))
        return (stage, figures["step"]) != stop_at

    return report


def train(made, report, chosen=TRAINING):
    return list(stages.run(made, chosen, report, out=made.work / "published", seeds=1, limit=2))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Losses and recipe of a run without interruption, exported."""
    losses, made = {}, recipe(work_folder(tmp_path_factory.mktemp("straight")))
    train(made, collect(losses), (*TRAINING, "export"))
    return losses, made


@pytest.mark.parametrize("stop_at", [("autoencoder", 3), ("latents", 24), ("denoiser", 4)])
def test_an_interrupted_run_goes_on_with_the_same_losses_to_the_last_bit(straight, tmp_path, stop_at):
    made, losses = recipe(work_folder(tmp_path)), {}
    with pytest.raises(Stopped):
        train(made, collect(losses, stop_at))
    train(made, collect(losses))
    assert losses == straight[0]


def test_after_a_stop_the_weights_are_the_same_too(straight, tmp_path):
    made = recipe(work_folder(tmp_path))
    with pytest.raises(Stopped):
        train(made, collect({}, ("denoiser", 5)))
    train(made, collect({}))
    for name in ("vae", "denoiser"):
        one, other = (finish.checkpoint.load(run.work / f"{name}.safetensors")[0] for run in (made, straight[1]))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_small_discriminator_can_help_and_is_gone_on_with(tmp_path):
    settings = recipe(tmp_path).vae
    changed = {"vae": type(settings)(**{**as_dict(settings), "adversary": 0.1, "adversary_from": 0.2})}
    losses, again = {}, {}
    made = recipe(work_folder(tmp_path / "one"), **changed)
    train(made, collect(losses), ["autoencoder"])
    made = recipe(work_folder(tmp_path / "two"), **changed)
    with pytest.raises(Stopped):
        train(made, collect(again, ("autoencoder", 4)), ["autoencoder"])
    train(made, collect(again), ["autoencoder"])
    assert again == losses


def as_dict(settings):
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


@pytest.fixture(scope="module")
def grown(straight, tmp_path_factory):
    """A recipe for pictures twice as large that goes on from the first one's model, trained."""
    first = straight[1]
    widths = (8, *first.vae.widths)
    settings = vae.VaeSettings(**{**as_dict(first.vae), "widths": widths, "crop": 32})
    folder = work_folder(tmp_path_factory.mktemp("grown"))
    made = recipe(folder, size=64, start=finish.folder_of(first), vae=settings)
    train(made, collect({}), (*TRAINING, "export"))
    return made


def test_a_model_for_larger_pictures_goes_on_in_the_same_latents(straight, grown):
    pipe = StableDiffusionPipeline.from_pretrained(finish.folder_of(grown), local_files_only=True, dtype=torch.float32)
    before = straight[1]
    assert pipe.unet.config.sample_size == before.size // 8 == grown.size // 16
    assert pipe.vae.config.sample_size == 64 and vae.factor(pipe.vae) == 16
    cached = starter.cache_latents(grown, lambda *_: True, torch.device("cpu"))
    teacher = starter.start_vae(grown)
    small = starter.scenes.draw(cached.scenes[0], starter.packed(grown), 32)
    with torch.no_grad():
        wanted = vae.encode_mean(teacher, torch.from_numpy(starter.pictures.to_unit(small))[None])
    assert float((cached.latents[0] - wanted[0]).abs().mean()) < 0.01


def test_of_an_autoencoder_that_keeps_its_size_only_the_decoder_learns_on(straight, tmp_path):
    start = finish.folder_of(straight[1])
    made, losses = recipe(work_folder(tmp_path), start=start), {}
    train(made, collect(losses), ["autoencoder"])
    before, after = vae.open_folder(start / "vae"), vae.trained(made.work / "vae.safetensors", made.vae, made.size)
    changed = {
        name for name, weight in before.state_dict().items() if not torch.equal(weight, after.state_dict()[name])
    }
    assert {name.split(".")[0] for name in changed} == {"decoder", "post_quant_conv"}, "what encodes is as it was"
    assert losses["autoencoder", made.vae_steps][0] > 0


def test_a_grown_autoencoder_begins_as_the_one_it_grew_from(straight):
    old = vae.open_folder(finish.folder_of(straight[1]) / "vae")
    settings = vae.VaeSettings(**{**as_dict(straight[1].vae), "widths": (8, 8, 8, 8, 8)})
    new = vae.grow(old, settings, 64)
    for name, moved in (
        ("encoder.down_blocks.1.resnets.0.conv1.weight", "encoder.down_blocks.2.resnets.0.conv1.weight"),
        ("decoder.up_blocks.0.resnets.0.conv1.weight", "decoder.up_blocks.0.resnets.0.conv1.weight"),
        ("quant_conv.weight", "quant_conv.weight"),
    ):
        assert torch.equal(old.state_dict()[name], new.state_dict()[moved])
    torch.manual_seed(0)
    pictures = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4), size=256, mode="bicubic")
    with torch.no_grad():
        wanted = vae.encode_mean(old, torch.nn.functional.avg_pool2d(pictures, 2))
        inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))  # at the edges the paddings differ
        apart = (vae.encode_mean(new, pictures) - wanted)[inside]
        assert float(apart.abs().mean()) < 0.25 * float(wanted[inside].std())
        doubled = torch.nn.functional.avg_pool2d(vae.decode(new, wanted), 2)
        assert float((doubled - vae.decode(old, wanted)).abs().mean()) < 0.1
    with pytest.raises(KnownError, match="cannot become one for 48"):
        vae.grow(old, settings, 48)


def test_the_exported_folder_loads_offline_and_draws(straight):
    folder = finish.folder_of(straight[1])
    pipe = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    drawn = pipe("a purple cat on the moon, zqj ☃", num_inference_steps=3, generator=generator).images[0]
    assert drawn.size == (32, 32)


def test_the_exported_folder_is_plain(straight):
    folder = finish.folder_of(straight[1])
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "README.md",
        "losses.webp",
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
    assert not any(str(straight[1].work) in path.read_text() for path in folder.rglob("*.json"))
    index = json.loads((folder / "model_index.json").read_text())
    assert index["safety_checker"] == [None, None] and index["requires_safety_checker"] is False


def test_exporting_again_gives_the_same_weights(straight):
    folder, made = finish.folder_of(straight[1]), straight[1]
    before = evaluate.fingerprint(folder)
    finish.export_model(made)
    assert evaluate.fingerprint(folder) == before


def test_a_model_can_be_exported_before_anything_is_trained(tmp_path):
    made = recipe(work_folder(tmp_path))
    assert finish.export_model(made) < 2**20
    assert "Nobody has measured it yet" in (finish.folder_of(made) / "README.md").read_text()


def test_a_model_that_was_gone_on_with_leaves_no_path_behind(straight, tmp_path):
    made = recipe(work_folder(tmp_path), start=finish.folder_of(straight[1]))
    finish.export_model(made)
    texts = [path.read_text() for path in finish.folder_of(made).rglob("*.json")]
    assert len(texts) > 5 and not any("_name_or_path" in text or str(tmp_path) in text for text in texts)


def test_the_folded_autoencoder_gives_the_latents_that_were_trained_on(straight):
    made = straight[1]
    cached = starter.cache_latents(made, lambda *_: True, torch.device("cpu"))
    mean, scale = starter.scaling(made, cached)
    coder, _, _ = finish.assemble(made)
    drawn = starter.scenes.draw(cached.scenes[3], starter.packed(made), made.size)
    with torch.no_grad():
        found = coder.encode(torch.from_numpy(starter.pictures.to_unit(drawn))[None]).latent_dist.mean[0]
    wanted = (cached.latents[3].float() - mean[:, None, None]) / scale[:, None, None]
    assert float((found - wanted).abs().mean()) < 0.01


def test_a_student_that_draws_in_four_steps_is_exported_beside_it(straight, tmp_path):
    made = recipe(tmp_path / "work", distill=distill.DistillSettings(batch=4, portion=2), distill_steps=2)
    shutil.copytree(straight[1].work, made.work)
    train(made, collect({}), ("distill", "fast"))
    folder = made.work / finish.FAST
    advice = json.loads((folder / "safelight.json").read_text())
    assert (advice["steps"], advice["guidance_scale"], advice["scheduler"]) == (4, 1.0, "lcm")
    pipe = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    drawn = pipe("an apple", num_inference_steps=4, guidance_scale=1.0, generator=generator).images[0]
    assert drawn.size == (32, 32)
    scored = drawing.Model.open(folder)
    style, texts = drawing.Style(steps=4, guidance=1.0), ["an apple", "a sun"]
    two = scored.draw(texts, 1, style)
    assert type(scored._scheduler).__name__ == "LCMScheduler"
    assert np.abs(two[1].astype(int) - scored.draw(texts[1:], 1, style)[0]).max() <= 1


def test_a_pause_that_was_asked_for_keeps_what_is_done_and_is_no_error(tmp_path, capsys, monkeypatch):
    made = recipe(work_folder(tmp_path))
    monkeypatch.setattr(cli, "recipe_of", lambda _options: made)
    command = ["starter", "--work", str(tmp_path), "--stage", "autoencoder", "--pause-after", "1e-9"]
    assert cli.main(command) == 0
    assert "the same command goes on" in capsys.readouterr().err
    assert finish.checkpoint.counters(tmp_path / "vae.safetensors")["done"] == 1


def test_a_sheet_of_samples_is_drawn_as_it_goes(straight):
    with Image.open(straight[1].work / "samples.png") as sheet:
        assert min(sheet.size) >= 32


def test_any_text_becomes_tokens_and_none_is_unknown(straight):
    words = tokenizer.load(finish.folder_of(straight[1]) / "tokenizer")
    for text in ("", "a red apple", "Ünïcode ☃ 日本", "x" * 500):
        found = words(text, padding="max_length", max_length=tokenizer.WORDS_MAX, truncation=True).input_ids
        assert len(found) == tokenizer.WORDS_MAX and max(found) < len(words)
    assert words.decode(words("Zoë ☃").input_ids, skip_special_tokens=True) == "zoë ☃"


def test_a_model_is_scored_and_takes_the_place_of_a_worse_one_only(straight, tmp_path):
    made = recipe(tmp_path / "work")
    shutil.copytree(straight[1].work, made.work)
    out = made.work / "published"
    said = train(made, collect({}), ("evaluate", "publish"))
    assert "by name" in said[0] and "one before" not in said[1] and (out / "score.json").exists()
    assert "| now |" in (out / "README.md").read_text()

    train(made, collect({}), ["evaluate"])  # the same model twice: it scores no better than itself
    with pytest.raises(KnownError, match="it is kept") as caught:
        train(made, collect({}), ["publish"])
    assert "--force" in caught.value.hint
    first = (out / "unet" / "config.json").stat().st_ino
    list(stages.run(made, ["publish"], collect({}), out=out, force=True))
    assert (out / "unet" / "config.json").stat().st_ino != first


def test_a_better_mean_does_not_pay_for_a_measure_that_fell_far(straight, tmp_path):
    made = recipe(tmp_path / "work")
    shutil.copytree(straight[1].work, made.work)
    out = made.work / "published"
    train(made, collect({}), ("evaluate", "publish"))
    train(made, collect({}), ["evaluate"])
    before, now = made.work / finish.BEFORE, finish.folder_of(made) / finish.REPORT
    for path, overall, top1 in ((before, 0.1, 0.9), (now, 0.4, 0.6)):
        report = json.loads(path.read_text()) | {"overall": overall}
        report["shares"]["names"]["top1"] = top1
        path.write_text(json.dumps(report))
    with pytest.raises(KnownError, match=r"by name: the first it fell from 0\.90 to 0\.60"):
        finish.publish(made, out)
    finish.publish(made, out, force=True)


def test_a_score_of_another_model_does_not_count(straight, tmp_path):
    made = recipe(tmp_path / "work")
    shutil.copytree(straight[1].work, made.work)
    out = made.work / "published"
    train(made, collect({}), ("evaluate", "publish"))
    train(made, collect({}), ["evaluate"])
    config = out / "unet" / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(KnownError, match="of another model"):
        finish.publish(made, out)
    (made.work / "model" / "score.json").write_text("{")
    with pytest.raises(KnownError, match="cannot be read"):
        finish.publish(made, out)


def test_a_known_error_is_one_line_and_no_traceback(tmp_path, capsys):
    work = archives(tmp_path / "work")
    for path in work.glob("emojilib*"):
        path.write_bytes(path.read_bytes()[:100])
    assert cli.main(["starter", "--work", str(work), "--stage", "pack"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("safelight train: The archive emojilib") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sets", "3d,oil"], "no picture set 'oil'"),
        (["--stage", "pack,dream"], "no stage 'dream'"),
        (["--preset", "gpu", "--stage", "autoencoder", "--device", "cuda:7"], "no graphics card"),
    ],
)
def test_what_the_user_can_mend_is_said_in_one_line(tmp_path, capsys, options, said):
    if "cuda:7" in options and torch.cuda.is_available():
        pytest.skip("there is a graphics card")
    assert cli.main(["starter", "--work", str(tmp_path), *options]) == 2
    found = capsys.readouterr().err
    assert said in found and found.count("\n") == 1


def test_the_package_is_light_until_it_trains():
    code = "import desktop.training, sys; assert not {'torch', 'numpy', 'PySide6'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
