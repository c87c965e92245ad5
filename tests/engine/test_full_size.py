"""Stable Diffusion 1.5 and XL at their published size, with random weights: minutes and many gigabytes."""

import pytest
import torch

from desktop.engine.hardware import cpu_has_bfloat16
from desktop.messages import Preview
from tests.engine.conftest import Bench, request

pytestmark = pytest.mark.slow


def write_sdxl(folder):
    """Sizes from the published configuration of stabilityai/stable-diffusion-xl-base-1.0."""
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from tests.tiny.parts import clip_tokenizer

    words = clip_tokenizer()
    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    torch.set_default_dtype(torch.bfloat16)
    try:
        pipeline = StableDiffusionXLPipeline(
            unet=UNet2DConditionModel(
                sample_size=128,
                block_out_channels=(320, 640, 1280),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                transformer_layers_per_block=(1, 2, 10),
                attention_head_dim=(5, 10, 20),
                cross_attention_dim=2048,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=2816,
            ),
            vae=AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
                latent_channels=4,
                sample_size=1024,
                scaling_factor=0.13025,
            ),
            text_encoder=CLIPTextModel(
                CLIPTextConfig(
                    hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, **ends
                )
            ),
            text_encoder_2=CLIPTextModelWithProjection(
                CLIPTextConfig(
                    hidden_size=1280,
                    intermediate_size=5120,
                    num_hidden_layers=32,
                    num_attention_heads=20,
                    hidden_act="gelu",
                    projection_dim=1280,
                    **ends,
                )
            ),
            tokenizer=words,
            tokenizer_2=words,
            scheduler=EulerDiscreteScheduler(
                beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
            ),
            add_watermarker=False,
        )
    finally:
        torch.set_default_dtype(torch.float32)
    assert sum(p.numel() for p in pipeline.unet.parameters()) == 2_567_463_684
    pipeline.save_pretrained(folder)
    return folder


def draws(folder, tmp_path, side):
    bench = Bench(folder, tmp_path)
    try:
        info = bench.library.resolve(folder.name)
        picture = bench.image(
            request(model=info.name, steps=2, width=side, height=side, scheduler=info.scheduler, guidance_scale=5.0)
        )
        assert picture.size == (side, side)
        assert [event.step for event in bench.of(Preview)] == [1, 2]
        wanted = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
        assert bench.engine.holder.loaded[0].dtype in (wanted, torch.bfloat16, torch.float16)
    finally:
        assert bench.engine.close(120)


def test_stable_diffusion_15_draws_at_its_real_size(tmp_path):
    from tests.benchmarks.overhead import write_sd15

    draws(write_sd15(tmp_path / "models" / "sd15"), tmp_path, 256)


def test_stable_diffusion_xl_draws_at_its_real_size(tmp_path):
    draws(write_sdxl(tmp_path / "models" / "sdxl"), tmp_path, 256)
