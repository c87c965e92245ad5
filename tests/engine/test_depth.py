"""A folder beside a file lends its configuration to networks as deep as its own, and to no others."""

import json

import pytest

from desktop.engine.configs import CONFIGS
from desktop.engine.families.depth import is_as_deep
from desktop.engine.families.sources import base_beside, check_shapes, open_model
from desktop.library.recognise import recognise
from tests import original_layout
from tests.headers import write_gguf, write_safetensors
from tests.small_models import build, write_small_config


def original(config):
    """The denoiser's tensors in the original names."""
    networks = build(config)
    if "unet" in networks:
        return original_layout.unet(networks["unet"].state_dict(), 2)
    state = networks["transformer"].state_dict()
    is_flux = any(key.startswith("single_transformer_blocks.") for key in state)
    return original_layout.flux(state) if is_flux else original_layout.stable_diffusion_3(state)


def changed(path, **changes):
    table = json.loads(path.read_text())
    path.write_text(json.dumps(table | changes))
    return table | changes


DEEPER = {
    "stable-diffusion-xl": [
        {"transformer_layers_per_block": [1, 1, 3]},
        {"transformer_layers_per_block": [1, [1, 1], [2, 1]]},
        {"layers_per_block": 1},
        {"layers_per_block": [2, 2, 1]},
        {"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "transformer_layers_per_block": [1, 1]},
    ],
    "flux-dev": [{"num_layers": 3}, {"num_single_layers": 1}],
}


@pytest.mark.parametrize(
    "name", ["stable-diffusion-1", *DEEPER, "stable-diffusion-xl-refiner", "stable-diffusion-3-medium"]
)
def test_a_file_in_either_names_is_as_deep_as_the_configuration_it_was_made_with(tmp_path, name):
    config = write_small_config(name, tmp_path / name)
    tensors = original(config)
    part = "unet" if (config / "unet").is_dir() else "transformer"
    table = json.loads((config / part / "config.json").read_text())
    theirs = recognise(original_layout.write(tmp_path / "theirs.safetensors", tensors))
    ours = recognise(original_layout.write(tmp_path / "ours.safetensors", build(config)[part].state_dict()))
    assert theirs.depth == ours.depth
    assert is_as_deep(theirs, table)
    if part == "transformer":  # of which the small ones are shallower than those that are packaged
        assert not is_as_deep(theirs, json.loads((CONFIGS / name / part / "config.json").read_text()))
    for changes in DEEPER.get(name, ()):
        assert not is_as_deep(theirs, table | changes), changes


@pytest.mark.parametrize(
    "nonsense",
    [
        {"down_block_types": None},
        {"down_block_types": 3},
        {"down_block_types": ["CrossAttnDownBlock2D"] * 3, "layers_per_block": 10**15},
        {"layers_per_block": []},
        {"layers_per_block": "two"},
        {"transformer_layers_per_block": [[None], {}, "many"]},
    ],
    ids=str,
)
def test_of_a_configuration_that_makes_no_sense_nothing_is_compared(tmp_path, nonsense):
    config = write_small_config("stable-diffusion-xl", tmp_path / "xl")
    kind = recognise(original_layout.write(tmp_path / "a.safetensors", original(config)))
    assert is_as_deep(kind, json.loads((config / "unet" / "config.json").read_text()) | nonsense)


@pytest.mark.parametrize("name", DEEPER)
def test_of_two_folders_a_file_takes_the_one_as_deep_as_it_is(tmp_path, name):
    part = "unet" if name == "stable-diffusion-xl" else "transformer"
    for number, changes in enumerate(DEEPER[name]):
        changed(write_small_config(name, tmp_path / f"a{number}") / part / "config.json", **changes)
    own = write_small_config(name, tmp_path / "full")
    tensors = original(own)
    alone = original_layout.write(tmp_path / "alone.safetensors", tensors)
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    assert base_beside(alone, recognise(alone)) == own
    quantised = write_gguf(tmp_path / "alone.gguf", shapes, dtype="F16")
    assert base_beside(quantised, recognise(quantised)) == own


def test_beside_a_shallower_folder_alone_a_file_is_built_as_the_packaged_configuration_says(tmp_path):
    """Stable Diffusion XL's whole U-Net beside a model that was made smaller, which gives what else there is."""
    from tests.engine.test_file_shapes import shapes_of

    before = "model.diffusion_model."
    whole = {k: s for k, s in shapes_of("stable-diffusion-xl").items() if k.startswith(before)}
    base = tmp_path / "SSD-1B"
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        (base / part).mkdir(parents=True)
    (base / "model_index.json").write_bytes((CONFIGS / "stable-diffusion-xl" / "model_index.json").read_bytes())
    table = json.loads((CONFIGS / "stable-diffusion-xl" / "unet" / "config.json").read_text())
    (base / "unet" / "config.json").write_text(json.dumps(table | {"transformer_layers_per_block": [1, 2, 4]}))
    alone = write_safetensors(tmp_path / "whole.safetensors", whole)
    assert base_beside(alone, recognise(alone)) == base
    model = open_model(alone)
    assert model.configs["unet"]["transformer_layers_per_block"] == [1, 2, 10]
    check_shapes(model, ())
