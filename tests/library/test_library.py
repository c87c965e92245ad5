"""Models on disk, whole and broken."""

import json
import os
import re
import signal
import struct
from pathlib import Path

import pytest

from desktop.errors import KnownError
from desktop.library import weights
from desktop.library.library import Library
from desktop.library.weights import weights_in
from tests.headers import write_safetensors
from tests.models import STARTER, copy_model, write_stable_diffusion


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("elsewhere") / "tiny")


@pytest.fixture
def library(tmp_path):
    (tmp_path / "models").mkdir()
    return Library(builtin=STARTER, models=tmp_path / "models", added=tmp_path / "models.json")


@pytest.fixture
def in_time():
    """Fails a test that would wait for ever."""

    def late(signal_number, frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_the_built_in_model_is_there_first_and_whole(library):
    first = library.list()[0]
    assert first.name == "starter"
    assert first.builtin
    assert first.scheduler in first.schedulers
    assert (first.width, first.height) in first.sizes
    assert library.check_all() == {"starter": None}
    assert first.bytes <= 64 * 2**20


def test_a_folder_put_into_the_models_folder_is_found(library, tiny, tmp_path):
    copy_model(tiny, tmp_path / "models" / "mine")
    assert [info.name for info in library.list()] == ["starter", "mine"]
    assert library.resolve("mine").width == 32


def test_a_folder_elsewhere_is_added_once_and_remembered(library, tiny, tmp_path):
    assert library.add(str(tiny)).name == "tiny"
    assert library.add(str(tiny)).name == "tiny"
    again = Library(builtin=STARTER, models=tmp_path / "models", added=tmp_path / "models.json")
    assert [info.name for info in again.list()] == ["starter", "tiny"]


def test_two_folders_of_one_name_get_two_names(library, tiny, tmp_path):
    other = copy_model(tiny, tmp_path / "other" / "tiny")
    assert [library.add(str(tiny)).name, library.add(str(other)).name] == ["tiny", "tiny-2"]


def test_a_model_is_found_by_its_path_too(library, tiny):
    assert library.resolve(str(tiny)).path == str(tiny)


def test_a_folder_that_goes_away_leaves_the_rest_usable(library, tiny, tmp_path):
    import shutil

    going = copy_model(tiny, tmp_path / "going")
    library.add(str(going))
    shutil.rmtree(going)
    assert [info.name for info in library.list()] == ["starter"]
    with pytest.raises(KnownError, match="gone"):
        library.resolve("going")


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _huge_header(path):
    path.write_bytes(struct.pack("<Q", 2**31) + b"{}")


def _pickle(path):
    path.rename(path.with_suffix(".bin"))


def _nothing(path):
    path.unlink()


def _renamed_pickle(path):
    import pickle

    path.write_bytes(pickle.dumps({"weight": [1, 2, 3]}))


@pytest.mark.parametrize("damage", [_truncate, _huge_header, _pickle, _nothing, _renamed_pickle])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_damaged_weights_are_named_in_a_sentence(library, tiny, tmp_path, part, damage):
    broken = copy_model(tiny, tmp_path / "broken")
    damage(next((broken / part).glob("*.safetensors")))
    with pytest.raises(KnownError) as raised:
        library.add(str(broken))
    assert part in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"_class_name": "NoPipeline"}', '{"_class_name": "StableDiffusionPipeline"}', "[" * 100_000],
)
def test_a_damaged_index_is_named_in_a_sentence(library, tiny, tmp_path, text):
    broken = copy_model(tiny, tmp_path / "broken")
    (broken / "model_index.json").write_text(text)
    with pytest.raises(KnownError):
        library.add(str(broken))


def test_a_component_with_code_of_its_own_is_not_loaded(library, tiny, tmp_path):
    hostile = copy_model(tiny, tmp_path / "hostile")
    index = json.loads((hostile / "model_index.json").read_text())
    index["unet"] = ["evil_module", "Evil"]
    (hostile / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(KnownError, match="unet"):
        library.add(str(hostile))


@pytest.mark.parametrize("path", ["/nowhere/at/all", "", "\x00", "x" * 300, "x" * 5000])
def test_a_path_that_is_no_folder_is_named(library, path):
    with pytest.raises(KnownError):
        library.add(path)


def test_a_broken_list_of_added_models_is_passed_over(library, tmp_path):
    (tmp_path / "models.json").write_text("{]")
    assert [info.name for info in library.list()] == ["starter"]


def test_the_makers_recommendations_are_taken_where_they_make_sense(library, tiny, tmp_path):
    folder = copy_model(tiny, tmp_path / "models" / "carded")
    card = {"title": "Carded", "steps": 12, "guidance_scale": "much", "scheduler": "euler", "schedulers": ["nonsense"]}
    (folder / "safelight.json").write_text(json.dumps(card))
    info = library.resolve("carded")
    assert (info.title, info.steps, info.guidance_scale, info.scheduler) == ("Carded", 12, 7.0, "euler")


def _table(path, table, data=b""):
    text = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [None], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [10**15, 10**15], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
    ],
    ids=["none", "text", "null", "huge", "more than its bytes"],
)
def test_weights_in_a_folder_whose_header_makes_no_sense_are_named(library, tiny, tmp_path, table):
    broken = copy_model(tiny, tmp_path / "broken")
    _table(broken / "unet" / "diffusion_pytorch_model.safetensors", table, bytes(4))
    with pytest.raises(KnownError, match=r"unet.* damaged"):
        library.add(str(broken))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.safetensors.index.json",
        "tokenizer/vocab.json",
    ],
)
def test_a_pipe_or_a_device_among_a_models_files_keeps_nobody_waiting(library, tiny, tmp_path, in_time, name):
    for kind in ("pipe", "device"):
        path = copy_model(tiny, tmp_path / "models" / kind) / name
        path.unlink(missing_ok=True)
        os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    assert library.list()[0].name == "starter"
    faults = library.check_all()
    assert faults.get("pipe", True), "named, or no model at all"
    assert faults.get("device", True)


def test_a_configuration_as_large_as_a_film_is_not_read(library, tiny, tmp_path):
    huge = copy_model(tiny, tmp_path / "models" / "huge")
    with (huge / "model_index.json").open("r+b") as file:
        file.truncate(2**40)  # as far as the name goes; the disk holds nothing of it
    assert [info.name for info in library.list()] == ["starter"]
    assert "missing or damaged" in library.check_all()["huge"].message


def _reshaped(tensors, name):
    tensors[name] = tensors[name].reshape(1, -1)


def _lost(tensors, name):
    del tensors[name]


@pytest.mark.parametrize(("damage", "words"), [(_reshaped, "is of 1x.* should be of"), (_lost, "are missing, ")])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_do_not_fit_the_configuration_are_found_by_a_check(library, tiny, tmp_path, part, damage, words):
    from safetensors.torch import load_file, save_file

    path = next((copy_model(tiny, tmp_path / "models" / "odd") / part).glob("*.safetensors"))
    tensors = load_file(path)
    name = max(name for name, tensor in tensors.items() if tensor.ndim > 1)
    damage(tensors, name)
    save_file(tensors, path)
    fault = library.check_all()["odd"]
    assert re.search(f"{part}.* does not fit its configuration: .*{words}", fault.message)
    assert name.removeprefix("text_model.") in fault.message


def test_a_network_without_end_is_not_built_to_look_at_its_shapes(library, tiny, tmp_path, in_time):
    folder = copy_model(tiny, tmp_path / "models" / "endless")
    config = json.loads((folder / "text_encoder/config.json").read_text())
    (folder / "text_encoder/config.json").write_text(json.dumps(config | {"num_hidden_layers": 10**9}))
    assert library.check_all()["endless"] is None, "nothing is known to be wrong with its weights"


def test_weights_of_packed_numbers_are_not_compared(library, tiny, tmp_path):
    folder = copy_model(tiny, tmp_path / "models" / "packed")
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(config | {"quantization_config": {"load_in_4bit": True}}))
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", {"conv_in.weight": (144, 1)}, dtype="U8")
    assert library.check_all()["packed"] is None


@pytest.mark.parametrize("part", ["scheduler", "tokenizer"])
def test_a_model_without_its_scheduler_or_tokenizer_is_not_listed(library, tiny, tmp_path, part):
    import shutil

    shutil.rmtree(copy_model(tiny, tmp_path / "models" / "half") / part)
    assert [info.name for info in library.list()] == ["starter"]
    assert f"no usable {part}" in library.check_all()["half"].message


@pytest.mark.parametrize(("design", "part"), [("flux", "vae"), ("sd3", "transformer"), ("sdxl", "vae")])
def test_a_folder_that_says_it_has_no_such_part_is_told(library, tmp_path, design, part):
    import shutil

    from tests.tiny import BUILDERS

    folder = BUILDERS[design](tmp_path / "models" / "half")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {part: [None, None]}))
    shutil.rmtree(folder / part)
    assert [info.name for info in library.list()] == ["starter"]
    assert f"no usable {part}" in library.check_all()["half"].message


def test_a_part_that_is_never_read_may_be_missing(library, tmp_path):
    from tests.tiny import BUILDERS

    folder = BUILDERS["flux"](tmp_path / "models" / "adapted")
    index = json.loads((folder / "model_index.json").read_text())
    index["image_encoder"] = ["transformers", "CLIPVisionModelWithProjection"]
    (folder / "model_index.json").write_text(json.dumps(index))
    assert [info.name for info in library.list()] == ["starter", "adapted"]
    assert library.check_all()["adapted"] is None


def test_numbers_that_loading_passes_over_are_not_compared(library, tiny, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import CLIPTextModel

    from desktop.engine.families.folder import load_component

    folder = copy_model(tiny, tmp_path / "models" / "older") / "text_encoder"
    path = next(folder.glob("*.safetensors"))
    save_file(load_file(path) | {"text_model.embeddings.position_ids": torch.zeros(1, 5)}, path)
    load_component(CLIPTextModel, folder, dtype=torch.float32)
    assert library.check_all()["older"] is None


def test_an_index_that_points_elsewhere_is_named_for_that_first(library, tiny, tmp_path):
    folder = copy_model(tiny, tmp_path / "models" / "odd") / "unet"
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    index = {"weight_map": {"conv_in.weight": "../../../secret.safetensors"}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert "names files that are no safetensors of its folder" in library.check_all()["odd"].message


def test_a_transformer_that_is_not_the_pipelines_own_is_told(library, tmp_path):
    from tests.tiny.transformers import write_flux, write_flux_fill

    for name, write, pipeline in (("plain", write_flux, "FluxFillPipeline"), ("fill", write_flux_fill, "FluxPipeline")):
        folder = write(tmp_path / "models" / name)
        index = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": pipeline}))
    write_flux(tmp_path / "models" / "control", in_channels=32, out_channels=16)
    assert [info.name for info in library.list()] == ["starter"]
    faults = library.check_all()
    assert "plain says that it was made for inpainting" in faults["plain"].message
    assert "its transformer was made for inpainting" in faults["fill"].message
    assert "takes in 32 channels" in faults["control"].message


@pytest.mark.parametrize("design", ["sd2", "sdxl"])
def test_a_text_encoder_of_another_version_is_told(library, tmp_path, design):
    from tests.tiny import BUILDERS

    folder = BUILDERS[design](tmp_path / "models" / "mixed")
    assert library.check_all()["mixed"] is None
    config = json.loads((folder / "text_encoder/config.json").read_text())
    (folder / "text_encoder/config.json").write_text(json.dumps(config | {"hidden_size": 1000}))
    assert "do not belong together" in library.check_all()["mixed"].message


def test_the_second_stage_of_a_cascade_is_whole_without_a_text_encoder_of_its_own(library, tmp_path):
    import shutil

    from tests.tiny import BUILDERS

    first = BUILDERS["deepfloyd_if"](tmp_path / "models" / "first")
    shutil.rmtree(first.with_name("first-upscaler") / "text_encoder")
    assert library.check_all() == {"starter": None, "first": None, "first-upscaler": None}
    shutil.rmtree(first.with_name("first-upscaler") / "unet")
    assert "upscaler" in library.check_all()["first-upscaler"].message


def test_an_empty_component_says_so(tmp_path):
    with pytest.raises(KnownError, match="no weights"):
        weights_in(tmp_path)


def test_one_folder_with_a_dangling_link_does_not_hide_the_others(library, tiny, tmp_path):
    copy_model(tiny, tmp_path / "models" / "mine")
    broken = copy_model(tiny, tmp_path / "models" / "broken")
    weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.symlink_to(tmp_path / "gone.safetensors")
    assert [info.name for info in library.list()] == ["starter", "mine"]
    with pytest.raises(KnownError, match="broken"):
        library.resolve("broken")


@pytest.mark.parametrize("name", ["~nobody-here/x", "x" * 5000, "\\\\host\\share", "//host/share"])
def test_a_name_that_no_file_can_have_is_refused(library, name):
    with pytest.raises(KnownError):
        library.resolve(name)


def test_a_damaged_list_of_added_models_is_set_aside_before_it_is_written_again(library, tiny, tmp_path):
    (tmp_path / "models.json").write_text('["/somewhere", ')
    library.add(str(tiny))
    assert (tmp_path / "models.broken.json").read_text() == '["/somewhere", '


@pytest.mark.parametrize(
    ("pipeline", "channels"),
    [("StableDiffusionInstructPix2PixPipeline", 8), ("StableDiffusionPipeline", 8), ("StableDiffusionPipeline", 5),
     ("StableDiffusionUpscalePipeline", 7), ("FluxKontextPipeline", 4), ("QwenImageEditPipeline", 4)],
)  # fmt: skip
def test_a_model_that_draws_from_more_than_words_is_refused_by_what_it_is(library, tiny, tmp_path, pipeline, channels):
    folder = copy_model(tiny, tmp_path / "models" / "editor")
    index, config = (json.loads((folder / name).read_text()) for name in ("model_index.json", "unet/config.json"))
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": pipeline}))
    (folder / "unet/config.json").write_text(json.dumps(config | {"in_channels": channels}))
    assert [info.name for info in library.list()] == ["starter"]
    with pytest.raises(KnownError, match=f"{pipeline}|takes in {channels} channels"):
        library.resolve("editor")


def test_what_nobody_may_read_leaves_the_rest_usable(library, tiny, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps(["/" + "x" * 300, str(tiny)]))
    assert [info.name for info in library.list()] == ["starter", "tiny"]
    assert "cannot be read (File name too long)" in library.check_all()["x" * 300].message


def test_a_model_that_was_moved_and_added_again_keeps_its_name(library, tiny, tmp_path):
    before = copy_model(tiny, tmp_path / "before" / "mine")
    assert library.add(str(before)).name == "mine"
    after = tmp_path / "after" / "mine"
    after.parent.mkdir()
    before.rename(after)
    assert library.add(str(after)).name == "mine"
    assert library.check_all() == {"starter": None, "mine": None}


def test_one_that_is_away_is_not_forgotten_for_one_of_another_name(library, tiny, tmp_path):
    away = copy_model(tiny, tmp_path / "disk" / "mine")
    library.add(str(away))
    away.parent.rename(tmp_path / "unplugged")
    library.add(str(tiny))
    (tmp_path / "unplugged").rename(away.parent)
    assert [info.name for info in library.list()] == ["starter", "mine", "tiny"]


def test_one_on_an_unplugged_disk_is_not_forgotten_for_another_of_its_name(library, tiny, tmp_path):
    away = copy_model(tiny, tmp_path / "disk" / "mine")
    library.add(str(away))
    away.parent.rename(tmp_path / "unplugged")
    assert library.add(str(copy_model(tiny, tmp_path / "here" / "mine"))).name == "mine-2"
    (tmp_path / "unplugged").rename(away.parent)
    assert [(info.name, info.path) for info in library.list()[1:]] == [
        ("mine", str(away)),
        ("mine-2", str(tmp_path / "here" / "mine")),
    ]


@pytest.mark.parametrize("damage", [_pickle, _nothing])
def test_a_model_that_is_half_there_is_not_listed(library, tiny, tmp_path, damage):
    half = copy_model(tiny, tmp_path / "models" / "half")
    damage(next((half / "unet").glob("*.safetensors")))
    assert [info.name for info in library.list()] == ["starter"]
    with pytest.raises(KnownError, match="unet"):
        library.resolve("half")


def test_a_model_without_one_of_its_pieces_is_not_listed(library, tiny, tmp_path):
    folder = copy_model(tiny, tmp_path / "models" / "pieces")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    first = weights.with_name("diffusion_pytorch_model-00001-of-00002.safetensors")
    weights.rename(first)
    index = {"weight_map": {"a": first.name, "b": first.name.replace("00001", "00002", 1)}}
    weights.with_name(weights.name + ".index.json").write_text(json.dumps(index))
    assert [info.name for info in library.list()] == ["starter"]
    assert "Part of the weights is missing" in library.check_all()["pieces"].message


def test_an_index_of_many_weights_is_looked_at_once_a_file(tmp_path, monkeypatch):
    paths = []
    monkeypatch.setattr(weights, "Path", lambda name: paths.append(name) or Path(name))
    names = [f"model-{n:05}-of-00002.safetensors" for n in (1, 2)]
    (tmp_path / names[0]).touch()
    table = {f"block.{n}.weight": names[n % 2] for n in range(2000)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    assert list(weights.indexes_in(tmp_path).values()) == [table]
    assert sorted(paths) == names


def test_a_file_that_has_gone_is_called_a_file(library, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps([str(tmp_path / "gone.safetensors")]))
    assert "model's file" in library.check_all()["gone"].message


def test_a_lora_among_the_models_is_no_fault_and_no_model(library, tmp_path):
    pair = {"unet.down_blocks.0.to_q.lora_A.weight": (4, 16), "unet.down_blocks.0.to_q.lora_B.weight": (16, 4)}
    write_safetensors(tmp_path / "models" / "style.safetensors", pair)
    write_safetensors(tmp_path / "models" / "word.safetensors", {"emb_params": (2, 768)})
    (tmp_path / "models" / "half.safetensors").write_bytes(b"")
    assert [info.name for info in library.list()] == ["starter"]
    faults = library.check_all()
    assert {name for name, fault in faults.items() if fault} == {"half"}
    assert {"style", "word"} <= faults.keys()
    with pytest.raises(KnownError, match="no model called nosuch") as raised:
        library.resolve("nosuch")
    assert "one of starter, or" in raised.value.hint


def test_a_model_that_was_added_and_has_gone_can_be_forgotten(library, tiny, tmp_path):
    gone = copy_model(tiny, tmp_path / "disk" / "mine")
    copy_model(tiny, tmp_path / "models" / "own")
    library.add(str(gone))
    gone.rename(tmp_path / "elsewhere")
    assert "is gone" in library.check_all()["mine"].message
    library.forget("mine")
    assert library.check_all() == {"starter": None, "own": None}
    for name, words in (("own", "lies in the models folder"), ("starter", "a part"), ("mine", "no model called mine")):
        with pytest.raises(KnownError, match=words):
            library.forget(name)
    assert (tmp_path / "models" / "own" / "model_index.json").is_file()


def test_a_model_is_forgotten_however_its_path_is_written_in_the_list(library, tiny, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps([f"{tiny}/", f"{tiny.parent}//./{tiny.name}"]))
    assert [info.name for info in library.list()] == ["starter", "tiny", "tiny-2"]
    library.forget("tiny")
    assert [info.name for info in library.list()] == ["starter"]


@pytest.mark.parametrize("widths", ["x", ["a", "b"], [None, 8], [1e999, 8], 3, {"a": 1}])
def test_a_decoder_whose_widths_make_no_sense_is_named(library, tiny, tmp_path, widths):
    folder = copy_model(tiny, tmp_path / "models" / "odd")
    config = json.loads((folder / "vae/config.json").read_text())
    (folder / "vae/config.json").write_text(json.dumps(config | {"block_out_channels": widths}))
    assert [info.name for info in library.list()] == ["starter"]
    with pytest.raises(KnownError, match="odd has a damaged"):
        library.resolve("odd")
