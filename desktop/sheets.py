"""The sheet of a grid, from its pictures on disk to a picture of its own."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import KnownError
from desktop.grids import Grid, Results
from desktop.messages import GenerationRequest, PictureRecord
from desktop.store.names import claimed, picture_name
from desktop.store.picture_file import open_picture
from desktop.store.pictures import Pictures
from desktop.store.recipe import GRID, write_png
from desktop.store.sheet import SUFFIX, draw_sheet, room_of

if TYPE_CHECKING:
    from PIL.Image import Image

SaveSheet = Callable[..., PictureRecord]  # called as keep_sheet does


def keep_sheet(grid: Grid, results: Results, save: SaveSheet) -> PictureRecord | None:
    """Draw the sheet and save it as a picture with the grid's description; None where no picture was made.

    save: takes the request that all pictures share, the sheet, seconds and what the description goes into. Reads and
    writes files. Raises KnownError where the disk refuses.
    """
    cells: dict[tuple[int, int], Image | str] = {}
    room = None  # a grid's pictures are all of one size, so that the first one tells how large each will be
    for place, result in results.items():
        if isinstance(result, str):
            cells[place] = result
            continue
        try:
            picture = open_picture(Path(result.path))
        except KnownError as error:  # moved or deleted meanwhile
            cells[place] = error.message
            continue
        room = room or room_of(picture.size, grid.columns, grid.rows)
        cells[place] = _reduced(picture, room)  # now: a hundred at full size may be more than the memory holds
    records = {result.path: result for result in results.values() if not isinstance(result, str)}
    if not any(not isinstance(cell, str) for cell in cells.values()):
        return None
    sheet = draw_sheet(grid.x.labels, grid.row_labels, cells, caption(grid))
    files = [
        ["" if isinstance(r := results[column, row], str) else Path(r.path).name for column in range(grid.columns)]
        for row in range(grid.rows)
    ]
    seconds = sum(record.seconds for record in records.values())
    return save(grid.base, sheet, seconds=seconds, made={GRID: grid.to_json() | {"pictures": files}})


def _reduced(picture: "Image", room: tuple[int, int]) -> "Image":
    """Within the room; a smaller one stays as it is."""
    from PIL.Image import Resampling

    share = min(room[0] / picture.width, room[1] / picture.height)
    if share >= 1:
        return picture
    side = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(side, Resampling.LANCZOS)


def caption(grid: Grid) -> str:
    """What all pictures share."""
    request = grid.base
    facts = {
        "words": request.prompt,
        "model": request.model,
        "size": f"{request.width}×{request.height}",
        "seed": f"seed {request.seed}",
        "steps": f"{request.steps} steps",
        "guidance": f"guidance {request.guidance_scale:g}",
        "scheduler": request.scheduler,
    }
    if request.branch is not None:
        facts["branch"] = f"from step {request.branch.step}"
    vary = {axis.setting for axis in (grid.x, grid.y) if axis is not None} - {"words"}
    return " · ".join(text for setting, text in facts.items() if setting not in vary)


def sheet_into(folder: Path) -> SaveSheet:
    """A way of saving that writes the sheet into a folder, and into no gallery."""

    def save(request: GenerationRequest, image: "Image", *, seconds: float, made: dict[str, object]) -> PictureRecord:
        now = time.time()
        with claimed(folder, picture_name(request, now).rpartition("/")[2] + SUFFIX) as path:
            write_png(path, image, request, made)
        return PictureRecord(id=0, path=str(path), request=request, created_at=now, seconds=seconds)

    return save


def sheet_among(pictures: Pictures) -> SaveSheet:
    """A way of saving that makes the sheet one of the gallery's pictures, under the settings all its cells share."""
    return functools.partial(pictures.save, suffix=SUFFIX)
