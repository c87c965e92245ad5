"""Whether a chain that one scheduler began may go on with another: the rule, without the arithmetic.

Two schedulers can take over from each other where both walk down the same forward process q(x_t | x_0), that of the
model's own noise schedule, from T to 0: then each of them can start at any noise level. What takes a chain from one
to the other is in engine/crossing.py.
"""

from desktop.errors import KnownError

# All of these read the model's cumulative alphas; they differ in where they stop on the way and how they get there.
DISCRETE_SCHEDULERS = (
    "ddim",
    "ddpm",
    "euler",
    "euler_ancestral",
    "heun",
    "dpmpp_2m",
    "dpmpp_2m_karras",
    "dpmpp_sde",
    "unipc",
    "lms",
    "lcm",
)


def can_take_over(before: str, after: str) -> bool:
    """Whether `after` can go on where `before` stands; the same one always can."""
    return before == after or (before in DISCRETE_SCHEDULERS and after in DISCRETE_SCHEDULERS)


def check(before: str, after: str) -> None:
    """Raises KnownError where the one cannot go on with the other's chain."""
    if can_take_over(before, after):
        return
    why = (
        "flow matching walks along another path from noise to picture"
        if "flow_euler" in (before, after)
        else "the model's own way of taking steps is not known well enough"
    )
    raise KnownError(
        f"A picture begun with the scheduler {before} cannot go on with {after}: {why}",
        "Keep the scheduler, or begin from noise.",
    )
