"""The command that draws one picture for each pair of values of two settings, and a sheet of them all."""

import argparse
import json
import queue
from typing import TYPE_CHECKING

from desktop.console import Printer, open_studio, run
from desktop.drawing_arguments import check_start, request_of
from desktop.errors import KnownError
from desktop.files import check_writable, user_path
from desktop.grids import Axis, Grid, GridProgress, Results, from_step, make_grid, parse_axis
from desktop.messages import Event, GenerationRequest
from desktop.settings import Folders
from desktop.sheets import keep_sheet, sheet_among, sheet_into
from desktop.store.picture_file import open_picture
from desktop.store.recipe import Recipe, read_recipe
from desktop.studio import save_into

if TYPE_CHECKING:
    from PIL.Image import Image

# What is the picture's own where a grid grows from one of its steps, with what stands there when nothing was said.
_TRUNKS_OWN = {
    "model": "starter",
    "steps": None,
    "size": None,
    "init": None,
    "strength": None,
    "mask": None,
    "lora": [],
    "embedding": [],
}


class _GridPrinter(Printer):
    """Follows the grid as well."""

    def __init__(self, as_json: bool, progress: GridProgress) -> None:
        super().__init__(as_json)
        self._progress = progress

    def tell(self, event: Event) -> None:
        self._progress.take(event)
        super().tell(event)


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError."""
    check_start(arguments)
    x, y = _axis(arguments.x), None if arguments.y is None else _axis(arguments.y)
    trunk = _trunk(arguments)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    out, parts = None, {}
    if arguments.out is not None:
        out = user_path(arguments.out).absolute()
        check_writable(out)  # before the time is spent
        parts["save"] = save_into(out)
    if trunk is not None:
        parts["open_start"] = lambda fingerprint: _attached(trunk, fingerprint)
    studio = open_studio(folders, events.put, memory_mode=arguments.memory, **parts)
    try:
        base = request_of(arguments, studio) if trunk is None else _from_trunk(arguments, trunk.request)
        grid = make_grid(base, *((x,) if y is None else (x, y)))
        progress = GridProgress(grid)

        def submit(request: GenerationRequest) -> str:
            job = studio.engine.submit(request)
            progress.add(job, request)
            return job

        printer = _GridPrinter(arguments.json, progress)
        status = run(studio, events, list(grid.order), printer, keep=out is None, submit=submit)
        results = progress.results()
        sheet = keep_sheet(grid, results, sheet_among(studio.pictures) if out is None else sheet_into(out))
    finally:
        studio.close()
    if arguments.json:
        print(json.dumps(_told(grid, results, None if sheet is None else sheet.path)))
    elif sheet is not None:
        print(sheet.path)
    return status


def _axis(text: str) -> Axis:
    setting, equals, values = text.partition("=")
    if not equals:
        raise KnownError(f"{text[:60]!r} names no values", "Write SETTING=VALUES, such as steps=10-40:10.")
    return parse_axis(setting.strip(), values)


def _trunk(arguments: argparse.Namespace) -> Recipe | None:
    """The picture whose step the grid grows from."""
    if arguments.trunk is None:
        if arguments.step is not None:
            raise KnownError("--step needs a picture whose step it is", "Add --from IMAGE.")
        return None
    if arguments.step is None:
        raise KnownError("--from needs to know from which step", "Add --step K.")
    for name, unsaid in _TRUNKS_OWN.items():
        if getattr(arguments, name) != unsaid:
            raise KnownError(f"With --from, --{name} is the picture's own", "Leave it out.")
    return read_recipe(user_path(arguments.trunk))


def _from_trunk(arguments: argparse.Namespace, trunk: GenerationRequest) -> GenerationRequest:
    changes = {
        "guidance_scale": arguments.guidance,
        "scheduler": arguments.scheduler,
        "seed": arguments.seed,
        "negative_prompt": arguments.negative or None,
    }
    said = {name: value for name, value in changes.items() if value is not None}
    return from_step(trunk, arguments.step, prompt=arguments.prompt, **said)


def _attached(recipe: Recipe, fingerprint: str) -> "Image":
    png = recipe.picture_of(fingerprint)
    if png is None:
        raise KnownError("The start picture of --from is not in its file", "Choose another picture.")
    return open_picture(png)


def _told(grid: Grid, results: Results, path: str | None) -> dict[str, object]:
    """What --json says at the end."""
    cells = []
    for (column, row), result in results.items():
        cell: dict[str, object] = {"column": column, "row": row}
        cells.append(cell | ({"message": result} if isinstance(result, str) else {"path": result.path}))
    return {"event": "grid", "path": path, **grid.to_json(), "cells": cells}
