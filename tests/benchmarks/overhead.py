"""What the engine adds to a run: wall time beside the bare diffusers pipeline, in one process, in turns."""

import argparse
import queue
import statistics
import tempfile
import time
from pathlib import Path

from desktop.messages import TERMINAL, GenerationRequest, Preview, Saved
from desktop.settings import Folders
from desktop.studio import Studio
from tests.full_size import write_sd15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sd15", action="store_true", help="Stable Diffusion 1.5's real size, random weights, 3 steps")
    parser.add_argument("--turns", type=int, help="counted turns; one more comes first and is not counted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if arguments.sd15:
            model = str(write_sd15(root / "sd15"))
            request = GenerationRequest(
                prompt="a red apple", seed=1, model=model, steps=3, guidance_scale=7.0, width=512, height=512
            )
            compare(root / "data", request, arguments.turns or 3)
        else:
            compare(root / "data", GenerationRequest(prompt="a red apple", seed=1, steps=20), arguments.turns or 40)


def compare(data: Path, request: GenerationRequest, turns: int) -> None:
    """Both sides use the same networks in memory; the engine's side also previews every step and saves to disk."""
    import torch

    events: queue.Queue = queue.Queue()
    studio = Studio(Folders(root=data), events.put)
    studio.engine.start()

    def through_the_engine() -> tuple[float, int]:
        began = time.perf_counter()
        job = studio.engine.submit(request)
        previews = 0
        while True:
            event = events.get()
            previews += isinstance(event, Preview)
            if isinstance(event, TERMINAL) and event.job_id == job:
                assert isinstance(event, Saved), event
                took = time.perf_counter() - began
                studio.timelines.wait()  # another thread writes it, 40 ms the next turn must not pay for
                return took, previews

    through_the_engine()  # imports, loads, warms up
    model, family = studio.engine.holder.loaded  # the engine sleeps between jobs, so this thread may use its networks
    from diffusers import StableDiffusionPipeline

    from desktop.engine import schedulers
    from desktop.engine.families import Inputs

    scheduler = schedulers.make(request.scheduler, model.scheduler_config, request.seed)
    bare = StableDiffusionPipeline(
        **(model.pipelines["text_to_image"].components | {"scheduler": scheduler}), requires_safety_checker=False
    )
    bare.set_progress_bar_config(disable=True)

    def alone() -> float:
        began = time.perf_counter()
        bare(**family.arguments(bare, request, Inputs()), generator=torch.Generator("cpu").manual_seed(request.seed))
        return time.perf_counter() - began

    # On the engine's own thread: torch keeps a pool of threads for each thread that computes, and two pools on the
    # same cores more than double every time.
    results: queue.SimpleQueue = queue.SimpleQueue()
    studio.engine._load_ahead = lambda model: results.put(alone())

    def alone_on_its_thread() -> float:
        studio.engine.warm_up("bare")
        return results.get()

    alone_on_its_thread()
    pairs = []
    for turn in range(turns):
        if turn % 2:
            plain = alone_on_its_thread()
            ours, previews = through_the_engine()
        else:
            ours, previews = through_the_engine()
            plain = alone_on_its_thread()
        pairs.append((ours, plain))
    studio.close()
    ratios = [ours / plain for ours, plain in pairs]
    both = [statistics.median(side) for side in zip(*pairs, strict=True)]
    print(f"{request.steps} steps at {request.width}x{request.height}, {previews} previews, {turns} turns")
    print(f"engine  median {both[0]:.3f} s")
    print(f"bare    median {both[1]:.3f} s")
    print(f"ratio   of the medians {both[0] / both[1]:.3f}")
    print(f"ratio   of a turn: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
