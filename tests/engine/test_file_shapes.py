"""Single files at full size, as headers with nothing behind them: what does not fit is named, and no weight is read."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from desktop.engine.cancel import CancelToken
from desktop.engine.families.sources import check_shapes, open_model, read_file
from desktop.errors import KnownError
from desktop.library.library import Library
from tests import original_layout
from tests.engine.test_single_file import PARAMETERS, empty_tensors
from tests.headers import write_gguf, write_safetensors
from tests.models import STARTER
from tests.small_models import build, diffusers_pipeline, original_tensors, write_small_config


def shapes_of(name):
    shapes = {key: tuple(tensor.shape) for key, tensor in empty_tensors(name)[1].items()}
    if "cond_stage_model.model.text_projection" in shapes:
        shapes["cond_stage_model.model.text_projection"] = (1024, 1024)
    return shapes


def check(path):
    check_shapes(open_model(path), ())


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_published_file_fits_its_packaged_configuration(tmp_path, name):
    check(write_safetensors(tmp_path / "whole.safetensors", shapes_of(name)))


# One weight of each part, in the original layout, and what it is called in the sentence.
ODD = {
    "stable-diffusion-2": {
        "model.diffusion_model.input_blocks.1.1.proj_in.weight": "of the U-Net, down_blocks.0.attentions.0.proj_in",
        "first_stage_model.decoder.conv_in.weight": "of the VAE, decoder.conv_in.weight",
        "cond_stage_model.model.transformer.resblocks.3.ln_1.weight": "of the text encoder, encoder.layers.3.",
    },
    "stable-diffusion-xl": {
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias": "of the text encoder, final_",
        "conditioner.embedders.1.model.ln_final.weight": "of the text encoder 2, text_model.final_layer_norm",
    },
    "flux-dev": {
        "model.diffusion_model.img_in.bias": "of the transformer, x_embedder.bias",
        "text_encoders.t5xxl.transformer.encoder.final_layer_norm.weight": "of the text encoder 2, encoder.final_layer",
    },
}


@pytest.mark.parametrize(("name", "weight"), [(name, weight) for name in ODD for weight in ODD[name]])
def test_a_weight_of_another_shape_is_named(tmp_path, name, weight):
    shapes = shapes_of(name)
    odd = shapes | {weight: (*shapes[weight][:-1], shapes[weight][-1] + 1)}
    with pytest.raises(KnownError, match="should be of") as raised:
        check(write_safetensors(tmp_path / "odd.safetensors", odd))
    assert ODD[name][weight] in raised.value.message


@pytest.mark.parametrize("name", ["stable-diffusion-xl", "flux-schnell"])
def test_a_weight_that_is_missing_is_named(tmp_path, name):
    shapes = shapes_of(name)
    weight = max(key for key in shapes if key.startswith("model.diffusion_model.") and key.endswith(".bias"))
    with pytest.raises(KnownError, match="missing"):
        check(write_safetensors(tmp_path / "less.safetensors", {k: s for k, s in shapes.items() if k != weight}))


def test_a_quantised_file_is_looked_at_too(tmp_path):
    """FLUX.1 in ggml's shapes, beside a folder that gives what it lacks."""
    before = "model.diffusion_model."
    shapes = {k.removeprefix(before): s for k, s in shapes_of("flux-dev").items() if k.startswith(before)}
    base = tmp_path / "base"
    for part in ("vae", "text_encoder", "text_encoder_2"):
        (base / part).mkdir(parents=True)
    (base / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    check(write_gguf(tmp_path / "whole.gguf", shapes))
    with pytest.raises(KnownError, match=r"single_transformer_blocks\.3\.norm\.linear\.bias"):
        check(write_gguf(tmp_path / "odd.gguf", shapes | {"single_blocks.3.modulation.lin.bias": (3073,)}))


QUANTISED = {
    "bitsandbytes": (".weight.absmax", ".weight.quant_map", ".weight.quant_state.bitsandbytes__nf4"),
    "packed into 4 bits": (".qweight", ".wscales", ".smooth_factor"),
    "with scales beside them": (".scale_weight",),
}


@pytest.mark.parametrize("way", QUANTISED)
def test_a_file_that_is_quantised_in_a_way_that_cannot_be_read_is_told_so(tmp_path, way):
    """FLUX.1 alone, beside the folder of its base model, and whole; without the other parts as well."""
    config = write_small_config("flux-dev", tmp_path / "base")
    networks = build(config)
    alone = original_layout.flux(networks["transformer"].state_dict())
    whole = original_tensors(networks, config)
    for name, tensors in (("alone", alone), ("whole", whole)):
        packed = {}
        for key, tensor in tensors.items():
            packed[key] = tensor
            if tensor.ndim == 2 and key.endswith(".weight") and "txt_in" not in key:
                bare = key.removesuffix(".weight")
                eight = torch.zeros(tensor.numel() // 2, 1, dtype=torch.uint8)
                packed[key] = eight if way == "bitsandbytes" else tensor.to(torch.float8_e4m3fn)
                if way.startswith("packed"):
                    del packed[key]
                packed |= {bare + end: torch.ones(1) for end in QUANTISED[way]}
        original_layout.write(tmp_path / f"{name}.safetensors", packed)
        library = Library(builtin=STARTER, models=tmp_path, added=tmp_path / "models.json")
        fault = library.check_all()[name]
        assert way in fault.message and "cannot be read" in fault.message
        assert "GGUF" in fault.hint
        assert name not in [info.name for info in library.list()]


def test_what_a_configuration_lacks_is_told_as_its_own_fault_and_not_the_weights(tmp_path):
    """In checking and in loading alike."""
    config = write_small_config("stable-diffusion-1", tmp_path / "base")
    networks = build(config)
    diffusers_pipeline(config, networks).save_pretrained(tmp_path / "base")
    alone = original_layout.write(
        tmp_path / "alone.safetensors", original_layout.unet(networks["unet"].state_dict(), 2)
    )
    table = json.loads((config / "unet" / "config.json").read_text())
    del table["layers_per_block"]
    (config / "unet" / "config.json").write_text(json.dumps(table))
    lacks = "configuration of the UNet2DConditionModel lacks layers_per_block"
    with pytest.raises(KnownError, match=lacks):
        check(alone)
    arguments = {"dtype": torch.float32, "device": "cpu", "token": CancelToken(), "on_progress": lambda *_: None}
    with pytest.raises(KnownError, match=lacks):
        read_file(alone, finish=lambda part: None, **arguments)


def test_looking_at_stable_diffusion_xl_takes_seconds(tmp_path):
    from desktop.engine import shapes

    check(write_safetensors(tmp_path / "xl.safetensors", shapes_of("stable-diffusion-xl")))  # imports what it needs
    shapes._build.cache_clear()
    began = time.process_time()
    check(tmp_path / "xl.safetensors")
    assert time.process_time() - began < 10


def test_a_program_that_ends_during_a_check_ends_well(tmp_path):
    file = write_safetensors(tmp_path / "xl.safetensors", shapes_of("stable-diffusion-xl"))
    child = subprocess.run(
        [sys.executable, "-m", "tests.engine.exit_child", str(STARTER), str(file)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (child.returncode, child.stderr[-2000:]) == (0, "")
