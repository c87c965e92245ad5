"""Stable Diffusion 1.5 and XL at their published size, with random weights."""

from pathlib import Path


def write_sd15(folder: Path) -> Path:
    """Stable Diffusion 1.5's architecture with random weights; sizes from its published configuration."""
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    from tests.models import STARTER

    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    tokenizer = CLIPTokenizer.from_pretrained(STARTER / "tokenizer", local_files_only=True)
    pipeline = StableDiffusionPipeline(
        unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
        vae=AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
            sample_size=512,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                hidden_size=768,
                intermediate_size=3072,
                num_hidden_layers=12,
                num_attention_heads=12,
                max_position_embeddings=77,
                vocab_size=49408,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        ),
        tokenizer=tokenizer,
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    torch.set_default_dtype(torch.float32)
    pipeline.save_pretrained(folder)
    return folder


def write_sdxl(folder: Path) -> Path:
    """Sizes from the published configuration of stabilityai/stable-diffusion-xl-base-1.0."""
    import torch
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
