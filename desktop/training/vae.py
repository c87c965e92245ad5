"""The autoencoder: 256x256 pictures to 16x16 latents of 16 channels and back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from desktop.errors import KnownError
from desktop.training import anchor as anchors
from desktop.training import checkpoint

POSTERIOR_LOGVAR = -7.0  # a deviation of 0.03, far below what shows


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeSettings:
    """widths: one a level, the coarsest last; groups: of the norms, few, so that they hide less of the mean colour.
    crop: side of the pieces most batches are cut to; every whole_every-th batch holds whole_batch whole pictures.
    noise: the most that is added to a latent, in its own units. free_from, frozen_from: progress at which the anchor
    has let go of all but the colours, and at which only the decoder goes on learning. adversary: weight of the
    discriminator's term, 0 for none; adversary_from: progress at which it sets in.
    """

    widths: tuple[int, ...] = (32, 32, 64, 96, 96)
    groups: int = 4
    batch: int = 8
    crop: int = 128
    whole_batch: int = 2
    whole_every: int = 4
    peak: float = 1e-3
    noise: float = 0.15
    free_from: float = 0.5
    frozen_from: float = 0.75
    adversary: float = 0.0
    adversary_from: float = 0.5
    portion: int = 2
    workers: int = 2

    @property
    def factor(self) -> int:
        """Pixels of a latent, along a side."""
        return 2 ** (len(self.widths) - 1)


def build(settings: VaeSettings, size: int) -> AutoencoderKL:
    """size: side of a picture in pixels, written into the configuration."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(settings.widths),
        up_block_types=("UpDecoderBlock2D",) * len(settings.widths),
        block_out_channels=settings.widths,
        layers_per_block=1,
        latent_channels=anchors.CHANNELS,
        norm_num_groups=settings.groups,
        sample_size=size,
        scaling_factor=1.0,
        mid_block_add_attention=False,
        force_upcast=False,
    )


def open_folder(folder: Path) -> AutoencoderKL:
    """The autoencoder of a finished model, in float32. Raises: KnownError where it cannot be read."""
    try:
        return AutoencoderKL.from_pretrained(folder, local_files_only=True, torch_dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        hint = "Name the folder of a whole model, or train from scratch: --preset gpu."
        raise KnownError(f"The autoencoder to start from cannot be read: {folder}", hint=hint) from error


def trained(path: Path, settings: VaeSettings, size: int) -> AutoencoderKL:
    """The autoencoder of a checkpoint, in its own latent units (not folded). Raises: KnownError if damaged."""
    tensors, _ = checkpoint.load(path)
    model = build(settings, size)
    model.load_state_dict(checkpoint.under("vae", tensors))
    return model.eval()


def factor(vae: AutoencoderKL) -> int:
    """Pixels of a latent, along a side."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


def grow(vae: AutoencoderKL, settings: VaeSettings, size: int) -> AutoencoderKL:
    """One level finer for pictures twice as large, with the same latents: all weights are taken over, one level
    further in. The new level at the large end starts as next to nothing, so that at first pictures are halved on their
    way in and doubled on their way out: its residual parts are zero, and its sampling convolutions the mean of four
    pixels and the pixel itself.

    A copy where it has the wanted size already. Raises: KnownError where the shapes cannot meet.
    """
    old = vae.config
    if old.sample_size == size and tuple(old.block_out_channels) == settings.widths:
        return copy.deepcopy(vae)
    widths = tuple(old.block_out_channels)
    if 2 * old.sample_size != size or settings.widths != (widths[0], *widths):
        hint = "Start from a model of this size, or of half of it with one level less: --start, or --preset gpu."
        raise KnownError(f"An autoencoder for {old.sample_size} cannot become one for {size}", hint=hint)
    made = build(settings, size)
    fresh, levels = made.state_dict(), len(old.block_out_channels)
    for name, tensor in vae.state_dict().items():
        for level in reversed(range(levels)):  # the encoder's levels move one in; the decoder's are counted from within
            name = name.replace(f"down_blocks.{level}.", f"down_blocks.{level + 1}.")
        fresh[name] = tensor
    keep = torch.eye(widths[0])
    last = f"decoder.up_blocks.{levels}.resnets"
    for resnet in ("encoder.down_blocks.0.resnets.0", f"{last}.0", f"{last}.1"):
        for name in ("weight", "bias"):
            fresh[f"{resnet}.conv2.{name}"] = torch.zeros_like(fresh[f"{resnet}.conv2.{name}"])
    for name, taps in (
        ("encoder.down_blocks.0.downsamplers.0.conv", (slice(0, 2), slice(0, 2))),
        (f"decoder.up_blocks.{levels - 1}.upsamplers.0.conv", (slice(1, 2), slice(1, 2))),
    ):
        weight = torch.zeros_like(fresh[f"{name}.weight"])
        weight[:, :, taps[0], taps[1]] = keep[:, :, None, None]
        fresh[f"{name}.weight"] = weight / weight.sum((1, 2, 3), keepdim=True)
        fresh[f"{name}.bias"] = torch.zeros_like(fresh[f"{name}.bias"])
    made.load_state_dict(fresh)
    return made


def encode_mean(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """pictures: (B, 3, H, W) in -1..1. Returns the posterior's mean (B, 16, H/f, W/f)."""
    return vae.quant_conv(vae.encoder(pictures))[:, : anchors.CHANNELS]


def decode(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    return vae.decoder(vae.post_quant_conv(latents))


def psnr(drawn: torch.Tensor, wanted: torch.Tensor) -> float:
    """Mean over pictures of the peak signal to noise ratio in decibels; both (B, 3, H, W) in -1..1."""
    error = (drawn.clamp(-1, 1).float() - wanted).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float((10 * torch.log10(4 / error)).mean())


def fold(vae: AutoencoderKL, mean: torch.Tensor, scale: torch.Tensor) -> None:
    """Rewrite the two 1x1 convolutions so that latents come out as (z - mean) / scale, both (16,), and go in so.
    The pipeline knows one scaling factor only, which then is 1; the posterior's variance becomes a constant.
    """
    channels = anchors.CHANNELS
    with torch.no_grad():
        inward, outward = vae.quant_conv, vae.post_quant_conv
        inward.weight[:channels] /= scale[:, None, None, None]
        inward.bias[:channels] = (inward.bias[:channels] - mean) / scale
        inward.weight[channels:] = 0
        inward.bias[channels:] = POSTERIOR_LOGVAR
        outward.bias += outward.weight[:, :, 0, 0] @ mean
        outward.weight *= scale[None, :, None, None]
