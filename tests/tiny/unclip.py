"""unCLIP, the design of DALL-E 2 (a prior makes an image embedding, a decoder draws it), small."""

from pathlib import Path

from tests.tiny import parts


def _prior(length: int):
    from diffusers import PriorTransformer

    return PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=12,
        embedding_dim=parts.WIDTH,
        num_layers=1,
        num_embeddings=length,
        additional_embeddings=4,
    )


def _prior_schedule():
    from diffusers import UnCLIPScheduler

    return UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", num_train_timesteps=1000, clip_sample_range=5.0
    )


def write_karlo(folder: Path) -> Path:
    """Saved as the published model is: its text projection stands under the name "unclip"."""
    import json

    import torch
    from diffusers import UnCLIPPipeline, UnCLIPScheduler, UNet2DConditionModel, UNet2DModel
    from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel

    torch.manual_seed(0)
    words = parts.clip_tokenizer()

    def upscaler():
        return UNet2DModel(
            sample_size=64,
            layers_per_block=1,
            down_block_types=("ResnetDownsampleBlock2D",) * 2,
            up_block_types=("ResnetUpsampleBlock2D",) * 2,
            block_out_channels=(8, 16),
            in_channels=6,
            out_channels=3,
            norm_num_groups=4,
            add_attention=False,
        )

    UnCLIPPipeline(
        prior=_prior(words.model_max_length),
        decoder=UNet2DConditionModel(
            sample_size=32,
            in_channels=3,
            out_channels=6,
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            block_out_channels=(8, 16),
            layers_per_block=1,
            cross_attention_dim=16,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="identity",
            norm_num_groups=4,
        ),
        text_encoder=parts.clip_text(words, projected=True),
        tokenizer=words,
        text_proj=UnCLIPTextProjModel(clip_embeddings_dim=parts.WIDTH, time_embed_dim=32, cross_attention_dim=16),
        super_res_first=upscaler(),
        super_res_last=upscaler(),
        prior_scheduler=_prior_schedule(),
        decoder_scheduler=UnCLIPScheduler(
            variance_type="learned_range", prediction_type="epsilon", num_train_timesteps=1000
        ),
        super_res_scheduler=UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="epsilon", num_train_timesteps=1000
        ),
    ).save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["text_proj"] = ["unclip", "UnCLIPTextProjModel"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def write_stable_unclip(folder: Path) -> Path:
    import torch
    from diffusers import DDIMScheduler, DDPMScheduler, StableUnCLIPPipeline, UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer

    torch.manual_seed(0)
    words = parts.clip_tokenizer()
    StableUnCLIPPipeline(
        prior_tokenizer=words,
        prior_text_encoder=parts.clip_text(words, projected=True),
        prior=_prior(words.model_max_length),
        prior_scheduler=DDPMScheduler(
            variance_type="fixed_small_log",
            prediction_type="sample",
            num_train_timesteps=1000,
            clip_sample=True,
            clip_sample_range=5.0,
            beta_schedule="squaredcos_cap_v2",
        ),
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=parts.WIDTH),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=words,
        text_encoder=parts.clip_text(words),
        unet=UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(8, 16),
            attention_head_dim=(2, 4),
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * parts.WIDTH,
            cross_attention_dim=parts.WIDTH,
            layers_per_block=1,
            upcast_attention=True,
            use_linear_projection=True,
            norm_num_groups=4,
        ),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            prediction_type="v_prediction",
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        vae=parts.kl_autoencoder(4),
    ).save_pretrained(folder)
    return folder


def write_kandinsky(folder: Path) -> Path:
    """The decoder; write_kandinsky_prior's folder lies beside it, as people keep the two."""
    import torch
    from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel

    torch.manual_seed(0)
    KandinskyV22Pipeline(
        unet=UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=8,
            addition_embed_type="image",
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            block_out_channels=(32, 64),
            layers_per_block=1,
            encoder_hid_dim=parts.WIDTH,
            encoder_hid_dim_type="image_proj",
            cross_attention_dim=16,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
            class_embed_type=None,
        ),
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="linear",
            clip_sample=False,
            prediction_type="epsilon",
            thresholding=False,
            variance_type="learned_range",
        ),
        movq=VQModel(
            block_out_channels=(32,) * 4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=4,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
            mid_block_add_attention=True,
        ),
    ).save_pretrained(folder)
    write_kandinsky_prior(folder.parent / f"{folder.name}-prior")
    return folder


def write_kandinsky_prior(folder: Path) -> Path:
    import torch
    from diffusers import KandinskyV22PriorPipeline

    torch.manual_seed(0)
    words = parts.clip_tokenizer()
    KandinskyV22PriorPipeline(
        prior=_prior(words.model_max_length),
        image_encoder=parts.clip_vision(),
        text_encoder=parts.clip_text(words, projected=True),
        tokenizer=words,
        scheduler=_prior_schedule(),
        image_processor=parts.clip_images(),
    ).save_pretrained(folder)
    return folder
