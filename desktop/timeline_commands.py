"""The commands about the steps a picture came by: going on from one of them, and showing them."""

import argparse
import queue
from typing import TYPE_CHECKING

from desktop.console import Printer, open_studio, run
from desktop.errors import KnownError
from desktop.files import check_writable, user_path
from desktop.messages import Branch, Event
from desktop.settings import Folders
from desktop.store.picture_file import open_picture
from desktop.store.recipe import Recipe, read_recipe
from desktop.store.timelines import KEY, Timelines
from desktop.studio import save_into

if TYPE_CHECKING:
    from PIL.Image import Image


def branch(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError."""
    if not 1 <= arguments.count <= 1000:
        raise KnownError(f"The count is {arguments.count}", "Use a whole number from 1 to 1000.")
    recipe = read_recipe(user_path(arguments.image))
    trunk = recipe.request
    changes = {
        "prompt": arguments.prompt,
        "negative_prompt": arguments.negative,
        "guidance_scale": arguments.guidance,
        "scheduler": arguments.scheduler,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    request = trunk.replace(branch=Branch(trunk=trunk, step=arguments.step), **changes)
    if arguments.seed is not None:
        first = arguments.seed
    else:  # the trunk's own noise goes on in the first, unless that would only be the trunk once more
        first = trunk.seed if changes or arguments.count == 1 else trunk.seed + 1
    seeds = range(first, first + arguments.count)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    save = None
    if arguments.out is not None:
        out = user_path(arguments.out).absolute()
        check_writable(out)
        save = save_into(out)
    studio = open_studio(folders, events.put, save=save, open_start=lambda sha256: _attached(recipe, sha256))
    try:
        return run(studio, events, [request.replace(seed=seed) for seed in seeds], Printer(arguments.json))
    finally:
        studio.close()


def _attached(recipe: Recipe, fingerprint: str) -> "Image":
    """The start picture or the mask that travels inside the picture's file."""
    png = recipe.picture_of(fingerprint)
    if png is None:
        raise KnownError(
            "The picture was made from a start picture that is not in its file", "It cannot be branched from."
        )
    return open_picture(png)


def timeline(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError."""
    from desktop.store.timeline_export import export

    if arguments.usage or arguments.limit is not None:
        return _room(folders, arguments.limit)
    if arguments.image is None:
        raise KnownError("Which picture's steps?", "Name its file, or ask for --usage.")
    path = user_path(arguments.image)
    recipe = read_recipe(path)
    name = recipe.extra.get(KEY)
    if name is None:
        raise KnownError(f"{path.name} has no timeline", "Pictures written with --out keep none.")
    steps = Timelines(folders.timelines).read(str(name))
    if arguments.export is not None:
        target = user_path(arguments.export).absolute()
        export(target, steps, open_picture(path), "x_t" if arguments.noisy else "x_0")
        print(target)
        return 0
    for step in steps:
        level = "" if step.log_snr is None else f"  log SNR {step.log_snr:7.2f}"
        change = "" if step.change is None else f"  changed {100 * step.change:5.1f} %"
        print(f"step {step.index:3d}  {step.stage:<8}  t {step.timestep:6.1f}{level}{change}")
    return 0


def _room(folders: Folders, limit_bytes: int | None) -> int:
    """How much room all timelines take; with a limit, after what is too much has been thinned or dropped."""
    from desktop.store.database import Database
    from desktop.store.kinship import Kinship
    from desktop.store.pictures import Pictures
    from desktop.store.timeline_limit import TimelineLimit

    folders.make()
    database = Database(folders.database)
    try:
        limit = TimelineLimit(folders.timelines, Kinship(database, Pictures(database, folders)).timelines)
        if limit_bytes is not None:
            limit.set(limit_bytes)
            limit.thin()
        usage = limit.usage()
    finally:
        database.close_all()
    print(f"{_megabytes(usage.bytes)} of {_megabytes(usage.limit_bytes)}, the steps of {usage.count} pictures")
    return 0


def _megabytes(count: int) -> str:
    return f"{count / 10**9:.2f} GB" if count >= 10**9 else f"{count / 10**6:.1f} MB"
