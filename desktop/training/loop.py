"""The one training loop: budget, learning rate, gradient step, moving average, checkpoint, loss curve, report.

A step's random numbers come from its number alone, and all state is in the checkpoint, so a run that is interrupted
and goes on gives the same losses as one that is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from desktop.errors import KnownError
from desktop.training import checkpoint
from desktop.training.budget import Budget, rate

CURVE_POINTS = 400  # of a kept loss curve; where there are more, every second one goes
Report = Callable[[dict[str, float]], bool]  # of a step -> whether to go on


class Stopped(Exception):
    """A report asked to stop; what was done until then is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one step. loss: what is plotted; gradients: one for each of the course's weights; figures: to report."""

    loss: float
    samples: int
    gradients: Sequence[torch.Tensor]
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is trained. modules: by their name in the checkpoint; averages: the modules that follow those of the same
    place in `averaged`; decay: of the averages, reached gradually; also: other tensors to keep beside the weights.
    """

    modules: Mapping[str, nn.Module]
    weights: Sequence[nn.Parameter]
    peak: float
    floor: float = 0.05
    weight_decay: float = 1e-2
    averaged: Sequence[nn.Module] = ()
    averages: Mapping[str, nn.Module] = field(default_factory=dict)
    decay: float = 0.999
    also: Mapping[str, torch.Tensor] = field(default_factory=dict)


def start_counters() -> dict[str, Any]:
    return {"seconds": 0.0, "done": 0, "samples": 0, "loss": 0.0, "curve": [], "every": 1}


def run(
    path: Path,
    course: Course,
    budget: Budget,
    step: Callable[[int, float], Outcome],
    report: Report,
    *,
    save_every_seconds: float = 120.0,
) -> dict[str, Any]:
    """Train from the checkpoint at `path`, or from how the modules are, until the budget is over.

    step: number and progress -> its outcome. report: called after each step with step, samples, loss (smoothed), last
    (this step's), seconds, seconds_left and the step's own figures. Returns the counters, among them curve: [samples,
    smoothed loss] every so often.
    Raises: Stopped, with a checkpoint, where the report returns False; KnownError where the checkpoint cannot be read
    or written, or the loss is not a number.
    """
    weights = list(course.weights)
    # Not fused: that kernel goes through memory as it lies, and gradients may lie otherwise than weights.
    optimiser = torch.optim.AdamW(weights, lr=course.peak, betas=(0.9, 0.99), weight_decay=course.weight_decay)
    counters = start_counters()
    if path.exists():
        tensors, counters = checkpoint.load(path)
        fill(tensors, {**course.modules, **course.averages})
        checkpoint.restore_optimiser(optimiser, checkpoint.under("optimiser", tensors))
    budget.seconds, budget.done = float(counters["seconds"]), int(counters["done"])
    live = [weight for module in course.averaged for weight in module.parameters()]
    kept = [weight for module in course.averages.values() for weight in module.parameters()]

    def keep() -> None:
        counters.update(seconds=budget.seconds, done=budget.done)
        tensors = dict(course.also)
        for name, module in {**course.modules, **course.averages}.items():
            tensors |= checkpoint.prefixed(name, module.state_dict())
        tensors |= checkpoint.prefixed("optimiser", checkpoint.optimiser_tensors(optimiser))
        checkpoint.store(path, tensors, counters)

    budget.start()
    kept_at = budget.seconds
    while not budget.over:
        for group in optimiser.param_groups:
            group["lr"] = rate(budget.progress, peak=course.peak, floor=course.floor)
        outcome = step(budget.done, budget.progress)
        if not math.isfinite(outcome.loss):
            hint = f"Start again from an older copy of {path.name}, or delete it."
            raise KnownError("The training's loss is not a number any more", hint=hint)
        for weight, gradient in zip(weights, outcome.gradients, strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        budget.tick()
        if kept:
            decay = min(course.decay, (1 + budget.done) / (10 + budget.done))
            with torch.no_grad():
                torch._foreach_lerp_(kept, live, 1 - decay)
        _count(counters, outcome, budget.done)
        figures = {"step": budget.done, "samples": counters["samples"], "loss": counters["loss"], "last": outcome.loss}
        figures |= {"seconds": budget.seconds, "seconds_left": budget.seconds_left, **outcome.figures}
        if not report(figures):
            keep()
            raise Stopped
        if budget.seconds - kept_at > save_every_seconds:
            keep()
            kept_at = budget.seconds
    keep()
    return counters


def fill(tensors: dict[str, torch.Tensor], modules: Mapping[str, nn.Module]) -> None:
    """Load each module from the tensors under its name. Raises: KnownError where they do not fit."""
    try:
        for name, module in modules.items():
            module.load_state_dict(checkpoint.under(name, tensors))
    except RuntimeError as error:
        hint = "Train with the settings it was made with, or name another work folder."
        raise KnownError("The checkpoint belongs to a network of another shape", hint=hint) from error


def _count(counters: dict[str, Any], outcome: Outcome, done: int) -> None:
    counters["samples"] = int(counters["samples"]) + outcome.samples
    counters["loss"] += (outcome.loss - counters["loss"]) * max(0.01, 1 / done)
    if done % counters["every"] == 0:
        counters["curve"].append([counters["samples"], round(counters["loss"], 5)])
        if len(counters["curve"]) > CURVE_POINTS:
            counters["curve"] = counters["curve"][1::2]
            counters["every"] *= 2
