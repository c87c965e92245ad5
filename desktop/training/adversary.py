"""The critic that tells drawn from decoded pictures patch by patch, and so asks the decoder for crisp edges.

Hinge losses as in Lim and Ye, arXiv 1705.02894, on patches as in Isola et al., arXiv 1611.07004.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

WIDTH = 32


def build() -> nn.Sequential:
    """(B, 3, H, W) in -1..1 -> (B, 1, H/8, W/8), high where it looks real. No norms: a batch is small."""
    layers: list[nn.Module] = []
    widths = (3, WIDTH, 2 * WIDTH, 4 * WIDTH)
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))


def for_critic(critic: nn.Module, drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The critic's own loss; the decoder gets nothing of it."""
    real, made = critic(wanted), critic(drawn.detach())
    return 0.5 * (functional.relu(1 - real).mean() + functional.relu(1 + made).mean())


def for_decoder(critic: nn.Sequential, drawn: torch.Tensor) -> torch.Tensor:
    """What the decoder loses where the critic is not taken in; the critic's weights get nothing of it.

    Written out: torch.func.functional_call exchanges a module's weights for a moment, which other threads would see.
    """
    inside = drawn
    for layer in critic:
        if isinstance(layer, nn.Conv2d):
            inside = functional.conv2d(
                inside, layer.weight.detach(), layer.bias.detach(), stride=layer.stride, padding=layer.padding
            )
        else:
            inside = layer(inside)
    return -inside.mean()
