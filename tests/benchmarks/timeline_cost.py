"""What keeping the timeline adds to a run: wall time with it beside without it, in one process, in turns."""

import argparse
import queue
import statistics
import tempfile
import time
from pathlib import Path

from desktop.engine.timeline import TimelineRecorder
from desktop.messages import TERMINAL, GenerationRequest, Saved
from desktop.settings import Folders
from desktop.studio import Studio
from tests.full_size import write_sd15


class TimedRecorder(TimelineRecorder):
    """spent: seconds of each run inside the recorder, on the engine's thread."""

    spent: list[float] = []  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.spent.append(0.0)

    def take(self, *arguments):
        began = time.perf_counter()
        taken = super().take(*arguments)
        self.spent[-1] += time.perf_counter() - began
        return taken


class NoRecorder:
    """In the recorder's place: nothing is collected. Previews are shown as ever."""

    def take(self, stage, step, frame, model):
        return None

    def steps(self):
        return ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sd15", action="store_true", help="Stable Diffusion 1.5's real size, random weights, 3 steps")
    parser.add_argument("--turns", type=int, help="counted turns; one more comes first and is not counted")
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        request = GenerationRequest(prompt="a red apple", seed=1, steps=arguments.steps or 20)
        if arguments.sd15:
            request = request.replace(
                model=str(write_sd15(root / "sd15")),
                steps=arguments.steps or 3,
                guidance_scale=7.0,
                width=512,
                height=512,
            )
        compare(root / "data", request, arguments.turns or (3 if arguments.sd15 else 40))


def compare(data: Path, request: GenerationRequest, turns: int) -> None:
    """The timeline's file is written by a thread of its own; its time is printed, and not part of a turn."""
    from desktop.engine import step_reporter

    events: queue.Queue = queue.Queue()
    studio = Studio(Folders(root=data), events.put)
    studio.engine.start()
    written: list[float] = []

    def run(keep: bool) -> float:
        step_reporter.TimelineRecorder = TimedRecorder if keep else NoRecorder
        began = time.perf_counter()
        job = studio.engine.submit(request)
        while True:
            event = events.get()
            if isinstance(event, TERMINAL) and event.job_id == job:
                assert isinstance(event, Saved), event
                break
        took = time.perf_counter() - began
        studio.timelines.wait()
        if keep:
            written.append(time.perf_counter() - began - took)
        return took

    run(keep=True)  # imports, loads, warms up
    pairs = []
    for turn in range(turns + 1):
        if turn % 2:
            without, kept = run(keep=False), run(keep=True)
        else:
            kept, without = run(keep=True), run(keep=False)
        if turn:
            pairs.append((kept, without))
    inside = [spent / kept for spent, (kept, _) in zip(TimedRecorder.spent[2:], pairs, strict=True)]
    usage = studio.timelines.usage()
    studio.close()
    ratios = [kept / without for kept, without in pairs]
    both = [statistics.median(side) for side in zip(*pairs, strict=True)]
    print(f"{request.steps} steps at {request.width}x{request.height}, {turns} turns")
    print(f"kept     median {both[0]:.3f} s, then {statistics.median(written):.3f} s of another thread to write it")
    print(f"without  median {both[1]:.3f} s")
    print(f"ratio    of the medians {both[0] / both[1]:.4f}")
    print(f"ratio    of a turn: median {statistics.median(ratios):.4f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"inside   {100 * statistics.median(inside):.3f} % of a run is spent in collecting")
    kept = usage.count - turns - 1  # without, an empty one is written
    print(f"size     {usage.bytes / max(1, kept) / 1000:.0f} KB a timeline")


if __name__ == "__main__":
    main()
