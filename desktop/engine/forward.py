"""The forward process: Gaussian noise is added to a picture, a little at each of T timesteps or all at once.

Ho et al. 2020 (arXiv 2006.11239): q(x_t given x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I), equation 2, and from
it q(x_t given x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I), equation 4, where abar_t is the product of 1 - beta_s up to
t. Flow matching (Lipman et al., arXiv 2210.02747) goes from picture to noise along a straight line instead:
x_t = (1 - sigma_t) x_0 + sigma_t eps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from desktop.errors import KnownError

TIMESTEPS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSchedule:
    """x_t = alpha[t] x_0 + sigma[t] eps for t = 0 to T-1. alpha, sigma: (T,) float64, read-only.

    is_flow: sigma grows to 1 and alpha is 1 - sigma; otherwise alpha**2 + sigma**2 = 1.
    """

    alpha: np.ndarray
    sigma: np.ndarray
    is_flow: bool

    @property
    def timesteps(self) -> int:
        return len(self.alpha)

    @property
    def alpha_bar(self) -> np.ndarray:
        """(T,): the share of the picture's variance that is left."""
        return self.alpha**2

    @property
    def beta(self) -> np.ndarray:
        """(T,): the variance of the noise that each single step adds. Of no use for flow matching."""
        before = np.concatenate([[1.0], self.alpha_bar[:-1]])
        return 1 - self.alpha_bar / np.where(before > 0, before, 1)

    @property
    def log_snr(self) -> np.ndarray:
        """(T,): natural logarithm of alpha**2 / sigma**2; infinite at the ends of some schedules."""
        with np.errstate(divide="ignore"):
            return 2 * (np.log(self.alpha) - np.log(self.sigma))

    def noised(self, x_0: np.ndarray, t: int, noise: np.ndarray) -> np.ndarray:
        """x_t in one shot. x_0, noise: of one shape. Raises KnownError for a timestep there is none of."""
        self._check(t)
        return self.alpha[t] * x_0 + self.sigma[t] * noise

    def stepped(self, x_before: np.ndarray, t: int, noise: np.ndarray) -> np.ndarray:
        """x_t from x_{t-1}; x_0 for t = 0. Raises KnownError for a flow schedule, which is no such chain."""
        self._check(t)
        if self.is_flow:
            raise KnownError("Flow matching has no single steps of noise", "Use the one-shot formula.")
        beta = self.beta[t]
        return np.sqrt(1 - beta) * x_before + np.sqrt(beta) * noise

    def _check(self, t: int) -> None:
        if not 0 <= t < self.timesteps:
            raise KnownError(f"There is no timestep {t}", f"Use a whole number from 0 to {self.timesteps - 1}.")


def schedule_of(config: Mapping[str, Any]) -> NoiseSchedule:
    """The schedule of a scheduler's configuration, as the model was trained with it. Raises KnownError.

    Formulas of diffusers' DDPMScheduler: "linear" (arXiv 2006.11239 section 4), "scaled_linear" (latent diffusion),
    "squaredcos_cap_v2" (Nichol and Dhariwal, arXiv 2102.09672, equation 17); zero terminal SNR after Lin et al., arXiv
    2305.08891, algorithm 1.
    """
    try:
        count = int(config.get("num_train_timesteps", 1000))
        if not 2 <= count <= TIMESTEPS_MAX:
            raise ValueError(f"{count} timesteps")
        if _is_flow(config):
            return _flow(count, float(config.get("shift") or config.get("flow_shift") or 1.0))
        beta = _betas(config, count)
    except (TypeError, ValueError, OverflowError) as error:
        raise KnownError(f"The model's noise schedule makes no sense ({error})", "Get the model again.") from error
    alpha_bar = np.cumprod(1 - beta)
    if config.get("rescale_betas_zero_snr"):
        root = np.sqrt(alpha_bar)
        alpha_bar = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return _made(np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar), is_flow=False)


def _betas(config: Mapping[str, Any], count: int) -> np.ndarray:
    if config.get("trained_betas") is not None:
        beta = np.asarray(config["trained_betas"], np.float64)
        if beta.shape != (count,) or not ((beta > 0) & (beta < 1)).all():
            raise ValueError("its betas are none")
        return beta
    low, high = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    kind = config.get("beta_schedule", "linear")
    if kind == "squaredcos_cap_v2":
        at = np.arange(count + 1) / count
        alpha_bar = np.cos((at + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], 0.999)
    if not 0 < low < high < 1:
        raise ValueError(f"betas from {low:g} to {high:g}")
    if kind == "linear":
        return np.linspace(low, high, count)
    if kind == "scaled_linear":
        return np.linspace(low**0.5, high**0.5, count) ** 2
    raise ValueError(f"a schedule called {str(kind)[:40]}")


def _flow(count: int, shift: float) -> NoiseSchedule:
    """sigma_t = shift u / (1 + (shift - 1) u), u = t / T: Esser et al., arXiv 2403.03206, equation 23."""
    if not 0 < shift < 1000:
        raise ValueError(f"a shift of {shift:g}")
    u = np.arange(1, count + 1) / count
    sigma = shift * u / (1 + (shift - 1) * u)
    return _made(1 - sigma, sigma, is_flow=True)


def _is_flow(config: Mapping[str, Any]) -> bool:
    return bool(config.get("use_flow_sigmas") or "FlowMatch" in str(config.get("_class_name")))


def _made(alpha: np.ndarray, sigma: np.ndarray, *, is_flow: bool) -> NoiseSchedule:
    for values in (alpha, sigma):
        values.flags.writeable = False
    return NoiseSchedule(alpha=alpha, sigma=sigma, is_flow=is_flow)
