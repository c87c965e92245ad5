"""Latents to a small picture, at next to no cost.

A preview is one convolution: a neighbourhood of latents is mapped linearly to a patch of pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop.messages import Frame

if TYPE_CHECKING:
    from pathlib import Path

    import torch

FILE_NAME = "preview.safetensors"  # beside a model's weights

# Stable Diffusion 1.x: what one latent contributes to red, green and blue in -1..1, by keturn, 2022,
# https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204
STABLE_DIFFUSION_1 = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewMap:
    """weight: (3 * patch**2, C, k, k) float32, k odd. bias: (3 * patch**2,) float32. Pixels come in -1..1."""

    weight: "torch.Tensor"
    bias: "torch.Tensor"
    patch: int

    def frame(self, latents: "torch.Tensor") -> Frame:
        """latents: (1, C, h, w), scaled as the denoiser sees them. Returns h * patch by w * patch pixels."""
        import torch
        from torch.nn import functional

        device = latents.device
        reach = self.weight.shape[-1] // 2
        with torch.no_grad():
            inside = latents.detach()[:1].float()
            if reach:
                inside = functional.pad(inside, (reach,) * 4, mode="replicate")
            pixels = functional.conv2d(inside, self.weight.to(device), self.bias.to(device))
            pixels = functional.pixel_shuffle(pixels, self.patch)[0]
            # Rounded, not truncated: truncation makes a preview half a level dark.
            pixels = pixels.mul(127.5).add(127.5).round_().clamp_(0, 255).to(torch.uint8)
            pixels = pixels.permute(1, 2, 0).contiguous().cpu()
        height, width, _ = pixels.shape
        return Frame(width=width, height=height, rgb=pixels.numpy().tobytes())


def linear(factors: "tuple[tuple[float, float, float], ...]") -> PreviewMap:
    """One pixel a latent, from factors[channel] = (red, green, blue)."""
    import torch

    weight = torch.tensor(factors, dtype=torch.float32).T[:, :, None, None].contiguous()
    return PreviewMap(weight=weight, bias=torch.zeros(3), patch=1)


def fit(latents: "torch.Tensor", pixels: "torch.Tensor", *, patch: int, reach: int = 1) -> PreviewMap:
    """The map that comes nearest to the VAE's own decode, by least squares.

    latents: (N, C, h, w), scaled as the denoiser sees them. pixels: (N, 3, H, W) in -1..1, the decode of them.
    patch: pixels a latent becomes in each direction, a divisor of H / h. reach: neighbours on each side.
    """
    import torch
    from torch.nn import functional

    count, channels, height, width = latents.shape
    side = 2 * reach + 1
    padded = functional.pad(latents.float(), (reach,) * 4, mode="replicate")
    inside = functional.unfold(padded, side).transpose(1, 2).reshape(-1, channels * side * side)
    inside = torch.cat([inside, inside.new_ones(len(inside), 1)], dim=1).double()
    small = functional.interpolate(pixels.float(), size=(height * patch, width * patch), mode="area")
    outside = functional.pixel_unshuffle(small, patch).flatten(2).transpose(1, 2)
    outside = outside.reshape(count * height * width, 3 * patch * patch).double()
    # Ridge: one picture has fewer patches than the map has factors.
    gram = inside.T @ inside + 1e-3 * torch.eye(inside.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(gram, inside.T @ outside).float()
    weight = solved[:-1].T.reshape(-1, channels, side, side).contiguous()
    return PreviewMap(weight=weight, bias=solved[-1].contiguous(), patch=patch)


def fit_to_vae(vae: Any) -> PreviewMap:
    """A map for a latent space nobody has factors for: the VAE encodes a few smooth pictures, and fit() inverts it.

    vae: an AutoencoderKL, in evaluation mode. One pixel a latent, so the fit needs few pictures and no decode.
    """
    import torch
    from torch.nn import functional

    generator = torch.Generator().manual_seed(0)  # the same previews every time
    pictures = [
        functional.interpolate(torch.rand(4, 3, cells, cells, generator=generator), size=(128, 128), mode="bicubic")
        for cells in (2, 4, 8, 16)
    ]
    pixels = torch.cat(pictures).clamp(0, 1) * 2 - 1
    with torch.no_grad():
        latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mean.float().cpu()
    latents = (latents - (getattr(vae.config, "shift_factor", None) or 0.0)) * vae.config.scaling_factor
    return fit(latents, pixels, patch=1, reach=0)


def save(path: "Path", preview: PreviewMap) -> None:
    from safetensors.torch import save_file

    # Half precision is far finer than a level of a pixel.
    save_file({"weight": preview.weight.half(), "bias": preview.bias.half()}, path)
    path.chmod(0o644)  # safetensors makes it private


def load(path: "Path", channels: int) -> PreviewMap | None:
    """The map kept beside a model; None where there is none or it does not fit the model's latents."""
    import math

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        weight, bias = tensors["weight"].float(), tensors["bias"].float()
    except (OSError, SafetensorError, KeyError):
        return None
    patch = math.isqrt(bias.numel() // 3)
    if (
        bias.ndim != 1
        or weight.ndim != 4
        or patch < 1
        or patch > 32
        or bias.numel() != 3 * patch * patch
        or weight.shape[:2] != (bias.numel(), channels)
        or weight.shape[2] != weight.shape[3]
        or weight.shape[2] % 2 == 0
    ):
        return None
    return PreviewMap(weight=weight, bias=bias, patch=patch)
