import itertools

import pytest
import torch
from diffusers import DDIMScheduler

from desktop.training import budget, denoiser, export


def test_nothing_of_the_picture_is_left_at_the_last_time():
    shares = denoiser.alphas_cumulative()
    assert float(shares[-1]) == pytest.approx(0, abs=1e-7)
    assert (shares[1:] < shares[:-1]).all()


def test_v_gives_the_picture_back():
    latents, noise = torch.randn(4, 16, 2, 2), torch.randn(4, 16, 2, 2)
    share = torch.tensor([0.0, 0.2, 0.7, 0.99])
    noisy, v = denoiser.noised(latents, noise, share)
    kept, added = share.sqrt()[:, None, None, None], (1 - share).sqrt()[:, None, None, None]
    assert torch.allclose(kept * noisy - added * v, latents, atol=1e-5)


def test_v_is_the_one_diffusers_means():
    scheduler = DDIMScheduler(**denoiser.SCHEDULE)
    latents, noise, times = torch.randn(3, 16, 2, 2), torch.randn(3, 16, 2, 2), torch.tensor([0, 500, 999])
    noisy, v = denoiser.noised(latents, noise, denoiser.alphas_cumulative()[times])
    assert torch.allclose(v, scheduler.get_velocity(latents, noise, times), atol=1e-5)
    assert torch.allclose(noisy, scheduler.add_noise(latents, noise, times), atol=1e-5)


def test_the_times_of_a_batch_reach_from_end_to_end_and_favour_noise():
    times = denoiser.timesteps(1000, torch.Generator().manual_seed(0))
    assert times.min() < 20 and times.max() == 999
    assert 560 < float(times.float().mean()) < 620
    assert not torch.equal(times, times.sort().values)


def test_the_shipped_schedule_is_the_trained_one():
    config = export.scheduler().config
    trained = {name: value for name, value in denoiser.SCHEDULE.items() if name in config}
    assert {name: config[name] for name in trained} == trained


def test_the_rate_rises_then_falls_to_its_floor():
    rates = [budget.rate(part / 100, peak=1.0, warmup=0.1, floor=0.05) for part in range(101)]
    assert rates[10] == pytest.approx(1) and rates[100] == pytest.approx(0.05) and rates[0] < 0.1
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
