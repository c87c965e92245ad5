"""The tape against an oracle: a network that knows the clean latents must be seen to know them."""

import inspect
import json
from contextlib import nullcontext

import pytest
import torch

from desktop.engine import schedulers, tape
from desktop.messages import SCHEDULERS
from tests.models import STARTER

_SD = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}
_NOT_OURS = {"flow_euler", "lcm", "native"}


def _chain(name, config, oracle, steps=8):
    """Run the whole chain with a network that always predicts `oracle`; returns the recorded steps and the end."""
    scheduler = schedulers.make(name, config, seed=3)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(3)
    sample = torch.randn(oracle.shape, generator=generator) * getattr(scheduler, "init_noise_sigma", 1.0)
    seen = []
    kind = scheduler.config.get("prediction_type")
    with tape.recording(scheduler, seen.append):
        extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
        for timestep in scheduler.timesteps:
            if hasattr(scheduler, "scale_model_input"):
                scheduler.scale_model_input(sample, timestep)
            alpha, sigma = tape._noise_level(scheduler, timestep)
            if name == "dpmpp_sde" and not scheduler.state_in_first_order:
                # its second look is at the middle, on a logarithmic scale, of the step just tried
                sigma = (
                    float(scheduler.sigmas[scheduler.step_index - 1] * scheduler.sigmas[scheduler.step_index]) ** 0.5
                )
            noise = (sample - alpha * oracle) / sigma if sigma > 0 else torch.zeros_like(oracle)
            if name == "flow_euler":
                output = noise - oracle
            elif kind == "epsilon":
                output = noise
            else:
                scale = (alpha**2 + sigma**2) ** -0.5
                output = alpha * scale * noise - sigma * scale * oracle
            sample = scheduler.step(output, timestep, sample, **extra, return_dict=False)[0]
    return scheduler, seen, sample


@pytest.fixture
def oracle():
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", [s for s in SCHEDULERS if s not in _NOT_OURS])
def test_the_predicted_clean_latents_are_what_the_network_knows(name, prediction_type, oracle):
    _, seen, _ = _chain(name, _SD | {"prediction_type": prediction_type}, oracle)
    for step in seen:
        torch.testing.assert_close(step.x_0, oracle, atol=2e-3, rtol=1e-3)


def test_flow_matching_gives_its_clean_latents_too(oracle):
    _, seen, end = _chain("flow_euler", {"num_train_timesteps": 1000, "shift": 1.0}, oracle)
    for step in seen:
        torch.testing.assert_close(step.x_0, oracle, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(end, oracle, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [s for s in SCHEDULERS if s not in _NOT_OURS])
def test_steps_are_counted_from_one_to_the_total_the_solver_takes(name, oracle):
    scheduler, seen, _ = _chain(name, _SD | {"prediction_type": "epsilon"}, oracle)
    assert [step.index for step in seen] == list(range(1, len(scheduler.timesteps) + 1))
    assert {step.total for step in seen} == {len(scheduler.timesteps)}


def test_the_wrapper_leaves_no_trace_on_the_scheduler(oracle):
    scheduler, _, _ = _chain("ddim", _SD, oracle)
    assert "step" not in vars(scheduler)


def test_recording_does_not_change_the_chain(oracle):
    config = _SD | {"prediction_type": "epsilon"}
    for name in ("ddpm", "euler_ancestral", "unipc", "dpmpp_2m"):
        plain = schedulers.make(name, config, seed=0)
        taped = schedulers.make(name, config, seed=0)
        ends = []
        for scheduler in (plain, taped):
            scheduler.set_timesteps(6)
            generator = torch.Generator().manual_seed(5)
            sample = torch.randn(oracle.shape, generator=generator) * scheduler.init_noise_sigma
            extra = {} if name == "unipc" else {"generator": generator}
            for timestep in scheduler.timesteps:
                recording = tape.recording(scheduler, lambda step: None) if scheduler is taped else nullcontext()
                with recording:
                    sample = scheduler.step(0.1 * sample, timestep, sample, **extra).prev_sample
            ends.append(sample)
        assert torch.equal(*ends), name


@pytest.mark.parametrize("name", ["ddim", "ddpm", "euler", "euler_ancestral", "dpmpp_2m", "unipc"])
def test_a_schedule_that_ends_in_pure_noise_gives_finite_previews_from_the_first_step(name):
    config = json.loads((STARTER / "scheduler" / "scheduler_config.json").read_text())
    oracle = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(1))
    _, seen, _ = _chain(name, config, oracle)
    for step in seen:
        torch.testing.assert_close(step.x_0, oracle, atol=2e-2, rtol=1e-2)


def test_lms_takes_the_order_its_history_allows_when_a_chain_starts_in_the_middle(oracle):
    scheduler = schedulers.make("lms", _SD | {"prediction_type": "epsilon"}, seed=0)
    scheduler.set_timesteps(20)
    scheduler.set_begin_index(16)
    timesteps = scheduler.timesteps[16:]
    noise = torch.randn(oracle.shape, generator=torch.Generator().manual_seed(2))
    sample = scheduler.add_noise(oracle, noise, timesteps[:1])
    with tape.recording(scheduler, lambda step: None):
        for timestep in timesteps:
            scheduler.scale_model_input(sample, timestep)
            _, sigma = tape._noise_level(scheduler, timestep)
            sample = scheduler.step((sample - oracle) / sigma, timestep, sample).prev_sample
    torch.testing.assert_close(sample, oracle, atol=1e-3, rtol=1e-3)
