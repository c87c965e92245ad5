import pytest
import torch
from diffusers import DDPMScheduler

from desktop.training import denoiser, distill, loop
from desktop.training.budget import Budget
from desktop.training.denoiser import Lesson
from tests.training.makers import recipe

VOCABULARY = {f"w{number}": number for number in range(10)}


def teacher(tmp_path):
    made = recipe(tmp_path).denoiser
    return denoiser.build(made, VOCABULARY, side=4, length=6, seed=3)


def test_at_time_zero_the_latents_are_what_they_are():
    noisy, v = torch.randn(2, 16, 4, 4), torch.randn(2, 16, 4, 4)
    shares = denoiser.alphas_cumulative()
    zero = torch.zeros(2, dtype=torch.long)
    assert torch.allclose(distill.consistent(noisy, v, zero, shares[zero]), noisy)


def test_at_other_times_it_is_what_the_scheduler_makes_of_v():
    scheduler = distill.scheduler()
    scheduler.set_timesteps(distill.STEPS)
    noisy, v = torch.randn(1, 16, 4, 4), torch.randn(1, 16, 4, 4)
    for time in scheduler.timesteps:
        found = distill.consistent(noisy, v, time[None], denoiser.alphas_cumulative()[time][None])
        assert torch.allclose(found, scheduler.step(v, time, noisy).denoised, atol=1e-5)


def test_the_last_time_of_the_grid_is_pure_noise():
    assert int(distill.scheduler().config.num_train_timesteps) - 1 == DDPMScheduler().config.num_train_timesteps - 1
    assert float(denoiser.alphas_cumulative()[-1]) == pytest.approx(0, abs=1e-7)


def test_an_interrupted_distillation_goes_on_with_the_same_losses(tmp_path):
    lesson = Lesson(latents=torch.randn(9, 16, 4, 4).half(), tokens=torch.randint(0, 9, (9, 2, 6)))
    settings = distill.DistillSettings(batch=4, portion=2)

    def run(name, stop_at=None):
        losses = seen.setdefault(name, {})

        def report(figures):
            losses[figures["step"]] = figures["last"]
            return figures["step"] != stop_at

        options = {"device": torch.device("cpu"), "seed": 1, "report": report}
        path = tmp_path / f"{name}.safetensors"
        return distill.train(path, settings, teacher(tmp_path), lesson, [9] * 6, Budget(steps=6), **options)

    seen = {}
    straight = run("straight")
    with pytest.raises(loop.Stopped):
        run("halted", stop_at=3)
    halted = run("halted")
    assert seen["straight"] == seen["halted"] and len(seen["straight"]) == 6
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), halted.parameters(), strict=True))
    kept = distill.load(tmp_path / "halted.safetensors", teacher(tmp_path))
    assert torch.equal(kept.conv_in.weight, halted.conv_in.weight)
