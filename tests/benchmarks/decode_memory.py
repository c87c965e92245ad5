"""How much memory Stable Diffusion's VAE takes to decode a picture, in feature maps of its outermost level."""

import argparse
import resource


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--half", action="store_true", help="in bfloat16")
    parser.add_argument("--tiled", action="store_true")
    arguments = parser.parse_args()
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    dtype = torch.bfloat16 if arguments.half else torch.float32
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    ).to(dtype)
    if arguments.tiled:
        vae.enable_tiling()
    with torch.no_grad():
        vae.decode(torch.zeros(1, 4, 8, 8, dtype=dtype))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        vae.decode(torch.zeros(1, 4, arguments.side // 8, arguments.side // 8, dtype=dtype))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    one_map = arguments.side**2 * 128 * (2 if arguments.half else 4)
    print(f"{(after - before) / 1024:.0f} MiB, {(after - before) * 1024 / one_map:.1f} maps of 128 channels")


if __name__ == "__main__":
    main()
