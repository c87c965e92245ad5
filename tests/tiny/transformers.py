"""The designs whose denoiser is a transformer, small."""

from pathlib import Path

from tests.tiny import parts


def write_flux_fill(folder: Path) -> Path:
    """FLUX.1 Fill: into its network go the picture being drawn, the one around the mask, and the mask."""
    return write_flux(folder, cls="FluxFillPipeline", in_channels=48, out_channels=16)


def write_flux(folder: Path, guidance: bool = True, cls: str = "FluxPipeline", in_channels=16, out_channels=None):
    import diffusers
    import torch
    from diffusers import FluxTransformer2DModel

    torch.manual_seed(0)
    words, pieces = parts.clip_tokenizer(), parts.t5_tokenizer()
    getattr(diffusers, cls)(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=in_channels,
            out_channels=out_channels,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=parts.WIDTH,
            pooled_projection_dim=parts.WIDTH,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance,
        ),
        scheduler=parts.flow_schedule(use_dynamic_shifting=True, shift=3.0),
        vae=parts.kl_autoencoder(4, quant=False, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=parts.clip_text(words),
        tokenizer=words,
        text_encoder_2=parts.t5_text(pieces),
        tokenizer_2=pieces,
    ).save_pretrained(folder)
    return folder


def write_chroma(folder: Path) -> Path:
    import torch
    from diffusers import ChromaPipeline, ChromaTransformer2DModel

    torch.manual_seed(0)
    pieces = parts.t5_tokenizer()
    ChromaPipeline(
        transformer=ChromaTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=parts.WIDTH,
            axes_dims_rope=(4, 4, 8),
            approximator_num_channels=16,
            approximator_hidden_dim=16,
            approximator_layers=1,
        ),
        scheduler=parts.flow_schedule(),
        vae=parts.kl_autoencoder(4, quant=False, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=parts.t5_text(pieces),
        tokenizer=pieces,
    ).save_pretrained(folder)
    return folder


def write_flux2(folder: Path) -> Path:
    import torch
    from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline, Flux2Transformer2DModel

    torch.manual_seed(0)
    words = parts.qwen_tokenizer()
    width = 8
    Flux2KleinPipeline(
        transformer=Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=3 * width,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        scheduler=parts.flow_schedule(use_dynamic_shifting=True),
        vae=AutoencoderKLFlux2(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=parts.SIDE,
        ),
        text_encoder=parts.qwen3_text(words, causal=True, layers=28, width=width),
        tokenizer=words,
        is_distilled=False,
    ).save_pretrained(folder)
    return folder


def write_z_image(folder: Path) -> Path:
    import torch
    from diffusers import ZImagePipeline, ZImageTransformer2DModel

    torch.manual_seed(0)
    words = parts.qwen_tokenizer()
    ZImagePipeline(
        transformer=ZImageTransformer2DModel(
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=parts.WIDTH,
            axes_dims=[4, 4, 8],
            axes_lens=[1024, 64, 64],
        ),
        scheduler=parts.flow_schedule(shift=3.0),
        vae=parts.kl_autoencoder(16, quant=False, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=parts.qwen3_text(words, causal=False),
        tokenizer=words,
    ).save_pretrained(folder)
    return folder


def write_qwen_image(folder: Path) -> Path:
    import torch
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(0)
    words = parts.qwen_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": parts.WIDTH,
            "intermediate_size": parts.WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 2, 4], "rope_theta": 1000000.0},
            "vocab_size": len(words),
            "max_position_embeddings": 2048,
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": parts.WIDTH,
        },
    )
    QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=64,
            out_channels=16,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=parts.WIDTH,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=parts.flow_schedule(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1),
        text_encoder=Qwen2_5_VLForConditionalGeneration(config),
        tokenizer=words,
    ).save_pretrained(folder)
    return folder


def write_sana(folder: Path) -> Path:
    import torch
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, SanaPipeline, SanaTransformer2DModel

    torch.manual_seed(0)
    words = parts.gemma_tokenizer()
    SanaPipeline(
        transformer=SanaTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_cross_attention_heads=2,
            cross_attention_head_dim=8,
            cross_attention_dim=16,
            caption_channels=parts.WIDTH,
            sample_size=16,
        ),
        scheduler=DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        vae=AutoencoderDC(
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"),
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            downsample_block_type="conv",
            upsample_block_type="interpolate",
            scaling_factor=0.41407,
        ),
        text_encoder=parts.gemma_text(words),
        tokenizer=words,
    ).save_pretrained(folder)
    return folder


def write_pixart(folder: Path, caption_channels: int = parts.WIDTH) -> Path:
    import torch
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    torch.manual_seed(0)
    pieces = parts.t5_tokenizer()
    PixArtSigmaPipeline(
        transformer=PixArtTransformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            out_channels=8,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=caption_channels,
            cross_attention_dim=16,
        ),
        scheduler=DPMSolverMultistepScheduler(beta_schedule="linear"),
        vae=parts.kl_autoencoder(4, scaling_factor=0.13025),
        text_encoder=parts.t5_text(pieces),
        tokenizer=pieces,
    ).save_pretrained(folder)
    return folder


def write_lumina2(folder: Path) -> Path:
    import torch
    from diffusers import Lumina2Pipeline, Lumina2Transformer2DModel

    torch.manual_seed(0)
    words = parts.gemma_tokenizer()
    Lumina2Pipeline(
        transformer=Lumina2Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=16,
            hidden_size=24,
            num_layers=1,
            num_refiner_layers=1,
            num_attention_heads=3,
            num_kv_heads=1,
            multiple_of=2,
            axes_dim_rope=(4, 2, 2),
            axes_lens=(512, 64, 64),
            cap_feat_dim=parts.WIDTH,
        ),
        scheduler=parts.flow_schedule(shift=6.0),
        vae=parts.kl_autoencoder(16, levels=4, quant=False, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=parts.gemma_text(words),
        tokenizer=words,
    ).save_pretrained(folder)
    return folder
