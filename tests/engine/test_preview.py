"""Latents to small pictures."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from desktop.engine import preview
from desktop.engine.preview import PreviewMap
from desktop.errors import KnownError
from tests.models import STARTER


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _pixels(frame):
    return torch.frombuffer(bytearray(frame.rgb), dtype=torch.uint8).reshape(frame.height, frame.width, 3)


def test_a_frame_has_a_patch_of_pixels_for_each_latent():
    shown = PreviewMap(weight=_random(3 * 16, 5, 3, 3), bias=_random(3 * 16), patch=4).frame(_random(1, 5, 6, 7))
    assert (shown.width, shown.height) == (28, 24)
    assert len(shown.rgb) == 28 * 24 * 3


def test_values_are_rounded_and_kept_in_range():
    identity = PreviewMap(weight=torch.eye(3)[:, :, None, None], bias=torch.zeros(3), patch=1)
    latents = torch.tensor([-9.0, -1.0, 0.0, 0.999, 1.0, 9.0])[None, None, None].expand(1, 3, 1, 6)
    assert _pixels(identity.frame(latents))[0, :, 0].tolist() == [0, 0, 128, 255, 255, 255]


def test_latents_of_a_model_with_known_factors_need_no_fit():
    shown = preview.linear(preview.STABLE_DIFFUSION_1).frame(_random(1, 4, 8, 8))
    assert (shown.width, shown.height) == (8, 8)


@pytest.mark.parametrize(("patch", "reach"), [(1, 0), (2, 1), (4, 1)])
def test_the_fit_finds_a_linear_decoder_again(patch, reach):
    side = 2 * reach + 1
    true = PreviewMap(weight=0.1 * _random(3 * patch**2, 4, side, side), bias=0.1 * _random(3 * patch**2), patch=patch)
    latents = _random(6, 4, 12, 12, seed=1)
    inside = torch.nn.functional.pad(latents, (reach,) * 4, mode="replicate") if reach else latents
    pixels = torch.nn.functional.conv2d(inside, true.weight, true.bias)
    pixels = torch.nn.functional.pixel_shuffle(pixels, patch)
    fitted = preview.fit(latents, pixels, patch=patch, reach=reach)
    torch.testing.assert_close(fitted.weight, true.weight, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(fitted.bias, true.bias, atol=1e-3, rtol=1e-2)


def test_a_kept_map_is_found_again(tmp_path):
    kept = PreviewMap(weight=_random(12, 4, 3, 3), bias=_random(12), patch=2)
    preview.save(tmp_path / "map", kept)
    with pytest.raises(KnownError):  # which the engine expects: a full disk costs no picture
        preview.save(tmp_path / "map" / "in a file", kept)
    found = preview.load(tmp_path / "map", 4)
    assert found.patch == 2
    torch.testing.assert_close(found.weight, kept.weight, atol=1e-2, rtol=1e-2)
    assert preview.load(tmp_path / "map", 16) is None
    assert preview.load(tmp_path / "nowhere", 4) is None


@given(channels=st.integers(1, 5), rows=st.integers(1, 30), side=st.integers(1, 4), bias=st.integers(1, 30))
def test_a_map_of_any_shape_is_used_or_passed_over(tmp_path_factory, channels, rows, side, bias):
    path = tmp_path_factory.mktemp("map") / "map"
    save_file({"weight": torch.zeros(rows, channels, side, side), "bias": torch.zeros(bias)}, path)
    found = preview.load(path, 4)
    if found is not None:
        assert len(found.frame(torch.zeros(1, 4, 3, 3)).rgb) == 3 * 9 * found.patch**2


def test_the_built_in_models_preview_is_close_to_its_own_decoder():
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(STARTER / "vae", torch_dtype=torch.float32, local_files_only=True)
    kept = preview.load(STARTER / preview.FILE_NAME, vae.config.latent_channels)
    side = torch.linspace(-1, 1, vae.config.sample_size)
    y, x = torch.meshgrid(side, side, indexing="ij")
    disc = (x**2 + y**2 < 0.5).float()
    picture = torch.stack([1 - 0.2 * disc, 1 - 1.6 * disc, 1 - 1.7 * disc])[None]  # a red disc on white
    with torch.no_grad():
        latents = vae.encode(picture).latent_dist.mean
        decoded = vae.decode(latents).sample.clamp(-1, 1)
    shown = _pixels(kept.frame(latents * vae.config.scaling_factor)).permute(2, 0, 1).float() / 127.5 - 1
    decoded = torch.nn.functional.interpolate(decoded, size=shown.shape[1:], mode="area")
    exact = ((shown - decoded[0]) ** 2).mean()
    coarse = preview.fit_to_vae(vae).frame(latents * vae.config.scaling_factor)
    coarse = _pixels(coarse).permute(2, 0, 1)[None].float() / 127.5 - 1
    coarse = torch.nn.functional.interpolate(coarse, size=shown.shape[1:], mode="bicubic")[0]
    assert 10 * torch.log10(4 / exact) > 20  # dB
    assert exact < ((coarse - decoded[0]) ** 2).mean()


@pytest.mark.slow
def test_a_preview_costs_under_two_hundredths_of_a_step_at_stable_diffusion_15s_real_size():
    from tests.benchmarks.preview_cost import measure

    step, frame, _ = measure()
    assert frame < 0.02 * step
