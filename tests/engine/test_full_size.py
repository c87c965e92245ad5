"""Stable Diffusion 1.5 and XL at their published size, with random weights: minutes and many gigabytes."""

import gc

import pytest
import torch

from desktop.engine.hardware import cpu_has_bfloat16
from desktop.messages import Preview
from tests.engine.conftest import Bench, request
from tests.full_size import write_sd15, write_sdxl

pytestmark = pytest.mark.slow


def draws(folder, tmp_path, side):
    gc.collect()  # what wrote the folder: seven gigabytes of XL that nobody holds, in cycles
    bench = Bench(folder, tmp_path)
    try:
        info = bench.library.resolve(folder.name)
        picture = bench.image(
            request(model=info.name, steps=2, width=side, height=side, scheduler=info.scheduler, guidance_scale=5.0)
        )
        assert picture.size == (side, side)
        assert [event.step for event in bench.of(Preview)] == [1, 2]
        wanted = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
        assert bench.engine.holder.loaded[0].dtype in (wanted, torch.bfloat16, torch.float16)
    finally:
        assert bench.engine.close(120)


def test_stable_diffusion_15_draws_at_its_real_size(tmp_path):
    draws(write_sd15(tmp_path / "models" / "sd15"), tmp_path, 256)


def test_stable_diffusion_xl_draws_at_its_real_size(tmp_path):
    draws(write_sdxl(tmp_path / "models" / "sdxl"), tmp_path, 256)
