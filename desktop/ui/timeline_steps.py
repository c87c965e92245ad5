"""The steps of the picture that develops, as they come in, and what is said of a step."""

from PySide6.QtCore import QCoreApplication

from desktop import frames
from desktop.messages import GenerationRequest, Preview, TimelineStep
from desktop.thinning import Thinning

BYTES_MAX = 128 * 2**20  # of frames, most of them the engine's own objects; a longer run keeps every second step


def _tr(text: str) -> str:
    return QCoreApplication.translate("TimelineBar", text)


class LiveSteps:
    """Attributes: job_id, request of the job; total, how many steps it takes; newest, the last preview of it."""

    def __init__(self, job_id: str, request: GenerationRequest, bytes_max: int = BYTES_MAX) -> None:
        self.job_id, self.request = job_id, request
        self.total = request.steps
        self.newest: Preview | None = None
        self._kept: Thinning[TimelineStep] = Thinning(bytes_max, lambda step, before: _bytes(step))

    @property
    def steps(self) -> tuple[TimelineStep, ...]:
        return tuple(self._kept.items)

    @property
    def ahead(self) -> int:
        """How many are still to be kept."""
        last = self._kept.last
        return -(-max(0, self.total - (0 if last is None else last.index)) // self._kept.stride)

    def take(self, event: Preview) -> None:
        self.newest, self.total = event, event.total
        if event.taken is None:
            return
        last = self._kept.last
        if last is not None and last.index >= event.step:  # the end of a trunk's beginning that was run again
            self._kept.remove(lambda step: step.index >= event.step)
        self._kept.append(event.taken)


def _bytes(step: TimelineStep) -> int:
    return sum(len(frame.rgb) for frame in (step.x_0, step.x_t) if frame is not None)


def place_of(steps: tuple[TimelineStep, ...], index: int) -> int:
    """Where the step of this index is, or the nearest that is kept."""
    return min(range(len(steps)), key=lambda place: abs(steps[place].index - index), default=0)


def change(steps: tuple[TimelineStep, ...], place: int) -> float | None:
    """Of x_0 to the step before, 0 to 1; that of a step that has just been taken is found when it is asked for."""
    step = steps[place]
    if step.change is not None or place == 0 or steps[place - 1].index != step.index - 1:
        return step.change
    return frames.change(steps[place - 1].x_0, step.x_0)


def level(step: TimelineStep) -> str:
    """How much noise there is, in the words of the papers; "" where it is not known."""
    sigma = "" if step.sigma is None else _tr("σ {0}").format(f"{step.sigma:.3f}")
    snr = "" if step.log_snr is None else _tr("log SNR {0}").format(f"{step.log_snr:.2f}".replace("-", "−"))
    return ", ".join(text for text in (sigma, snr) if text)
