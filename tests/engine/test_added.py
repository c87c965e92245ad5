"""LoRA files, embeddings and single files, through the library and the engine, as a request names them."""

import pytest
from diffusers import StableDiffusionPipeline

from desktop.engine import single_file
from desktop.library.library import Library
from desktop.messages import Branch, Failed, GenerationRequest, Lora, Saved
from tests.adapter_files import write_embedding, write_kohya, write_peft
from tests.engine.conftest import Bench, request
from tests.models import STARTER
from tests.small_models import write_original


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


def test_a_file_with_the_denoiser_alone_takes_the_rest_from_the_folder_beside_it(tiny, tmp_path):
    import shutil

    models = tmp_path / "models"
    shutil.copytree(tiny, models / "tiny")
    weights = next((tiny / "unet").glob("*.safetensors"))
    shutil.copy(weights, models / "finetuned.safetensors")
    bench = Bench(models / "tiny", tmp_path)
    bench.start()
    names = [info.name for info in bench.library.list()]
    assert "finetuned" in names
    whole = bench.image(request()).tobytes()
    assert bench.image(request(model="finetuned")).tobytes() == whole
    assert bench.engine.close(60)
