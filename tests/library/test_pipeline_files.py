"""Which files of a repository are fetched, and which never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import KnownError
from desktop.library.downloads import _is_known
from desktop.library.pipeline_files import RemoteFile, for_one_file, for_one_part, for_pipeline, is_one_part

SD = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "image_encoder": [None, None],
    "requires_safety_checker": True,
}
TEXTS = (
    "model_index.json",
    "unet/config.json",
    "text_encoder/config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "scheduler/scheduler_config.json",
)
UNET = "unet/diffusion_pytorch_model"
TEXT = "text_encoder/model"


def files(*names, sizes=None):
    return tuple(RemoteFile(name=name, bytes=(sizes or {}).get(name, 10), sha256="0" * 64) for name in names)


def weights(chosen):
    return [f.name for f in chosen if f.name not in TEXTS]


def sd(*names):
    return weights(for_pipeline(files(*TEXTS, *names), SD))


def test_half_precision_is_taken_and_nothing_else():
    assert sd(
        f"{UNET}.safetensors",
        f"{UNET}.fp16.safetensors",
        f"{UNET}.bin",
        f"{UNET}.fp16.bin",
        f"{UNET}.non_ema.safetensors",
        f"{TEXT}.safetensors",
        f"{TEXT}.fp16.safetensors",
        "text_encoder/pytorch_model.bin",
        "text_encoder/flax_model.msgpack",
        "text_encoder/model.onnx",
        "unet/openvino_model.xml",
        "safety_checker/model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "v1-5-pruned.safetensors",
        "v1-5-pruned.ckpt",
        "unet/nested/config.json",
        "unet/code.py",
        "preview.png",
    ) == [f"{UNET}.fp16.safetensors", f"{TEXT}.fp16.safetensors"]


def test_every_config_and_the_tokenizer_come_along():
    chosen = for_pipeline(files(*TEXTS, f"{UNET}.safetensors", f"{TEXT}.safetensors", "LICENSE.md"), SD)
    assert {f.name for f in chosen} >= {*TEXTS, "LICENSE.md"}


def test_where_there_is_one_precision_only_it_is_taken():
    assert sd(f"{UNET}.safetensors", f"{TEXT}.safetensors") == [f"{UNET}.safetensors", f"{TEXT}.safetensors"]
    assert sd(f"{UNET}.bf16.safetensors", f"{TEXT}.safetensors") == [f"{UNET}.bf16.safetensors", f"{TEXT}.safetensors"]


def test_one_precision_for_all_parts_where_that_can_be():
    both = [f"{stem}.{half}.safetensors" for stem in (UNET, TEXT) for half in ("fp16", "bf16")]
    assert sd(*both) == [f"{UNET}.fp16.safetensors", f"{TEXT}.fp16.safetensors"]
    assert sd(*both[1:]) == [f"{UNET}.bf16.safetensors", f"{TEXT}.bf16.safetensors"]


@pytest.mark.parametrize(
    "pieces",
    [
        (f"{UNET}-00001-of-00002.safetensors", f"{UNET}-00002-of-00002.safetensors", f"{UNET}.safetensors.index.json"),
        (
            f"{UNET}-00001-of-00002.fp16.safetensors",
            f"{UNET}-00002-of-00002.fp16.safetensors",
            f"{UNET}.safetensors.index.fp16.json",
        ),
        (
            f"{UNET}.fp16-00001-of-00002.safetensors",
            f"{UNET}.fp16-00002-of-00002.safetensors",
            f"{UNET}.fp16.safetensors.index.json",
        ),
    ],
)
def test_weights_in_pieces_come_with_their_index(pieces):
    assert sd(*pieces, f"{TEXT}.safetensors") == [*pieces, f"{TEXT}.safetensors"]


def test_pieces_are_left_where_the_whole_is_there_too():
    pieces = (f"{UNET}-00001-of-00001.safetensors", f"{UNET}.safetensors.index.json")
    assert sd(*pieces, f"{UNET}.safetensors", f"{TEXT}.safetensors") == [f"{UNET}.safetensors", f"{TEXT}.safetensors"]


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ([f"{UNET}.bin", f"{TEXT}.safetensors"], "weights of the unet are there as a pickle only"),
        ([f"{UNET}-00001-of-00002.safetensors", f"{TEXT}.safetensors"], "weights of the unet are not all there"),
        ([f"{UNET}-0000{n}-of-00002.safetensors" for n in (1, 2)] + [f"{TEXT}.safetensors"], "pieces of unet"),
        ([f"{UNET}.safetensors"], "weights of the text encoder are not all there"),
        ([f"{UNET}.safetensors", f"{TEXT}.safetensors", "unet/CONFIG.json"], "twice"),
    ],
)
def test_what_is_not_whole_is_refused_before_anything_is_fetched(there, message):
    with pytest.raises(KnownError, match=message) as caught:
        sd(*there)
    assert caught.value.hint


def test_a_part_that_is_not_in_the_repository_is_named():
    with pytest.raises(KnownError, match="a part unet that is not in it"):
        for_pipeline(files("model_index.json"), {"unet": ["diffusers", "UNet2DConditionModel"]})


@pytest.mark.parametrize("name", ["../unet", "a\\b", "/etc", "nul", "a/../../b"])
def test_a_part_that_points_elsewhere_is_refused(name):
    with pytest.raises(KnownError, match="not safe to write"):
        for_pipeline(files("model_index.json", f"{name}/config.json"), {name: ["diffusers", "UNet2DConditionModel"]})


def test_a_text_as_large_as_weights_is_left():
    there = files(
        *TEXTS, "unet/notes.txt", f"{UNET}.safetensors", f"{TEXT}.safetensors", sizes={"unet/notes.txt": 2**40}
    )
    assert "unet/notes.txt" not in [f.name for f in for_pipeline(there, SD)]


def test_a_transformer_by_itself():
    there = files("config.json", "diffusion_pytorch_model.safetensors", "README.md", "diffusion_pytorch_model.bin")
    assert is_one_part(there)
    assert [f.name for f in for_one_part(there)] == ["config.json", "README.md", "diffusion_pytorch_model.safetensors"]


def test_a_repository_of_one_file():
    assert [f.name for f in for_one_file(files("dream.safetensors", "dream.ckpt", "a.png"), "")] == [
        "dream.safetensors"
    ]
    with pytest.raises(KnownError, match="pickle"):
        for_one_file(files("dream.ckpt"), "")
    with pytest.raises(KnownError, match="holds no model"):
        for_one_file(files("a.png"), "")
    with pytest.raises(KnownError, match="There is no file b"):
        for_one_file(files("a.gguf"), "b.gguf")


NAMES = (
    *(
        "unet",
        "vae",
        "..",
        "",
        "model_index.json",
        "config.json",
        "model.safetensors",
        "NUL",
        "a\\b",
        "x.gguf",
        "\ud800",
    ),
    *("diffusion_pytorch_model.fp16.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json"),
)
pieces = st.sampled_from(NAMES)
listings = st.lists(
    st.builds(
        RemoteFile,
        name=st.lists(pieces | st.text(max_size=8), min_size=1, max_size=3).map("/".join),
        bytes=st.integers(0, 2**70),
    ),
    max_size=8,
)
values = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
entries = st.lists(st.sampled_from(["diffusers", "transformers", "UNet2DConditionModel"]) | values, max_size=3) | values


@given(listings, st.dictionaries(pieces | st.text(max_size=8), entries, max_size=4), st.text(max_size=8))
def test_whatever_a_hub_lists_is_chosen_safely_or_refused(listed, index, wanted):
    choices = (lambda: for_pipeline(listed, index), lambda: for_one_part(listed), lambda: for_one_file(listed, wanted))
    for choose in choices:
        try:
            chosen = choose()
        except KnownError as error:
            assert str(error).isprintable()
            continue
        assert set(chosen) <= set(listed)
        for file in chosen:
            assert ".." not in file.name.split("/")
            assert not file.name.startswith("/")
            assert not file.name.endswith((".bin", ".ckpt", ".py"))


@given(st.dictionaries(st.sampled_from(["_class_name", "unet", "vae", "scheduler"]) | st.text(max_size=8), entries))
def test_whatever_an_index_says_a_family_knows_it_or_does_not(index):
    assert _is_known(index) in (True, False)
