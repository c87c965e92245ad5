"""Going on with another scheduler from the middle of a chain.

A state of the chain is x_t = alpha x_0 + sigma eps in its scheduler's own scaling: (sqrt(abar), sqrt(1 - abar)) for
those that keep the variance, (1, sqrt((1 - abar) / abar)) for those that count in sigmas (Karras et al. 2022, arXiv
2206.00364, section 4; Song et al. 2021, arXiv 2010.02502, eq. 14 in either coordinates). Both say the same signal to
noise ratio, so the state moves between them by one factor. The new scheduler then begins at exactly that level and
goes on with the stops of its own schedule that lie below it; its history starts empty.

Which pairs are allowed is said in desktop/scheduler_change.py.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop.engine.tape import State, held_memory
from desktop.errors import KnownError
from desktop.messages import GenerationRequest

if TYPE_CHECKING:
    import torch

_SAME = 1e-3  # of a sigma: closer than that, a stop of the new schedule is the level the chain stands at


def maker_of(request: GenerationRequest, index: int) -> GenerationRequest:
    """Whose chain a state after `index` steps of the request's is from: its own, its trunk's, or one further down."""
    while request.branch is not None and index <= request.branch.step:
        request = request.branch.trunk
    return request


def was_crossed(request: GenerationRequest) -> bool:
    """Whether the request's chain changed its scheduler on the way."""
    while request.branch is not None:
        if request.scheduler != request.branch.trunk.scheduler:
            return True
        request = request.branch.trunk
    return False


class Crossing:
    """From a state of another scheduler's chain. Raises KnownError where it stands between two stops."""

    def __init__(self, state: State, request: GenerationRequest) -> None:
        if state.memory.get("dt") is not None or state.memory.get("mid_point_sigma") is not None:
            raise KnownError(
                f"Step {state.index} lies in the middle of a step of two looks, where no other scheduler can go on",
                f"Choose step {state.index - 1} or {state.index + 1}.",
            )
        if not state.alpha or state.sigma is None or state.timestep is None:
            raise KnownError(
                f"How much noise there is at step {state.index} is not known, so no other scheduler can go on from it",
                "Keep the scheduler.",
            )
        self._state, self._request = state, request
        self._ratio = state.sigma / state.alpha  # sigma where alpha is 1

    @contextmanager
    def scheduling(self, scheduler: Any) -> Iterator[None]:
        """While active, set_timesteps gives the rest of the schedule, behind as many stops as are passed over."""

        def cut(steps: int) -> None:
            front = _left_out(self._request, steps) * scheduler.order + self._state.index
            if _counts_in_sigmas(scheduler):
                self._cut_sigmas(scheduler, front)
            else:
                self._cut_timesteps(scheduler, front)

        with _after_set_timesteps(scheduler, cut):
            yield

    def enter(self, scheduler: Any) -> State:
        """The state as the scheduler, whose timesteps are set, would have left it."""
        sigma_based = _counts_in_sigmas(scheduler)
        memory = held_memory(scheduler)
        place = (getattr(scheduler, "_begin_index", None) or 0) + self._state.index
        if "_step_index" in memory:
            memory["_step_index"] = place
        if sigma_based and not hasattr(scheduler, "_sigma_to_alpha_sigma_t"):
            alpha, sigma = 1.0, self._ratio
        elif sigma_based:
            alpha = (1 + self._ratio**2) ** -0.5
            sigma = self._ratio * alpha
        else:
            bar = float(scheduler.alphas_cumprod[self._nearest(scheduler)])
            alpha, sigma = bar**0.5, (1 - bar) ** 0.5
        # By the size of the whole, so that a level between two timesteps, rounded to one, keeps its variance.
        factor = ((alpha**2 + sigma**2) / (self._state.alpha**2 + self._state.sigma**2)) ** 0.5
        return replace(self._state, x_t=self._state.x_t * factor, memory=memory, alpha=alpha, sigma=sigma)

    def _nearest(self, scheduler: Any) -> int:
        """The training timestep whose noise level is nearest."""
        import math

        bars = scheduler.alphas_cumprod.double().clamp(1e-12, 1 - 1e-12)
        ratios = ((1 - bars) / bars).log() / 2
        return int((ratios - math.log(self._ratio)).abs().argmin())

    def _cut_timesteps(self, scheduler: Any, front: int) -> None:
        """For those that count in training timesteps."""
        import torch

        own = [int(t) for t in scheduler.timesteps]
        here = self._nearest(scheduler)
        rest = [t for t in own if t < here]
        if type(scheduler).__name__ == "DDIMScheduler" and here not in own:
            # It always goes down by the same stride, wherever it starts.
            stride = scheduler.config.num_train_timesteps // scheduler.num_inference_steps
            rest = list(range(here - stride, -1, -stride))
        last = scheduler.config.num_train_timesteps - 1
        passed_over = last if here != last else last - 1  # DDPM looks for the first stop of the same timestep
        scheduler.timesteps = torch.tensor([passed_over] * front + [here, *rest]).to(scheduler.timesteps)
        if type(scheduler).__name__ == "LCMScheduler":
            scheduler.num_inference_steps = len(scheduler.timesteps)  # by which it knows its last step

    def _cut_sigmas(self, scheduler: Any, front: int) -> None:
        """For those that count in sigmas; those of two looks a step have every stop but the first twice."""
        import torch

        order = scheduler.order
        sigmas, timesteps = scheduler.sigmas, scheduler.timesteps
        stops, last = sigmas[:-1][::order], sigmas[-1:]
        below = stops < self._ratio * (1 - _SAME)
        here = torch.tensor([self._ratio], dtype=sigmas.dtype)
        timestep = self._state.timestep if timesteps.is_floating_point() else round(self._state.timestep)
        now = torch.tensor([timestep], dtype=timesteps.dtype)
        stops = torch.cat([here, stops[below].cpu()])
        times = torch.cat([now, timesteps[::order].cpu()[below.cpu()]])
        if order == 2:
            middles = times[1:]
            if hasattr(scheduler, "_second_order_timesteps"):
                middles = _middle_times(scheduler, stops).to(times.dtype)[: len(times) - 1]
            doubled = torch.cat([times[:1], times[1:].repeat_interleave(2)])
            doubled[1::2] = middles
            stops, times = torch.cat([stops[:1], stops[1:].repeat_interleave(2)]), doubled
        scheduler.sigmas = torch.cat([here.expand(front), stops, last.cpu()]).to(sigmas)
        scheduler.timesteps = torch.cat([now.expand(front), times]).to(timesteps)


def _counts_in_sigmas(scheduler: Any) -> bool:
    """And not in training timesteps, as the others do."""
    return getattr(scheduler, "sigmas", None) is not None and hasattr(scheduler, "_init_step_index")


def _middle_times(scheduler: Any, stops: "torch.Tensor") -> "torch.Tensor":
    """Where a stochastic solver of two looks takes its second one."""
    import numpy as np
    import torch

    bars = scheduler.alphas_cumprod
    levels = ((1 - bars) / bars).sqrt().log().cpu().numpy()
    return torch.from_numpy(np.asarray(scheduler._second_order_timesteps(stops.double().numpy(), levels)))


@contextmanager
def keeping_schedule(scheduler: Any, state: State) -> Iterator[None]:
    """For a chain that changed its scheduler before this state: its stops are the state's, not the plain ones."""

    def use(steps: int) -> None:
        scheduler.timesteps = state.memory["timesteps"].to(scheduler.timesteps)

    with _after_set_timesteps(scheduler, use):
        yield


@contextmanager
def _after_set_timesteps(scheduler: Any, change: Callable[[int], None]) -> Iterator[None]:
    original = scheduler.set_timesteps

    @functools.wraps(original)
    def set_timesteps(num_inference_steps: int | None = None, *args: Any, **kwargs: Any) -> None:
        original(num_inference_steps, *args, **kwargs)
        change(num_inference_steps)

    scheduler.set_timesteps = set_timesteps
    try:
        yield
    finally:
        del scheduler.set_timesteps  # the class's own shows through again


def _left_out(request: GenerationRequest, steps: int) -> int:
    """How many stops diffusers' pipelines leave out at the beginning, where they start from a picture."""
    if request.start_picture is None:
        return 0
    return steps - min(int(steps * request.strength), steps)
