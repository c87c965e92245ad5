"""What a preview costs beside one step of Stable Diffusion 1.5's network at 512x512, with a map fitted to a picture."""

import statistics
import time


def measure() -> tuple[float, float, str]:
    """(seconds of a step with guidance, seconds of a preview, the step's precision)."""
    import torch
    from diffusers import UNet2DConditionModel

    from desktop.engine import preview
    from desktop.engine.hardware import cpu_has_bfloat16

    dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32

    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8).eval()
    torch.set_default_dtype(torch.float32)
    latents = torch.randn(1, 4, 64, 64)
    fitted = preview.fit_to_picture(latents, torch.rand(3, 512, 512))
    words = torch.randn(2, 77, 768, dtype=dtype)
    both = torch.cat([latents, latents]).to(dtype)
    steps, frames = [], []
    for turn in range(3):
        began = time.perf_counter()
        with torch.no_grad():
            unet(both, 500, words)
        middle = time.perf_counter()
        for _ in range(10):
            fitted.frame(latents)
        if turn:  # the first warms up
            steps.append(middle - began)
            frames.append((time.perf_counter() - middle) / 10)
    return statistics.median(steps), statistics.median(frames), str(dtype).removeprefix("torch.")


def main() -> None:
    step, frame, dtype = measure()
    print(f"step    {step:.2f} s (with guidance, {dtype})")
    print(f"preview {frame * 1000:.2f} ms, {100 * frame / step:.3f} % of a step")


if __name__ == "__main__":
    main()
