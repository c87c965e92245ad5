"""A process of its own that compiles blocks of networks, so that the one that draws never waits for a compiler.

torch's compiler is not thread-safe (pytorch/pytorch#118260), and its Python would hold the interpreter's lock for
seconds. What it makes lands in torch's own cache on disk, from where the program takes it in a fraction of the time.

Reads one JSON object from its input: device, threads, and networks, each with class (of diffusers), config and units
(block, weights, inputs, see block_calls). Writes a line for each unit: "done", or "left" and why.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any


def compile_all(order: dict[str, Any], tell: Callable[[str], None]) -> None:
    import diffusers
    import torch

    from desktop.engine.block_calls import RECOMPILE_LIMIT

    torch.set_num_threads(order["threads"])
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT
    for wanted in order["networks"]:
        with torch.device("meta"):
            network = getattr(diffusers, wanted["class"]).from_config(wanted["config"])
        network.eval().requires_grad_(False)
        for unit in wanted["units"]:
            tell(_compiled(network, unit, order["device"]))


def _compiled(network: Any, unit: dict[str, str], device: str) -> str:
    import torch

    from desktop.engine import fused
    from desktop.engine.block_calls import example, fill

    try:
        block = network.get_submodule(unit["block"])
        fill(block, unit["weights"], device)
        args, kwargs = example(unit["inputs"], device)
        with torch.no_grad(), fused.in_place(fused.fusions(block)):
            torch.compile(block.forward, dynamic=False)(*args, **kwargs)
        block.to("meta")
    except Exception as error:  # a compiler fails in ways of its own
        return f"left {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return "done"


def main() -> int:
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    # What libraries print goes nowhere: the lines are counted.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers, open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        compile_all(json.load(sys.stdin), lambda line: print(line, file=answers, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
