"""LoRA files, embeddings and single files, through the library and the engine, as a request names them."""

import json
import shutil

import pytest
from diffusers import StableDiffusionPipeline

from desktop.engine import single_file
from desktop.engine.families.sources import base_beside, open_model
from desktop.errors import KnownError
from desktop.library.library import Library
from desktop.library.recognise import recognise
from desktop.messages import Branch, Failed, GenerationRequest, Lora, Saved
from tests import original_layout
from tests.adapter_files import write_embedding, write_kohya, write_peft
from tests.engine.conftest import Bench, request
from tests.models import STARTER
from tests.small_models import build, diffusers_pipeline, write_original, write_quantised, write_small_config
from tests.tiny import BUILDERS
from tests.tiny.transformers import write_flux, write_flux_fill


@pytest.fixture(scope="module")
def files(tiny, tmp_path_factory):
    """A LoRA in either layout and an embedding, all made for the tiny model."""
    folder = tmp_path_factory.mktemp("added")
    pipeline = StableDiffusionPipeline.from_pretrained(tiny, safety_checker=None, local_files_only=True)
    networks = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    return {
        "kohya": str(write_kohya(folder / "kohya.safetensors", networks, alpha=8.0)),
        "peft": str(write_peft(folder / "peft.safetensors", networks, seed=1)),
        "word": str(write_embedding(folder / "sparkle.safetensors", {"emb_params": 16})),
    }


def test_loras_change_the_picture_and_leave_nothing_behind(bench, files):
    bare = bench.image(request()).tobytes()
    kohya, peft = Lora(file=files["kohya"]), Lora(file=files["peft"], weight=1.5)
    pictures = {bench.image(request(loras=loras)).tobytes() for loras in ((kohya,), (peft,), (kohya, peft))}
    assert len(pictures | {bare}) == 4
    assert bench.image(request(seed=8)).tobytes() != bare
    assert bench.image(request(negative_prompt=" ")).tobytes() != b""
    assert bench.image(request().replace(loras=())).tobytes() == bare


def test_a_weight_of_nought_is_as_no_lora(bench, files):
    bare = bench.image(request()).tobytes()
    assert bench.image(request(loras=(Lora(file=files["kohya"], weight=0.0),))).tobytes() == bare


def test_the_model_is_not_loaded_again_for_a_lora(bench, files):
    bench.image(request())
    held = bench.engine.holder.loaded
    bench.image(request(loras=(Lora(file=files["kohya"]),)))
    assert bench.engine.holder.loaded is held


def test_an_embedding_teaches_its_word_and_is_forgotten(bench, files):
    wanted = request(prompt="a sparkle apple")
    bare = bench.image(wanted).tobytes()
    assert bench.image(wanted.replace(embeddings=(files["word"],))).tobytes() != bare
    assert bench.image(wanted).tobytes() == bare


def test_a_branch_goes_on_with_the_same_lora(bench, files):
    trunk = request(loras=(Lora(file=files["kohya"]),), steps=6)
    whole = bench.image(trunk).tobytes()
    assert bench.image(trunk.replace(branch=Branch(trunk=trunk, step=3))).tobytes() == whole


@pytest.mark.parametrize("wrong", ["nowhere.safetensors", "word", "model"])
def test_a_file_that_is_no_lora_of_this_model_is_named_and_the_next_job_runs(bench, files, tiny, wrong):
    path = {"word": files["word"], "model": str(next((tiny / "unet").glob("*.safetensors")))}.get(wrong, wrong)
    event = bench.run(request(loras=(Lora(file=path),)))
    assert isinstance(event, Failed)
    assert not event.is_bug, event.details
    assert isinstance(bench.run(request()), Saved)


def test_loras_and_embeddings_come_back_from_json():
    wanted = request(loras=(Lora(file="a.safetensors", weight=0.5),), embeddings=("b.safetensors",))
    assert GenerationRequest.from_json(wanted.to_json()) == wanted


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    folder = tmp_path_factory.mktemp("single")
    path, config, _ = write_original("stable-diffusion-1", folder)
    return path, config


def test_a_single_file_in_the_models_folder_is_listed_and_draws(single, tmp_path, monkeypatch):
    path, config = single
    monkeypatch.setattr(single_file, "config_for", lambda kind, prediction_type: config)
    models = tmp_path / "models"
    models.mkdir()
    (models / "my model.safetensors").symlink_to(path)
    bench = Bench(path, tmp_path)
    bench.library = Library(builtin=STARTER, models=models, added=tmp_path / "models.json")
    bench.engine._models = bench.library
    info = {info.name: info for info in bench.library.list()}["my model"]
    assert info.family == "stable-diffusion"
    wanted = request(model=info.name, width=info.size_multiple * 8, height=info.size_multiple * 8)
    first = bench.image(wanted).tobytes()
    assert bench.image(wanted.replace(model=str(path))).tobytes() == first, "by its path, and another name"
    assert bench.library.check_all()["my model"] is None
    assert bench.engine.close(60)


def test_a_single_file_elsewhere_can_be_added(single, tmp_path, monkeypatch):
    path, config = single
    monkeypatch.setattr(single_file, "config_for", lambda kind, prediction_type: config)
    library = Library(builtin=STARTER, models=tmp_path, added=tmp_path / "models.json")
    assert library.add(str(path)).name == path.stem
    assert path.stem in [info.name for info in library.list()]


@pytest.mark.parametrize("design", ["sd2", "flux", "z_image", "sana", "pixart", "lumina2"])
def test_a_file_with_the_denoiser_alone_takes_the_rest_from_the_folder_beside_it(tmp_path, design):
    base = BUILDERS[design](tmp_path / "models" / "base")
    weights = next(path for part in ("unet", "transformer") for path in (base / part).glob("*.safetensors"))
    shutil.copy(weights, base.parent / "alone.safetensors")
    bench = Bench(base, tmp_path)
    info = {info.name: info for info in bench.library.list()}["alone"]
    side = 64 if info.width > 200 else info.width
    wanted = request(model="alone", scheduler=info.scheduler, steps=2, width=side, height=side)
    assert bench.image(wanted).tobytes() == bench.image(wanted.replace(model="base")).tobytes()
    assert bench.engine.close(60)


@pytest.mark.parametrize("design", ["sd2", "flux", "pixart"])
def test_a_quantised_file_with_diffusers_names_takes_the_rest_from_the_folder_beside_it(tmp_path, design):
    from safetensors.torch import load_file

    base = BUILDERS[design](tmp_path / "models" / "base")
    weights = next(path for part in ("unet", "transformer") for path in (base / part).glob("*.safetensors"))
    write_quantised(base.parent / "small.gguf", load_file(weights))
    bench = Bench(base, tmp_path)
    assert bench.library.check_all()["small"] is None
    info = bench.library.resolve("small")
    side = 64 if info.width > 200 else info.width
    wanted = request(model="small", scheduler=info.scheduler, steps=2, width=side, height=side)
    assert bench.image(wanted).size == (side, side)
    assert bench.engine.close(60)


def test_what_looks_at_finished_pictures_is_not_taken_from_the_folder_beside_a_file(tmp_path):
    """As Stable Diffusion 1.5 was published; the folder may come without what is never loaded."""
    base = BUILDERS["sd2"](tmp_path / "models" / "base")
    index = json.loads((base / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPFeatureExtractor"]
    (base / "model_index.json").write_text(json.dumps(index))
    shutil.copy(next((base / "unet").glob("*.safetensors")), base.parent / "alone.safetensors")
    bench = Bench(base, tmp_path)
    assert bench.library.check_all()["alone"] is None
    wanted = request(model="alone", steps=2, width=64, height=64)
    assert bench.image(wanted).tobytes() == bench.image(wanted.replace(model="base")).tobytes()
    assert bench.engine.close(60)


def test_a_denoiser_in_the_original_names_is_built_as_the_folder_beside_it_says(single, tmp_path):
    _, config = single
    networks = build(config)
    base = tmp_path / "models" / "base"
    diffusers_pipeline(config, networks).save_pretrained(base)
    original_layout.write(base.parent / "alone.safetensors", original_layout.unet(networks["unet"].state_dict(), 2))
    bench = Bench(base, tmp_path)
    assert bench.library.check_all()["alone"] is None
    wanted = request(model="alone", steps=2, width=64, height=64)
    assert bench.image(wanted).tobytes() == bench.image(wanted.replace(model="base")).tobytes()
    assert bench.engine.close(60)


def test_of_two_versions_as_wide_as_each_other_a_file_takes_its_own(tmp_path):
    for name in ("stable-diffusion-3-medium", "stable-diffusion-3.5-medium"):
        write_small_config(name, tmp_path / "models" / name)
    config = tmp_path / "models" / "stable-diffusion-3.5-medium"
    alone = original_layout.write(tmp_path / "models" / "alone.safetensors", build(config)["transformer"].state_dict())
    assert recognise(alone).variant == "3.5-medium"
    assert base_beside(alone, recognise(alone)) == config


def test_of_two_folders_beside_it_a_file_takes_the_one_of_its_own_version(tmp_path):
    models = tmp_path / "models"
    write_flux(models / "a", guidance=True)
    schnell = write_flux(models / "b", guidance=False)
    shutil.copy(next((schnell / "transformer").glob("*.safetensors")), models / "alone.safetensors")
    bench = Bench(schnell, tmp_path)
    wanted = request(model="alone", scheduler="flow_euler", steps=2, guidance_scale=0.0)
    assert bench.image(wanted).tobytes() == bench.image(wanted.replace(model="b")).tobytes()
    assert bench.engine.close(60)


def test_a_plain_file_does_not_take_a_fill_models_folder_for_its_own(tmp_path):
    models = tmp_path / "models"
    write_flux_fill(models / "FLUX.1-Fill-dev")
    dev = write_flux(models / "FLUX.1-dev")
    shutil.copy(next((dev / "transformer").glob("*.safetensors")), models / "alone.safetensors")
    assert open_model(models / "alone.safetensors").pipeline == "FluxPipeline"
    assert base_beside(models / "alone.safetensors", recognise(models / "alone.safetensors")) == dev
    shutil.rmtree(dev)
    with pytest.raises(KnownError, match=r"FLUX\.1"):
        open_model(models / "alone.safetensors")


def test_a_fill_file_takes_the_rest_from_the_plain_models_folder(tmp_path):
    fill = write_flux(tmp_path / "elsewhere", cls="FluxFillPipeline", in_channels=6 * 16, out_channels=16)
    dev = write_flux(tmp_path / "models" / "FLUX.1-dev")
    alone = dev.parent / "alone.safetensors"
    shutil.copy(next((fill / "transformer").glob("*.safetensors")), alone)
    assert base_beside(alone, recognise(alone)) == dev
    assert open_model(alone).pipeline == "FluxFillPipeline"


def test_a_file_with_the_denoiser_alone_says_where_the_rest_is_looked_for(tmp_path):
    base = BUILDERS["z_image"](tmp_path / "elsewhere" / "base")
    alone = tmp_path / "alone.safetensors"
    shutil.copy(next((base / "transformer").glob("*.safetensors")), alone)
    library = Library(builtin=STARTER, models=tmp_path / "models", added=tmp_path / "models.json")
    with pytest.raises(KnownError) as raised:
        library.add(str(alone))
    assert "Z-Image" in raised.value.message
    assert "beside the folder of its base model" in raised.value.hint
    assert str(tmp_path) in raised.value.hint
