"""The linear map from latents to pixels that shows a run while it develops."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

from desktop.engine import preview

PICTURES_MAX = 64  # some 16,000 patches for some 150 factors a pixel
PATCH = 8  # pixels of a latent in a preview, half as many as the decoder makes of it


def fit(vae: AutoencoderKL, latents: torch.Tensor) -> preview.PreviewMap:
    """Fit against the VAE's own decode, 3x3 latents to the patch of pixels in their middle.

    latents: (N, C, h, w), scaled as the denoiser sees them.
    """
    chosen = latents[:: max(1, len(latents) // PICTURES_MAX)].float()
    with torch.no_grad():
        pixels = torch.cat([vae.decode(part / vae.config.scaling_factor).sample for part in chosen.split(16)])
    return preview.fit(chosen, pixels.clamp(-1, 1), patch=min(PATCH, pixels.shape[-1] // chosen.shape[-1]))
