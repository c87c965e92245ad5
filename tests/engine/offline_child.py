"""Run as a process of its own: refuses the internet in the kernel, then draws a picture from every file it is given,
and from two of them once more the way a user does, through the library and the engine.

Arguments: an empty folder, then pairs of a single file and its configuration. Prints one line of JSON for each, and
the names of those that were added.
"""

import json
import sys
import zlib
from pathlib import Path

from tests import no_sockets

no_sockets.refuse()
no_sockets.prove()

import torch  # noqa: E402 -- whatever these would open while they are imported is refused already

from desktop.engine import single_file  # noqa: E402
from desktop.engine.cancel import CancelToken  # noqa: E402
from desktop.library.library import Library  # noqa: E402
from desktop.library.recognise import recognise  # noqa: E402
from tests.engine.conftest import Bench, request  # noqa: E402
from tests.models import STARTER  # noqa: E402
from tests.small_models import draw, let_flux_be_small  # noqa: E402

let_flux_be_small()
folder, added = Path(sys.argv[1]), []
for file, config in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
    kind = recognise(Path(file))
    parts = single_file.load(
        Path(file), kind, dtype=torch.float32, token=CancelToken(), on_progress=lambda *_: None, config=Path(config)
    )
    pixels = draw(single_file.pipeline(parts))
    told = {"family": kind.family, "shape": list(pixels.shape), "crc": zlib.crc32(pixels.numpy().tobytes())}
    print(json.dumps(told), flush=True)
    if kind.family not in ("stable-diffusion-xl", "flux"):
        continue
    single_file.config_for = lambda kind, prediction, config=config: Path(config)  # the packaged one, small
    bench = Bench(Path(file), folder)
    bench.library = bench.engine._models = Library(builtin=STARTER, models=folder, added=folder / "models.json")
    info = bench.library.add(file)
    drawn = bench.image(request(model=info.name, scheduler=info.scheduler, steps=2, width=64, height=64))
    assert bench.engine.close(60)
    assert drawn.size == (64, 64)
    added.append(info.name)
print(json.dumps(added), flush=True)
no_sockets.prove()
