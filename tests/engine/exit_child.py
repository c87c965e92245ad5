"""Run as a process of its own: ends while a thread nobody waits for checks a model over and over.

Arguments: a model's folder, a single file.
"""

import sys
import threading
from pathlib import Path

from desktop.engine import shapes
from desktop.engine.families import family_of
from desktop.engine.families.sources import check_shapes, open_model

models = [open_model(Path(argument)) for argument in sys.argv[1:]]
begun = threading.Event()


def check_for_ever() -> None:
    while True:
        for model in models:
            shapes._build.cache_clear()
            check_shapes(model, family_of(model).weighted(model))
        begun.set()


threading.Thread(target=check_for_ever, daemon=True).start()
assert begun.wait(200)
