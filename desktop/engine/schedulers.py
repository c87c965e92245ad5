"""The schedulers a request can name, as diffusers objects."""

from typing import Any

from desktop.errors import KnownError

_CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpmpp_2m_karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "dpmpp_sde": ("DPMSolverSDEScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "flow_euler": ("FlowMatchEulerDiscreteScheduler", {}),
}
# What a request's scheduler decides, not the model's configuration; only one of them may be set.
_SPACINGS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")


def make(name: str, config: dict[str, Any], seed: int) -> Any:
    """A fresh scheduler for one run, so that no state of an earlier run leaks into it.

    config: the scheduler configuration that came with the model; the noise schedule is taken from it.
    seed: for the one scheduler that draws its noise itself.
    """
    import diffusers

    if name == "native":
        cls = getattr(diffusers, str(config.get("_class_name")), None)
        if not (isinstance(cls, type) and issubclass(cls, diffusers.SchedulerMixin)):
            raise KnownError("The model's own scheduler is not known", "Get the model again, whole.")
        return cls.from_config(config)
    class_name, changes = _CLASSES[name]
    # Latents are not pixels: clipping x_0 to -1..1, the default of two classes, would burn them.
    changes = {"clip_sample": False, "thresholding": False} | dict.fromkeys(_SPACINGS, False) | changes
    if name == "dpmpp_sde":
        changes["noise_sampler_seed"] = seed % 2**63  # torchsde's seeds are signed
    cls = getattr(diffusers, class_name)
    expected = cls._get_init_keys(cls)
    return cls.from_config(config, **{key: value for key, value in changes.items() if key in expected})
