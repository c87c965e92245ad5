"""Pictures through the engine beside plain diffusers, in one process, in turns: the first, and those after compiling.

Both sides load the same folder of random weights and are called alike. The engine previews every step and saves to
disk. Needs no Qt; runs on whatever device torch finds.
"""

import argparse
import queue
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.messages import TERMINAL, GenerationRequest, PlanChosen, Saved
from desktop.settings import Folders
from desktop.studio import Studio
from tests.full_size import write_sd15, write_sdxl
from tests.models import STARTER

SIZES = {"starter": 256, "sd15": 512, "sdxl": 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=SIZES)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=10, help="pictures of either side after compiling")
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--wait", type=float, default=900, metavar="S", help="at most so long for the compiler")
    arguments = parser.parse_args()
    side = SIZES[arguments.model]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write = {"starter": lambda _: STARTER, "sd15": write_sd15, "sdxl": write_sdxl}[arguments.model]
        request = GenerationRequest(
            prompt="a red apple",
            seed=1,
            model=str(write(root / arguments.model)),
            steps=arguments.steps,
            guidance_scale=5.0,
            width=side,
            height=side,
            scheduler="ddim" if arguments.model == "sd15" else "euler" if arguments.model == "sdxl" else "dpmpp_2m",
        )
        compare(root / "data", request, arguments.compile, arguments.turns, arguments.wait)


def compare(data: Path, request: GenerationRequest, mode: str, turns: int, wait_s: float) -> None:
    import torch

    events: queue.Queue = queue.Queue()
    studio = Studio(Folders(root=data), events.put, compile_mode=mode)
    seed = 0

    def through_the_engine() -> float:
        nonlocal seed
        seed += 1
        began = time.perf_counter()
        job = studio.engine.submit(request.replace(seed=seed))
        while True:
            event = events.get()
            if isinstance(event, TERMINAL) and event.job_id == job:
                assert isinstance(event, Saved), event
                took = time.perf_counter() - began
                studio.timelines.wait()
                return took

    # On the engine's own thread, see overhead.
    results: queue.SimpleQueue = queue.SimpleQueue()
    load_ahead = studio.engine._load_ahead

    def on_the_engines_thread(work: Callable[[], Any]) -> Any:
        def answer(model: str | None) -> None:
            try:
                results.put((work(), None))
            except Exception as error:
                results.put((None, error))

        studio.engine._load_ahead = answer
        studio.engine.warm_up("bare")
        found, error = results.get()
        studio.engine._load_ahead = load_ahead
        if error is not None:
            raise error
        return found

    studio.engine.warm_up(request.model)
    studio.engine.start()
    loading = time.perf_counter()
    while studio.engine.holder is None or studio.engine.holder.loaded is None:
        time.sleep(0.1)
        assert time.perf_counter() - loading < 600, "the model could not be loaded; see the log"
    model, family = studio.engine.holder.loaded
    bare = on_the_engines_thread(lambda: _load(request, model))

    def alone() -> float:
        from desktop.engine.families import Inputs

        began = time.perf_counter()
        generator = torch.Generator("cpu").manual_seed(request.seed)
        bare(**family.arguments(bare, request, Inputs()), generator=generator)
        return time.perf_counter() - began

    def bare_turn() -> float:
        return float(on_the_engines_thread(alone))

    print(f"{model.info.title}, {request.steps} steps at {request.width}x{request.height}, {model.dtype}")
    print(f"on {studio.engine.holder.loaded[0].device}, torch {torch.__version__}: {_name(torch)}")
    plain, ours = bare_turn(), through_the_engine()
    print(f"first picture           engine {ours:.3f} s, plain {plain:.3f} s: {ours / plain:.3f}")
    if mode != "off":
        began = time.perf_counter()
        while time.perf_counter() - began < wait_s:
            try:
                event = events.get(timeout=1)
            except queue.Empty:
                continue
            if isinstance(event, PlanChosen) and "Compiled" in event.text:
                print(f"compiled                after {time.perf_counter() - began:.0f} s beside nothing else")
                break
        else:
            print("nothing was compiled")
    pairs = []
    for turn in range(turns):
        order = (through_the_engine, bare_turn) if turn % 2 else (bare_turn, through_the_engine)
        found = {work: work() for work in order}
        pairs.append((found[through_the_engine], found[bare_turn]))
    studio.close()
    ratios = [plain / ours for ours, plain in pairs]
    both = [statistics.median(times) for times in zip(*pairs, strict=True)]
    print(f"median of {turns} after that  engine {both[0]:.3f} s, plain {both[1]:.3f} s")
    print(
        f"times as fast           {both[1] / both[0]:.3f}; of a turn: median {statistics.median(ratios):.3f}, "
        f"from {min(ratios):.3f} to {max(ratios):.3f}"
    )


def _load(request: GenerationRequest, model: object) -> object:
    """The folder as diffusers gives it, with the engine's scheduler."""
    import diffusers

    from desktop.engine import schedulers

    pipeline = diffusers.DiffusionPipeline.from_pretrained(
        request.model, dtype=model.dtype, local_files_only=True, safety_checker=None
    ).to(model.device)
    pipeline.scheduler = schedulers.make(request.scheduler, model.scheduler_config, request.seed)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _name(torch: object) -> str:
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    main()
