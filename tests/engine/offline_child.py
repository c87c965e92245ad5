"""Run as a process of its own: refuses the internet in the kernel, then draws a picture from every file it is given.

Arguments: pairs of a single file and its configuration. Prints one line of JSON for each.
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
from desktop.library.recognise import recognise  # noqa: E402
from tests.small_models import draw, let_flux_be_small  # noqa: E402

let_flux_be_small()
for file, config in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    kind = recognise(Path(file))
    parts = single_file.load(
        Path(file), kind, dtype=torch.float32, token=CancelToken(), on_progress=lambda *_: None, config=Path(config)
    )
    pixels = draw(single_file.pipeline(parts))
    told = {"family": kind.family, "shape": list(pixels.shape), "crc": zlib.crc32(pixels.numpy().tobytes())}
    print(json.dumps(told), flush=True)
no_sockets.prove()
