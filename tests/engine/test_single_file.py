"""Single files of every family that has a packaged configuration: loaded with no network, weight for weight."""

import dataclasses
import functools
import hashlib
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import torch

from desktop.engine import single_file
from desktop.engine.cancel import CancelToken, JobCancelled
from desktop.engine.configs import CONFIGS, TOKENIZERS, config_for
from desktop.errors import KnownError
from desktop.library.recognise import recognise, said_prediction
from tests import no_sockets, original_layout
from tests.small_models import (
    SMALL,
    build,
    diffusers_pipeline,
    draw,
    let_flux_be_small,
    original_tensors,
    write_original,
    write_quantised,
    write_small_config,
)

MODEL = original_layout.prefixed


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """By name: the original-layout file, its small configuration, and the networks it was made of; made when asked."""
    folder = tmp_path_factory.mktemp("original")
    made = {}

    def get(name):
        if name not in made:
            made[name] = write_original(name, folder)
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        from diffusers.loaders import single_file_model

        classes = single_file_model.SINGLE_FILE_LOADABLE_CLASSES
        patch.setitem(classes, "FluxTransformer2DModel", dict(classes["FluxTransformer2DModel"]))
        let_flux_be_small()
        yield get


def load(path, **changes):
    arguments = {"dtype": torch.float32, "token": CancelToken(), "on_progress": lambda *_: None}
    return single_file.load(path, recognise(path), **(arguments | changes))


def base_of(config, networks, tmp_path):
    """The folder of a base model beside a file, in diffusers layout."""
    diffusers_pipeline(config, networks).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def denoiser_in(networks):
    return "unet" if "unet" in networks else "transformer"


def same_weights(networks, parts):
    for name, network in networks.items():
        ours, theirs = network.state_dict(), parts.components[name].state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    return True


# The others differ from one of these in numbers only.
QUICK = ("stable-diffusion-1", "stable-diffusion-2", "stable-diffusion-xl-refiner", "stable-diffusion-3.5-medium")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SMALL])
def test_a_file_in_the_original_layout_gives_every_weight_and_the_same_picture(files, name):
    path, config, networks = files(name)
    told = []
    parts = load(path, config=config, on_progress=lambda *numbers: told.append(numbers))
    assert same_weights(networks, parts)
    assert told == sorted(told)
    assert told[-1][0] <= told[-1][1] == recognise(path).bytes
    assert torch.equal(draw(single_file.pipeline(parts)), draw(diffusers_pipeline(config, networks)))


@pytest.mark.skipif(not no_sockets.possible(), reason="the filter is Linux's")
def test_single_files_are_added_and_draw_where_the_kernel_refuses_every_socket(files, tmp_path):
    names = ["stable-diffusion-1", "stable-diffusion-2", "stable-diffusion-xl", "stable-diffusion-3-medium", "flux-dev"]
    made = [files(name) for name in names]
    arguments = [str(part) for path, config, _ in made for part in (path, config)]
    root = Path(__file__).parents[2]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    child = subprocess.run(
        [sys.executable, "-m", "tests.engine.offline_child", str(tmp_path), *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    *told, added = [json.loads(line) for line in child.stdout.splitlines()]
    assert added == ["stable-diffusion-xl", "flux-dev"]
    assert [line["family"] for line in told] == [
        "stable-diffusion",
        "stable-diffusion",
        "stable-diffusion-xl",
        "stable-diffusion-3",
        "flux",
    ]
    for line, (_, config, networks) in zip(told, made, strict=True):
        assert line["crc"] == zlib.crc32(draw(diffusers_pipeline(config, networks)).numpy().tobytes())


# Parameters of the published weights.
PARAMETERS = {
    "stable-diffusion-1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "stable-diffusion-2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "stable-diffusion-2-base": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "stable-diffusion-xl": {"unet": 2_567_463_684, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840},
    "stable-diffusion-xl-refiner": {"unet": 2_259_526_660, "text_encoder_2": 694_659_840},
    "stable-diffusion-3-medium": {"transformer": 2_028_328_000, "vae": 83_819_683, "text_encoder_3": 4_762_310_656},
    "stable-diffusion-3.5-medium": {"transformer": 2_243_171_520},
    "stable-diffusion-3.5-large": {"transformer": 8_056_627_520},
    "flux-dev": {"transformer": 11_901_408_320, "text_encoder_2": 4_762_310_656},
    "flux-schnell": {"transformer": 11_891_178_560},
}


@functools.cache
def empty_tensors(name):
    """A packaged configuration's networks, without values, and their tensors in the original layout."""
    networks = build(CONFIGS / name, device="meta")
    return networks, original_tensors(networks, CONFIGS / name)


def names_of(shapes):
    return hashlib.sha256("\n".join(sorted(shapes)).encode()).hexdigest()[:16]


# The sorted names of the published files, as sha256 of one a line: taken from the tables by which diffsynth-engine
# 0.7.0 (Apache-2.0) reads those files, which hold every one of them.
NAMES = {
    "stable-diffusion-1": ("model.diffusion_model.", "a635fa777e57c17a", 686),
    "stable-diffusion-xl": ("model.diffusion_model.", "3fb5dddfff0311c8", 1680),
    "stable-diffusion-3-medium": ("model.diffusion_model.", "d92b6ab59280d2f0", 491),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_packaged_configurations_describe_the_published_models(name):
    networks, tensors = empty_tensors(name)
    counts = {part: sum(p.numel() for p in network.parameters()) for part, network in networks.items()}
    assert PARAMETERS[name].items() <= counts.items()
    if name in NAMES:
        prefix, digest, count = NAMES[name]
        inside = [key for key in tensors if key.startswith(prefix)]
        assert (len(inside), names_of(inside)) == (count, digest)
    vae = [key for key in tensors if key.startswith("first_stage_model.")]
    assert len(vae) == (244 if "3" in name or "flux" in name else 248)


def test_a_published_file_is_recognised_and_finds_its_packaged_configuration(tmp_path):
    from tests.headers import write_safetensors

    for name in SMALL:
        shapes = {key: tuple(tensor.shape) for key, tensor in empty_tensors(name)[1].items()}
        path = write_safetensors(tmp_path / "published.safetensors", shapes)
        kind = recognise(path)
        prediction = "epsilon" if name.endswith("base") else "v_prediction" if name.endswith("-2") else "epsilon"
        assert config_for(kind, prediction) == CONFIGS / name
        assert kind.kind == "checkpoint"


def test_the_packaged_configurations_are_small_and_hold_no_weights():
    files = [path for path in CONFIGS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6 * 2**20
    assert {path.suffix for path in files} <= {".json", ".txt", ".md"}
    sources = (CONFIGS / "SOURCES.md").read_text(encoding="utf-8")
    for path in [*CONFIGS.iterdir(), *TOKENIZERS.iterdir()]:
        assert path.is_file() or path.name in sources


def test_the_packaged_tokenizers_speak_the_published_vocabularies():
    from desktop.engine.configs import load_tokenizer

    first = load_tokenizer(CONFIGS / "stable-diffusion-xl", "tokenizer", "CLIPTokenizer")
    second = load_tokenizer(CONFIGS / "stable-diffusion-xl", "tokenizer_2", "CLIPTokenizer")
    # "a photo of a cat" is 320 1125 539 320 2368 wherever CLIP's own tokenizer is shown
    assert first("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert first("", padding="max_length").input_ids[2] == 49407
    assert second("", padding="max_length").input_ids[2] == 0
    t5 = load_tokenizer(CONFIGS / "flux-dev", "tokenizer_2", "T5Tokenizer")
    # "translate English to German: The house is wonderful." from T5's own documentation
    ids = [13959, 1566, 12, 2968, 10, 37, 629, 19, 1627, 5, 1]
    assert t5("translate English to German: The house is wonderful.").input_ids == ids


def test_the_ending_of_a_files_name_does_not_matter(files, tmp_path):
    path, config, networks = files("stable-diffusion-1")
    other = tmp_path / "model.ckpt"
    other.symlink_to(path)
    assert same_weights(networks, load(other, config=config))


def test_half_precision_is_kept_and_eight_bits_are_widened(files, tmp_path):
    _, config, networks = files("stable-diffusion-1")
    tensors = original_tensors(networks, config)
    eight = {key: t.to(torch.float8_e4m3fn) for key, t in tensors.items()}
    parts = load(original_layout.write(tmp_path / "e", eight), config=config, dtype=torch.bfloat16)
    for network in ("unet", "vae", "text_encoder"):
        assert {p.dtype for p in parts.components[network].parameters()} == {torch.bfloat16}


def test_eight_bits_with_scales_beside_them_are_refused(files, tmp_path):
    _, config, networks = files("flux-dev")
    tensors = original_tensors(networks, config) | {"model.diffusion_model.scaled_fp8": torch.zeros(2)}
    with pytest.raises(KnownError, match="scales"):
        load(original_layout.write(tmp_path / "m", tensors), config=config)


def without(tensors, *prefixes):
    return {key: t for key, t in tensors.items() if not key.startswith(prefixes)}


def test_a_transformer_alone_says_what_it_lacks_and_takes_it_from_a_base(files, tmp_path):
    _, config, networks = files("flux-dev")
    alone = original_layout.write(
        tmp_path / "dit.safetensors", original_layout.flux(networks["transformer"].state_dict())
    )
    with pytest.raises(KnownError) as raised:
        load(alone, config=config)
    assert "dit.safetensors holds the transformer only" in raised.value.message
    assert "the text encoder, the text encoder 2 and the VAE of FLUX.1" in raised.value.message
    assert "base model of FLUX.1" in raised.value.hint
    base = base_of(config, build(config, seed=5) | {"text_encoder": networks["text_encoder"]}, tmp_path)
    parts = load(alone, config=config, base=base)
    assert same_weights({name: networks[name] for name in ("transformer", "text_encoder")}, parts)
    assert not torch.equal(parts.components["vae"].decoder.conv_in.weight, networks["vae"].decoder.conv_in.weight)
    assert draw(single_file.pipeline(parts)).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("name", ["stable-diffusion-xl", "stable-diffusion-3.5-medium"])
def test_a_denoiser_in_diffusers_names_goes_with_a_base(files, tmp_path, name):
    _, config, networks = files(name)
    base = base_of(config, networks, tmp_path)
    part = denoiser_in(networks)
    torch.manual_seed(9)
    state = {key: torch.randn_like(t) / 8 for key, t in networks[part].state_dict().items()}
    path = original_layout.write(tmp_path / "alone.safetensors", state)
    assert recognise(path).layout == "diffusers"
    parts = load(path, base=base, config=config)
    assert all(torch.equal(t, state[key]) for key, t in parts.components[part].state_dict().items())
    assert same_weights({k: n for k, n in networks.items() if k != part}, parts)
    assert draw(single_file.pipeline(parts)).shape == (1, 3, 64, 64)


def test_the_base_alone_describes_a_family_without_a_packaged_configuration(files, tmp_path):
    path, config, networks = files("flux-dev")
    kind = dataclasses.replace(recognise(path), family="z-image", variant=None, text_encoders=(), kind="transformer")
    arguments = {"dtype": torch.float32, "token": CancelToken(), "on_progress": lambda *_: None}
    with pytest.raises(KnownError, match="no configuration for Z-Image"):
        single_file.load(path, kind, **arguments)
    base = base_of(config, networks, tmp_path)
    assert same_weights(networks, single_file.load(path, kind, base=base, **arguments))


def test_stable_diffusion_3_draws_without_its_third_text_encoder(files, tmp_path):
    _, config, networks = files("stable-diffusion-3-medium")
    tensors = without(original_tensors(networks, config), "text_encoders.t5xxl.")
    parts = load(original_layout.write(tmp_path / "m", tensors), config=config)
    assert parts.components["text_encoder_3"] is None
    assert parts.components["tokenizer_3"] is None
    assert draw(single_file.pipeline(parts)).shape == (1, 3, 64, 64)


def test_an_inpainting_model_takes_nine_channels(files, tmp_path):
    config = write_small_config("stable-diffusion-1", tmp_path / "nine")
    table = json.loads((config / "unet/config.json").read_text())
    (config / "unet/config.json").write_text(json.dumps(table | {"in_channels": 9}))
    path = original_layout.write(tmp_path / "nine.safetensors", original_tensors(build(config), config))
    parts = load(path, config=files("stable-diffusion-1")[1])
    assert parts.components["unet"].config.in_channels == 9
    assert single_file.as_folder(path, recognise(path)).pipeline == "StableDiffusionInpaintPipeline"
    inpaint = single_file.pipeline(parts)
    assert type(inpaint).__name__ == "StableDiffusionInpaintPipeline"
    picture = draw(inpaint, image=torch.rand(1, 3, 64, 64), mask_image=torch.ones(1, 1, 64, 64))
    assert picture.shape == (1, 3, 64, 64)


def test_a_fill_model_of_flux_takes_more_in_than_it_gives_out(files, tmp_path):
    config = write_small_config("flux-dev", tmp_path / "fill")
    table = json.loads((config / "transformer/config.json").read_text())
    (config / "transformer/config.json").write_text(json.dumps(table | {"in_channels": 384, "out_channels": 64}))
    path = original_layout.write(tmp_path / "fill.safetensors", original_tensors(build(config), config))
    parts = load(path, config=files("flux-dev")[1])
    assert parts.components["transformer"].config.in_channels == 384
    picture = draw(single_file.pipeline(parts), image=torch.rand(1, 3, 64, 64), mask_image=torch.ones(1, 1, 64, 64))
    assert picture.shape == (1, 3, 64, 64)


def test_a_files_fingerprint_tells_its_weights_and_not_its_name(files, tmp_path):
    path, _, _ = files("stable-diffusion-1")
    copy = tmp_path / "other.safetensors"
    copy.write_bytes(path.read_bytes())
    assert single_file.fingerprint(copy) == single_file.fingerprint(path)
    copy.write_bytes(path.read_bytes()[:-1] + b"x")
    assert single_file.fingerprint(copy) != single_file.fingerprint(path)


def test_weights_that_are_missing_or_shaped_otherwise_are_named(files, tmp_path):
    _, config, networks = files("stable-diffusion-1")
    tensors = original_tensors(networks, config)
    name = "model.diffusion_model.input_blocks.2.0.in_layers.2.weight"
    text = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
    vae = "first_stage_model.decoder.conv_in.weight"
    broken = {
        r"of the U-Net, 1 weights are missing, down_blocks\.0\.resnets\.1\.conv1": without(tensors, name),
        r"the U-Net cannot .* down_blocks\.0\.resnets\.1\.conv1": tensors | {name: torch.zeros(8, 9, 3, 3)},
        "of the text encoder, 1 weights are missing, final_layer_norm": without(tensors, text),
        "the text encoder cannot .* final_layer_norm": tensors | {text: torch.zeros(5)},
        "of the VAE, 1 weights are missing, decoder.conv_in": without(tensors, vae),
        r"the VAE cannot .* decoder\.conv_in": tensors | {vae: torch.zeros(5, 5, 3, 3)},
    }
    for words, wrong in broken.items():
        path = original_layout.write(tmp_path / "broken.safetensors", wrong)
        with pytest.raises(KnownError, match=words) as raised:
            load(path, config=config)
        assert str(path) in raised.value.message


def test_a_file_is_described_as_a_folder_would_be(files, tmp_path):
    path, config, networks = files("stable-diffusion-xl")
    folder = single_file.as_folder(path, recognise(path), config=config)
    assert (folder.path, folder.index["_class_name"]) == (path, "StableDiffusionXLPipeline")
    assert set(folder.configs) == {"unet", "vae", "text_encoder", "text_encoder_2", "scheduler"}
    assert folder.bytes == recognise(path).bytes
    published = single_file.as_folder(path, recognise(path))
    assert published.configs["unet"]["sample_size"] == 128
    alone = original_layout.write(tmp_path / "unet.safetensors", networks["unet"].state_dict())
    with pytest.raises(KnownError, match="the VAE of Stable Diffusion XL"):
        single_file.as_folder(alone, recognise(alone))


def test_a_lora_is_no_model(tmp_path):
    halves = {"lora_unet_x.lora_down.weight": torch.zeros(4, 8), "lora_unet_x.lora_up.weight": torch.zeros(8, 4)}
    with pytest.raises(KnownError, match="no model but a LoRA"):
        load(original_layout.write(tmp_path / "l", halves))


def test_loading_is_cancelled_between_two_tensors(files):
    path, config, _ = files("stable-diffusion-xl")
    token, told = CancelToken(), []

    def on_progress(done, total):
        told.append(done)
        if len(told) == 5:
            token.set()

    with pytest.raises(JobCancelled):
        load(path, config=config, token=token, on_progress=on_progress)
    assert len(told) == 5


def test_what_a_model_predicts_goes_into_its_scheduler(files, tmp_path):
    _, config, networks = files("stable-diffusion-xl")
    marks = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    path = original_layout.write(tmp_path / "m", original_tensors(networks, config) | marks)
    scheduler = load(path, config=config).scheduler_config
    assert scheduler["prediction_type"] == "v_prediction"
    assert scheduler["rescale_betas_zero_snr"]
    two, config, _ = files("stable-diffusion-2")
    assert said_prediction(recognise(two), two) is None
    assert load(two, config=config).scheduler_config["prediction_type"] == "v_prediction"


def test_a_quantised_transformer_draws_nearly_the_same(files, tmp_path):
    _, config, networks = files("flux-dev")
    tensors = original_layout.flux(networks["transformer"].state_dict())
    path = write_quantised(tmp_path / "dit.gguf", tensors)
    kind = recognise(path)
    assert (kind.family, kind.variant, kind.layout) == ("flux", "dev", "gguf")
    assert "Q8_0" in kind.dtypes
    base = base_of(config, networks, tmp_path)
    parts = load(path, config=config, base=base)
    assert any(p.dtype == torch.uint8 for p in parts.components["transformer"].parameters())
    quantised, full = draw(single_file.pipeline(parts)), draw(diffusers_pipeline(config, networks))
    assert not torch.equal(quantised, full)
    assert (quantised - full).abs().mean() < 0.02


@pytest.mark.parametrize("name", ["stable-diffusion-1", "stable-diffusion-3.5-medium"])
def test_a_quantised_denoiser_is_read_in_either_of_its_names(files, tmp_path, name):
    _, config, networks = files(name)
    base = base_of(config, networks, tmp_path)
    part = denoiser_in(networks)
    state = networks[part].state_dict()
    theirs = original_layout.unet(state, 2) if part == "unet" else original_layout.stable_diffusion_3(state)
    drawn = []
    for names, tensors in (("diffusers", state), ("original", theirs)):
        path = write_quantised(tmp_path / f"{names}.gguf", tensors)
        assert (recognise(path).layout, recognise(path).names) == ("gguf", names)
        parts = load(path, config=config, base=base)
        assert any(p.dtype == torch.uint8 for p in parts.components[part].parameters())
        drawn.append(draw(single_file.pipeline(parts)))
    assert torch.equal(*drawn)


@pytest.mark.parametrize("names", ["diffusers", "original"])
def test_a_quantised_transformer_that_is_not_whole_or_shaped_otherwise_is_named(files, tmp_path, names):
    _, config, networks = files("flux-dev")
    base = base_of(config, networks, tmp_path)
    state = networks["transformer"].state_dict()
    tensors = state if names == "diffusers" else original_layout.flux(state)
    name = "context_embedder.weight" if names == "diffusers" else "txt_in.weight"
    broken = {
        "is not whole: of the transformer, .* missing": {k: t for k, t in tensors.items() if k != name},
        r"context_embedder.* shape": tensors | {name: torch.zeros(7, 32)},
    }
    for words, wrong in broken.items():
        with pytest.raises(KnownError, match=words):
            load(write_quantised(tmp_path / "broken.gguf", wrong), config=config, base=base)


def test_reading_a_quantised_file_is_cancelled_between_two_tensors(files, tmp_path):
    _, config, networks = files("flux-dev")
    base = base_of(config, networks, tmp_path)
    path = write_quantised(tmp_path / "dit.gguf", networks["transformer"].state_dict())
    token, told = CancelToken(), []

    def on_progress(done, total):
        told.append(done)
        token.set()

    with pytest.raises(JobCancelled):
        load(path, config=config, base=base, token=token, on_progress=on_progress)
    assert len(told) == 1


def test_our_table_of_quantised_kinds_is_ggmls_own():
    gguf = pytest.importorskip("gguf")
    from desktop.library.gguf_header import TYPES

    for number, (name, elements, size) in TYPES.items():
        kind = gguf.GGMLQuantizationType(number)
        assert (kind.name, gguf.GGML_QUANT_SIZES[kind]) == (name, (elements, size))


@pytest.mark.slow
def test_stable_diffusion_1_5_at_full_size_is_one_file_and_loads(tmp_path):
    """Weights without sense, 2 GB in half precision, and the packaged configuration."""
    networks = build(CONFIGS / "stable-diffusion-1", device="meta")
    tensors = original_tensors(networks, CONFIGS / "stable-diffusion-1")
    noise = (torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)) * 0.02).half()
    half = {key: noise.repeat(t.numel() // len(noise) + 1)[: t.numel()].reshape(t.shape) for key, t in tensors.items()}
    path = original_layout.write(tmp_path / "full.safetensors", half)
    del half
    parts = load(path, dtype=torch.bfloat16)
    assert parts.config == CONFIGS / "stable-diffusion-1"
    assert sum(p.numel() for p in parts.components["unet"].parameters()) == 859_520_964
