"""A cascade in pixel space, the design of Imagen, small: DeepFloyd IF's two stages."""

from pathlib import Path

from tests.tiny import parts


def _schedule(**options):
    from diffusers import DDPMScheduler

    return DDPMScheduler(beta_schedule="squaredcos_cap_v2", thresholding=True, variance_type="learned_range", **options)


def _unet(side: int, channels: int, **options):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=side,
        in_channels=channels,
        out_channels=6,
        layers_per_block=1,
        block_out_channels=(32, 64),
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        cross_attention_dim=32,
        encoder_hid_dim=parts.WIDTH,
        attention_head_dim=4,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        cross_attention_norm="group_norm",
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        **options,
    )


def write_deepfloyd_if(folder: Path) -> Path:
    """The first stage, 16x16 here; the upscaler to 32x32 lies beside it, as people keep the two."""
    import torch
    from diffusers import IFPipeline

    torch.manual_seed(0)
    pieces = parts.t5_tokenizer(77)
    IFPipeline(
        tokenizer=pieces,
        text_encoder=parts.t5_text(pieces),
        unet=_unet(16, 3),
        scheduler=_schedule(),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    write_deepfloyd_upscaler(folder.parent / f"{folder.name}-upscaler")
    return folder


def write_deepfloyd_upscaler(folder: Path) -> Path:
    import torch
    from diffusers import IFSuperResolutionPipeline

    torch.manual_seed(0)
    pieces = parts.t5_tokenizer(77)
    IFSuperResolutionPipeline(
        tokenizer=pieces,
        text_encoder=parts.t5_text(pieces),
        unet=_unet(32, 6, class_embed_type="timestep"),
        scheduler=_schedule(),
        image_noising_scheduler=_schedule(),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder
