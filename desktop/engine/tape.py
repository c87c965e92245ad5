"""The tape: what every scheduler step did.

A pipeline calls `scheduler.step(model_output, timestep, sample, ...)` once per step, on the engine's thread.
Wrapping that one call gives progress, the predicted clean latents x_0 and the place to raise a cancel,
for every pipeline alike, those without a step callback included.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the reverse process.

    index: 1 to total; a second-order solver takes two for one of the request's. timestep: of the training
    schedule, T-1 falling to 0. x_t: the state the step started from, in the scheduler's own scaling.
    x_0: the clean latents the network predicts from x_t, same shape as x_t; None where no formula is known.
    """

    index: int
    total: int
    timestep: float
    x_t: "torch.Tensor"
    x_0: "torch.Tensor | None"


@contextmanager
def recording(scheduler: Any, on_step: Callable[[Step], None]) -> Iterator[None]:
    """Call on_step after every `scheduler.step` inside the block; an exception from it stops the pipeline.

    The wrapper keeps the signature, because pipelines look there for `generator` and `eta`.
    """
    original = scheduler.step
    parameters = inspect.signature(original).parameters
    done = 0
    total = 0

    @functools.wraps(original)
    def step(model_output, timestep, sample, *args, return_dict=True, **kwargs):
        nonlocal done, total
        if done == 0:
            total = _steps_ahead(scheduler, timestep)
        before = _noise_level(scheduler, timestep)
        if "order" in parameters:
            # LMS takes its order from the step's index, and finds no history where a chain starts in the middle.
            kwargs.setdefault("order", min(4, len(scheduler.derivatives) + 1))
        output = original(model_output, timestep, sample, *args, return_dict=True, **kwargs)
        done += 1
        x_0 = getattr(output, "pred_original_sample", None)
        if x_0 is None and before is not None:
            x_0 = predicted_x0(scheduler.config, model_output, sample, *before)
        on_step(Step(index=done, total=max(total, done), timestep=float(timestep), x_t=sample, x_0=x_0))
        return output if return_dict else output.to_tuple()

    scheduler.step = step
    try:
        yield
    finally:
        del scheduler.step  # the class's own method shows through again


def _steps_ahead(scheduler: Any, timestep: "torch.Tensor | float") -> int:
    """How many steps the chain has from here; image-to-image starts in the middle of the timesteps."""
    timesteps = scheduler.timesteps
    begin = getattr(scheduler, "begin_index", None)
    if begin is None:
        matches = (timesteps == timestep).nonzero()
        begin = int(matches[0]) if len(matches) else 0
    return len(timesteps) - begin


def _noise_level(scheduler: Any, timestep: "torch.Tensor | float") -> "tuple[float, float] | None":
    """(alpha_t, sigma_t) with x_t = alpha_t x_0 + sigma_t eps at the step about to be taken, or None.

    Read before the step, because taking it moves the scheduler's step_index.
    """
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is not None and hasattr(scheduler, "_init_step_index"):
        if scheduler.step_index is None:
            scheduler._init_step_index(timestep)  # what step() does first anyway
        sigma = float(sigmas[scheduler.step_index])
        if _is_flow(scheduler.config):
            return 1.0 - sigma, sigma
        if hasattr(scheduler, "_sigma_to_alpha_sigma_t"):  # the solvers that keep x_t variance preserving
            alpha = (1.0 + sigma**2) ** -0.5
            return alpha, sigma * alpha
        return 1.0, sigma
    cumulative = getattr(scheduler, "alphas_cumprod", None)
    if cumulative is None:
        return None
    alpha_bar = float(cumulative[int(timestep)])
    return alpha_bar**0.5, (1.0 - alpha_bar) ** 0.5


def _is_flow(config: Any) -> bool:
    return bool(
        config.get("use_flow_sigmas")
        or config.get("prediction_type") == "flow_prediction"
        or ("shift" in config and "num_train_timesteps" in config and "prediction_type" not in config)
    )


def predicted_x0(
    config: Any, model_output: "torch.Tensor", sample: "torch.Tensor", alpha: float, sigma: float
) -> "torch.Tensor | None":
    """x_0 from what the network predicts at x_t = alpha x_0 + sigma eps.

    epsilon: Ho et al. 2020 (arXiv 2006.11239) eq. 15. v: Salimans and Ho 2022 (arXiv 2202.00512) appendix D.
    Flow matching, where the network predicts eps - x_0: x_t - sigma v.
    """
    if _is_flow(config):
        return sample - sigma * model_output
    kind = config.get("prediction_type", "epsilon")
    if kind == "sample":
        return model_output
    if kind == "epsilon":
        return (sample - sigma * model_output) / alpha if alpha > 0 else None
    if kind == "v_prediction":
        # On a variance preserving chain alpha^2 + sigma^2 = 1; a variance exploding sample is scaled to it first.
        scale = (alpha**2 + sigma**2) ** -0.5
        return (alpha * scale) * (sample * scale) - (sigma * scale) * model_output
    return None
