"""Stable Diffusion 2, XL and 3, small."""

from pathlib import Path

from tests.models import write_stable_diffusion
from tests.tiny import parts


def write_stable_diffusion_2(folder: Path) -> Path:
    return write_stable_diffusion(folder, prediction_type="v_prediction")


def write_sd_inpainting(folder: Path) -> Path:
    """One made for inpainting: a mask and what is around it go into its network too."""
    import json

    import torch
    from diffusers import UNet2DConditionModel

    write_stable_diffusion(folder)
    torch.manual_seed(0)
    config = UNet2DConditionModel.load_config(folder / "unet", local_files_only=True)
    UNet2DConditionModel.from_config(config | {"in_channels": 9}).save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionInpaintPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _xl_unet(encoders: int, ids: int):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=encoders * parts.WIDTH,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=(1, 2),
        norm_num_groups=4,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=ids * 8 + parts.WIDTH,
    )


def _xl_schedule(**options):
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, **options
    )


def write_sdxl(folder: Path, scheduler=None) -> Path:
    import torch
    from diffusers import StableDiffusionXLPipeline

    torch.manual_seed(0)
    words = parts.clip_tokenizer()
    StableDiffusionXLPipeline(
        vae=parts.kl_autoencoder(4, scaling_factor=0.13025),
        text_encoder=parts.clip_text(words),
        text_encoder_2=parts.clip_text(words, projected=True),
        tokenizer=words,
        tokenizer_2=words,
        unet=_xl_unet(2, 6),
        scheduler=scheduler or _xl_schedule(),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def write_sdxl_turbo(folder: Path) -> Path:
    """Told by its schedule: one to four steps, spaced from the noisy end."""
    from diffusers import EulerAncestralDiscreteScheduler

    return write_sdxl(
        folder,
        EulerAncestralDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="trailing",
        ),
    )


def write_sdxl_refiner(folder: Path) -> Path:
    """One text encoder, and an aesthetic score among the sizes."""
    import torch
    from diffusers import StableDiffusionXLImg2ImgPipeline

    torch.manual_seed(0)
    words = parts.clip_tokenizer()
    StableDiffusionXLImg2ImgPipeline(
        vae=parts.kl_autoencoder(4, scaling_factor=0.13025),
        text_encoder=None,
        text_encoder_2=parts.clip_text(words, projected=True),
        tokenizer=None,
        tokenizer_2=words,
        unet=_xl_unet(1, 5),
        scheduler=_xl_schedule(),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def write_sd3(folder: Path) -> Path:
    import torch
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

    torch.manual_seed(0)
    words, pieces = parts.clip_tokenizer(), parts.t5_tokenizer()
    StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * parts.WIDTH,
            caption_projection_dim=16,
            pooled_projection_dim=2 * parts.WIDTH,
            pos_embed_max_size=32,
        ),
        scheduler=parts.flow_schedule(shift=3.0),
        vae=parts.kl_autoencoder(16, quant=False, scaling_factor=1.5305, shift_factor=0.0609),
        text_encoder=parts.clip_text(words, projected=True),
        tokenizer=words,
        text_encoder_2=parts.clip_text(words, projected=True),
        tokenizer_2=words,
        text_encoder_3=parts.t5_text(pieces, 2 * parts.WIDTH),
        tokenizer_3=pieces,
    ).save_pretrained(folder)
    return folder
