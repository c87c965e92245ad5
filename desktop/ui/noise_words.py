"""What the noise view teaches, for schedules of both kinds."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from desktop.ui.noise_numbers import decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """authors: as it is cited, with the year."""

    authors: str
    title: str
    arxiv: str

    @property
    def address(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv}"


HO = Paper(authors="Ho et al. 2020", title="Denoising Diffusion Probabilistic Models", arxiv="2006.11239")
SONG = Paper(authors="Song et al. 2021", title="Denoising Diffusion Implicit Models", arxiv="2010.02502")
KARRAS = Paper(
    authors="Karras et al. 2022",
    title="Elucidating the Design Space of Diffusion-Based Generative Models",
    arxiv="2206.00364",
)
LIPMAN = Paper(authors="Lipman et al. 2022", title="Flow Matching for Generative Modeling", arxiv="2210.02747")


def papers(is_flow: bool) -> tuple[Paper, ...]:
    return (LIPMAN, KARRAS) if is_flow else (HO, SONG, KARRAS)


def formula(is_flow: bool) -> str:
    """Rich text."""
    if is_flow:
        return "x<sub>t</sub> = (1 − σ<sub>t</sub>) x<sub>0</sub> + σ<sub>t</sub> ε"
    return "x<sub>t</sub> = √ᾱ<sub>t</sub> x<sub>0</sub> + √(1 − ᾱ<sub>t</sub>) ε"


def formula_at(t: int, alpha: float, sigma: float) -> str:
    """The formula with its numbers. Rich text."""
    return f"x<sub>{t}</sub> = {decimal(alpha, 3)} x<sub>0</sub> + {decimal(sigma, 3)} ε"


def lesson(is_flow: bool) -> tuple[str, ...]:
    """Paragraphs, rich text."""
    if is_flow:
        return (
            _tr(
                "<b>x<sub>0</sub></b> is the picture, <b>ε</b> is normal noise. Flow matching joins the two by a "
                "straight line: σ<sub>t</sub> says how far along it x<sub>t</sub> lies."
            ),
            _tr(
                "The model learns the direction of that line, ε − x<sub>0</sub>, and makes a picture by going back "
                "along it. There is no β: the line is no chain of small random steps."
            ),
            _tr("Karras et al. measure noise by the ratio σ/α alone, and choose the steps of a sampler by it."),
        )
    return (
        _tr(
            "<b>x<sub>0</sub></b> is the picture, <b>ε</b> is normal noise. Each step keeps √(1 − β<sub>t</sub>) of "
            "what is there and adds noise of variance β<sub>t</sub>. A sum of normal noise is normal noise again, so "
            "any step is reached at once: ᾱ<sub>t</sub> is the product of 1 − β up to t (Ho et al., equation 4). "
            "At t = 0 the first step is in already."
        ),
        _tr(
            "The training needs only this one-shot formula, never the chain. That is why DDIM may leave steps out and "
            "add no noise of its own on the way back (Song et al.)."
        ),
        _tr("Karras et al. measure noise by the ratio σ/α alone, and choose the steps of a sampler by it."),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("NoiseWords", text)
