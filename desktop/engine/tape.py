"""The tape: what every scheduler step did, and the chain's state before it.

A pipeline calls `scheduler.step(model_output, timestep, sample, ...)` once per step, on the engine's thread.
Wrapping that one call gives progress, the predicted clean latents x_0 and the place to raise a cancel,
for every pipeline alike, those without a step callback included. It also gives the state from which the chain
can go on later: the reverse process is a Markov chain in x_t together with what the solver remembers.
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
    schedule, T-1 falling to 0. alpha, sigma: x_t = alpha x_0 + sigma eps where the step started; None where no
    formula is known. x_t: the state the step started from, in the scheduler's own scaling.
    x_0: the clean latents the network predicts from x_t, same shape as x_t; None where no formula is known.
    """

    index: int
    total: int
    timestep: float
    alpha: float | None
    sigma: float | None
    x_t: "torch.Tensor"
    x_0: "torch.Tensor | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that the rest of a chain depends on, before its step number `index + 1`.

    index: steps taken so far. x_t: in the scheduler's own scaling. memory: the scheduler's attributes, a solver's
    history among them. noise: the state of the generator that draws the rest of the noise; None where none is used.
    x_0: what the step before predicted; None at the beginning, and in a state that was read from a file.
    timestep, alpha, sigma: of x_t, as in Step; None in a state that was read from a file.
    """

    index: int
    x_t: "torch.Tensor"
    memory: dict[str, Any]
    noise: "torch.Tensor | None"
    x_0: "torch.Tensor | None" = None
    timestep: float | None = None
    alpha: float | None = None
    sigma: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Go on from a state instead of taking the steps before it.

    seed: of the noise that is still to be drawn, where it is to be other noise than the state's. A solver that draws
    none as it goes gets the noise it stands in exchanged: x_t = alpha x_0 + sigma eps with another eps, from the x_0
    predicted so far, and forgets its history, which belongs to the old noise. arrived: called right
    before the first step that is taken. enter: makes of a scheduler whose timesteps are set the state to go on from,
    where the one given belongs to another scheduler's chain.
    """

    state: State
    seed: int | None
    arrived: Callable[[], None]
    enter: Callable[[Any], State] | None = None


@dataclass(frozen=True, slots=True)
class _Skipped:
    """What a step that is not taken gives back, in the shape of diffusers' outputs."""

    prev_sample: "torch.Tensor"

    def to_tuple(self) -> tuple:
        return (self.prev_sample,)


_OWN = ("step", "set_timesteps", "_internal_dict")  # wrappers, and the configuration
# Stay as the run's own seed made them where the noise is to be other noise.
_SEEDED = ("noise_sampler", "noise_sampler_seed")
_DRAWS_NOISE = ("DDPM", "Ancestral", "LCM", "SDE", "UnCLIP", "TCD", "SASolver")  # in the names of schedulers that do


@contextmanager
def recording(
    scheduler: Any,
    on_step: Callable[[Step], None],
    on_state: Callable[[State], None] | None = None,
    resume: Resumption | None = None,
) -> Iterator[None]:
    """Call on_step after every `scheduler.step` inside the block; an exception from it stops the pipeline.

    on_state is called before each step that is taken. With resume, the first steps of the pipeline's loop are counted
    and not taken, and the step after them starts from the state. The wrapper keeps the signature, because pipelines
    look there for `generator` and `eta`.
    """
    original = scheduler.step
    parameters = inspect.signature(original).parameters
    done = 0
    total = 0
    predicted = resume.state.x_0 if resume is not None else None

    @functools.wraps(original)
    def step(model_output, timestep, sample, *args, return_dict=True, **kwargs):
        nonlocal done, total, predicted
        if done == 0:
            total = _steps_ahead(scheduler, timestep)
        generator = kwargs.get("generator")
        if resume is not None and done < resume.state.index:
            done += 1
            if done == resume.state.index:
                sample = _restore(scheduler, resume, generator, total).to(sample.device)
                resume.arrived()
            output = _Skipped(sample)
            return output if return_dict else output.to_tuple()
        before = _noise_level(scheduler, timestep)
        if on_state is not None:
            on_state(_state(scheduler, done, sample, generator, predicted, timestep, before))
        if "order" in parameters:
            # LMS takes its order from the step's index, and finds no history where a chain starts in the middle.
            kwargs.setdefault("order", min(4, len(scheduler.derivatives) + 1))
        output = original(model_output, timestep, sample, *args, return_dict=True, **kwargs)
        done += 1
        x_0 = getattr(output, "pred_original_sample", None)
        if x_0 is None and before is not None:
            x_0 = predicted_x0(scheduler.config, model_output, sample, *before)
        predicted = x_0
        alpha, sigma = before or (None, None)
        on_step(
            Step(
                index=done,
                total=max(total, done),
                timestep=float(timestep),
                alpha=alpha,
                sigma=sigma,
                x_t=sample,
                x_0=x_0,
            )
        )
        return output if return_dict else output.to_tuple()

    scheduler.step = step
    try:
        yield
    finally:
        del scheduler.step  # the class's own method shows through again


def _state(
    scheduler: Any,
    done: int,
    sample: "torch.Tensor",
    generator: Any,
    x_0: "torch.Tensor | None",
    timestep: "torch.Tensor | float",
    level: "tuple[float, float] | None",
) -> State:
    """Tensors are shared, not copied: no scheduler changes one in place, they replace what they remember."""
    alpha, sigma = level or (None, None)
    return State(
        index=done,
        x_t=sample,
        memory=held_memory(scheduler),
        noise=generator.get_state() if hasattr(generator, "get_state") else None,
        x_0=x_0,
        timestep=float(timestep),
        alpha=alpha,
        sigma=sigma,
    )


def held_memory(scheduler: Any) -> dict[str, Any]:
    """What the scheduler remembers now, as State has it."""
    return {name: _held(value) for name, value in vars(scheduler).items() if name not in _OWN}


def _restore(scheduler: Any, resume: Resumption, generator: Any, total: int) -> "torch.Tensor":
    state = resume.state if resume.enter is None else resume.enter(scheduler)
    if resume.seed is not None:
        exchanged = _exchanged(scheduler, state, resume.seed, total)
        if exchanged is not None:
            return exchanged
    kept = {name: _held(value) for name, value in state.memory.items() if resume.seed is None or name not in _SEEDED}
    vars(scheduler).update(kept)
    if generator is not None:
        if resume.seed is not None:
            generator.manual_seed(resume.seed)
        elif state.noise is not None:
            generator.set_state(state.noise)
    return state.x_t


def _exchanged(scheduler: Any, state: State, seed: int, total: int) -> "torch.Tensor | None":
    """x_t with other noise in it, for a solver that draws none; the scheduler then stands there without a history.

    None where the solver draws noise itself, stands in the middle of a step of two looks, or nothing is predicted yet.
    """
    import torch

    name = type(scheduler).__name__ + str(scheduler.config.get("algorithm_type", "")).upper()
    if state.x_0 is None or any(word in name for word in _DRAWS_NOISE) or state.memory.get("dt") is not None:
        return None
    for kept in ("_step_index", "_begin_index"):
        if kept in state.memory:
            setattr(scheduler, kept, state.memory[kept])
    level = _noise_level(scheduler, scheduler.timesteps[len(scheduler.timesteps) - total + state.index])
    if level is None:
        return None
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(state.x_0.shape, generator=generator).to(state.x_0.device)
    return (level[0] * state.x_0.float() + level[1] * noise).to(state.x_t.dtype)


def _held(value: Any) -> Any:
    """Lists and tables change in place as a solver goes on; what is in them does not."""
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else value


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
