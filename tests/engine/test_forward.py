"""The forward process against its closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from desktop.engine.forward import schedule_of
from desktop.errors import KnownError

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
CONFIGS = {
    "linear": {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"},
    "scaled_linear": SD,
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "zero_snr": SD | {"rescale_betas_zero_snr": True},
}
FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_alpha_bar_is_what_diffusers_has(config):
    import diffusers

    ours = schedule_of(config).alpha_bar
    theirs = diffusers.DDPMScheduler(**config).alphas_cumprod.double().numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_alpha_bar_is_the_product_of_one_minus_beta(config):
    schedule = schedule_of(config)
    np.testing.assert_allclose(np.cumprod(1 - schedule.beta), schedule.alpha_bar, atol=1e-12)
    assert (np.diff(schedule.alpha_bar) < 0).all()
    np.testing.assert_allclose(schedule.alpha**2 + schedule.sigma**2, 1, atol=1e-12)


def test_the_last_step_of_a_zero_snr_schedule_is_noise_alone():
    schedule = schedule_of(CONFIGS["zero_snr"])
    assert schedule.alpha[-1] == 0
    assert schedule.log_snr[-1] == -np.inf


def test_flow_sigmas_are_what_diffusers_has():
    import diffusers

    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    ours = schedule_of(FLOW)
    np.testing.assert_allclose(ours.sigma[::-1], scheduler.sigmas.numpy()[:1000], atol=1e-6)
    np.testing.assert_allclose(ours.alpha + ours.sigma, 1)


@pytest.mark.parametrize("t", [0, 100, 500, 999])
@pytest.mark.parametrize("config", [*CONFIGS.values(), FLOW])
def test_mean_and_variance_of_x_t(config, t):
    schedule = schedule_of(config)
    noise = np.random.default_rng(1).standard_normal(200_000)
    x_0 = 0.7
    x_t = schedule.noised(np.full_like(noise, x_0), t, noise)
    deviation = schedule.sigma[t]
    assert abs(x_t.mean() - schedule.alpha[t] * x_0) < 5 * deviation / np.sqrt(len(noise)) + 1e-12
    assert abs(x_t.std() - deviation) < 0.01 * deviation + 1e-12


@pytest.mark.parametrize("config", [CONFIGS["linear"], SD])
def test_a_chain_of_single_steps_has_the_distribution_of_one_shot(config):
    schedule = schedule_of(config)
    rng = np.random.default_rng(2)
    x = np.full(20_000, 0.7)
    for t in range(300):
        x = schedule.stepped(x, t, rng.standard_normal(len(x)))
    at_once = schedule.noised(np.full(20_000, 0.7), 299, rng.standard_normal(20_000))
    assert stats.ks_2samp(x, at_once).pvalue > 0.01
    expected = stats.norm(schedule.alpha[299] * 0.7, schedule.sigma[299])
    assert stats.kstest(x, expected.cdf).pvalue > 0.01


def test_a_timestep_there_is_none_of_is_named():
    schedule = schedule_of(SD)
    for t in (-1, 1000):
        with pytest.raises(KnownError, match="0 to 999"):
            schedule.noised(np.zeros(1), t, np.zeros(1))
    with pytest.raises(KnownError, match="no single steps"):
        schedule_of(FLOW).stepped(np.zeros(1), 1, np.zeros(1))


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.floats(), max_size=4)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "shift", "_class_name"),
            junk,
        ),
    )
)
def test_any_configuration_is_a_schedule_or_is_named(config):
    if isinstance(config.get("num_train_timesteps"), int):
        config["num_train_timesteps"] %= 5000
    try:
        schedule = schedule_of(config)
    except KnownError:
        return
    assert np.isfinite(schedule.alpha).all()
    assert np.isfinite(schedule.sigma).all()
