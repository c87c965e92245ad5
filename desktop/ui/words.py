"""The words the window writes for numbers and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from desktop.messages import PhaseChanged, Verified


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)


def duration(seconds: float) -> str:
    """Such as "4 s", "2 min 5 s" or "1 h 3 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _tr("{0} s").format(whole)
    if whole < 3600:
        return _tr("{0} min {1} s").format(whole // 60, whole % 60)
    return _tr("{0} h {1} min").format(whole // 3600, whole % 3600 // 60)


def size(count: int) -> str:
    """Bytes, such as "640 KB", "61 MB" or "3.4 GB"; thousands, as file managers count."""
    if count < 1_000_000:
        return _tr("{0} KB").format(max(0, round(count / 1000)))
    if count < 1_000_000_000:
        return _tr("{0} MB").format(round(count / 1_000_000))
    return _tr("{0} GB").format(f"{count / 1_000_000_000:.1f}")


def pixels(width: int, height: int) -> str:
    return f"{width} × {height}"


def phase(event: PhaseChanged) -> str:
    """What is being waited for."""
    from desktop.messages import Phase

    if event.phase == Phase.LOADING:
        if event.total_bytes:
            if event.total_bytes >= 1_000_000_000:
                done = f"{event.done_bytes / 1_000_000_000:.1f}"
            else:
                done = str(round(event.done_bytes / 1_000_000))
            return _tr("Loading model, {0} of {1}").format(done, size(event.total_bytes))
        return _tr("Loading model")
    return {
        Phase.IMPORTING: _tr("Importing torch"),
        Phase.ENCODING: _tr("Reading the prompt"),
        Phase.DENOISING: _tr("Developing"),
        Phase.DECODING: _tr("Turning latents into pixels"),
        Phase.SAVING: _tr("Saving"),
    }[event.phase]


def stage(name: str, text: str) -> str:
    """text, with what the model is at in front where it works in stages."""
    doing = {
        "prior": _tr("From words to an idea of the picture"),
        "decoder": _tr("Drawing"),
        "upscaler": _tr("Enlarging"),
    }.get(name)
    return text if doing is None else f"{doing} · {text}"


def verified(event: Verified) -> str:
    """Whether a picture could be made again."""
    if event.identical:
        return _tr("Made again: every pixel is the same")
    return _tr("Made again: not identical, the largest difference is {0} of 255, PSNR {1} dB").format(
        event.largest_difference, f"{event.psnr_db:.1f}"
    )


def changes(event: Verified) -> str:
    """What is not as it was when the picture was made."""
    if not event.differs:
        return "" if event.identical else _tr("Nothing that was written down has changed.")
    lines = (_tr("{0}: was {1}, is {2}").format(what, then, now) for what, then, now in event.differs)
    return _tr("Changed since. {0}.").format("; ".join(lines))


def pictures(count: int) -> str:
    return _tr("1 picture") if count == 1 else _tr("{0} pictures").format(count)


def schedulers() -> dict[str, tuple[str, str]]:
    """Code of a scheduler to its name and one teaching sentence."""
    return {
        "ddim": ("DDIM", _tr("Steady and repeatable. A good first choice, 20 to 50 steps.")),
        "ddpm": ("DDPM", _tr("The original. Adds fresh noise at each step and wants hundreds of them.")),
        "euler": ("Euler", _tr("Simple and quick, 20 to 30 steps.")),
        "euler_ancestral": (
            _tr("Euler ancestral"),
            _tr("Adds fresh noise at each step, so more steps keep changing the picture."),
        ),
        "heun": ("Heun", _tr("Looks ahead before each step: finer, at twice the time.")),
        "dpmpp_2m": ("DPM++ 2M", _tr("Fine pictures in 15 to 25 steps.")),
        "dpmpp_2m_karras": (
            "DPM++ 2M Karras",
            _tr("As DPM++ 2M, with more of the steps spent on fine detail."),
        ),
        "dpmpp_sde": ("DPM++ SDE", _tr("Adds fresh noise; rich detail, about twice the time.")),
        "unipc": ("UniPC", _tr("Good from about 10 steps on.")),
        "lms": ("LMS", _tr("Remembers earlier steps to take better ones. 20 to 40 steps.")),
        "lcm": ("LCM", _tr("For models made for 4 to 8 steps only; others stay rough with it.")),
        "flow_euler": (_tr("Euler (flow)"), _tr("For models trained by flow matching.")),
        "native": (_tr("The model’s own"), _tr("This model was made for one way of taking steps.")),
    }


def family(code: str) -> str:
    """The name of a model's family, such as "Stable Diffusion XL" for "stable-diffusion-xl"."""
    if code != code.lower():
        return code  # words already
    whole = {"xl": "XL", "if": "IF", "flux": "FLUX", "unclip": "unCLIP"}
    return " ".join(whole.get(part, part.capitalize()) for part in code.replace("_", "-").split("-"))


def scheduler(code: str) -> str:
    return schedulers().get(code, (code, ""))[0]
