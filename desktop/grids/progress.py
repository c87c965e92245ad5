"""How far the pictures of a grid are, told from the engine's events."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from desktop.grids.grid import Grid
from desktop.messages import Cancelled, Event, Failed, Frame, GenerationRequest, PictureRecord, Preview, Saved, Started

Place = tuple[int, int]  # column, row
Results = dict[Place, PictureRecord | str]  # what became of each cell; a sentence where there is no picture


class CellState(enum.StrEnum):
    WAITING = "waiting"
    DRAWING = "drawing"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """frame, step, total: of the newest step, while it is drawn. record: once it is done. message: why it failed."""

    state: CellState = CellState.WAITING
    frame: Frame | None = None
    step: int = 0
    total: int = 0
    record: PictureRecord | None = None
    message: str = ""


class GridProgress:
    """Of one thread only. Attributes: grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._jobs: dict[str, GenerationRequest] = {}
        self._cells: dict[GenerationRequest, Cell] = {request: Cell() for request in grid.order}

    def add(self, job_id: str, request: GenerationRequest) -> None:
        """The engine has taken on this picture."""
        self._jobs[job_id] = request

    def take(self, event: Event) -> tuple[Place, ...]:
        """The cells that an event changed; none where it is about something else."""
        request = self._jobs.get(getattr(event, "job_id", None) or "")
        if request is None:
            return ()
        match event:
            case Started():
                cell = Cell(state=CellState.DRAWING)
            case Preview(frame=frame, step=step, total=total):
                before = self._cells[request]
                cell = Cell(state=CellState.DRAWING, frame=frame or before.frame, step=step, total=total)
            case Saved(record=record):
                cell = Cell(state=CellState.DONE, frame=self._cells[request].frame, record=record)
            case Failed(message=message, hint=hint):
                cell = Cell(state=CellState.FAILED, message=f"{message.rstrip('.')}. {hint}".strip())
            case Cancelled():
                cell = Cell(state=CellState.STOPPED)
            case _:
                return ()
        self._cells[request] = cell
        return self.grid.places(request)

    def settle(self, drawn: Mapping[GenerationRequest, PictureRecord]) -> None:
        """Of a grid that is taken up again: what no job is going to draw is done already, or never will be."""
        for request in set(self._cells) - set(self._jobs.values()):
            record = drawn.get(request)
            state = CellState.STOPPED if record is None else CellState.DONE
            self._cells[request] = Cell(state=state, record=record)

    def cell(self, column: int, row: int) -> Cell:
        return self._cells[self.grid.at(column, row)]

    def job_at(self, column: int, row: int) -> str | None:
        """The job that draws the cell, or is going to; None once it has ended."""
        request = self.grid.at(column, row)
        if self._cells[request].state not in (CellState.WAITING, CellState.DRAWING):
            return None
        return next((job for job, other in self._jobs.items() if other == request), None)

    @property
    def open_jobs(self) -> tuple[str, ...]:
        """Those that have not ended, the last to run first, so that none starts while the others are stopped."""
        going = (CellState.WAITING, CellState.DRAWING)
        return tuple(job for job, request in reversed(self._jobs.items()) if self._cells[request].state in going)

    def count(self, state: CellState) -> int:
        """How many of the pictures, each counted once, are in this state."""
        return sum(cell.state is state for cell in self._cells.values())

    @property
    def total(self) -> int:
        return len(self._cells)

    def results(self) -> Results:
        """Safe to hand to another thread."""
        found: Results = {}
        for row in range(self.grid.rows):
            for column in range(self.grid.columns):
                cell = self.cell(column, row)
                stopped = "Stopped" if cell.state is CellState.STOPPED else ""
                found[column, row] = cell.record or cell.message or stopped
        return found

    @property
    def ended(self) -> bool:
        return not (self.count(CellState.WAITING) or self.count(CellState.DRAWING))
