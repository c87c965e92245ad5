"""The X/Y grid: one picture for each pair of values of two settings. No Qt, no torch."""

from desktop.grids.axis import SETTINGS, Axis, parse_axis
from desktop.grids.grid import CELLS_MAX, Grid, from_step, grid_from, make_grid, steps_to_take
from desktop.grids.progress import Cell, CellState, GridProgress, Results

__all__ = [
    "CELLS_MAX",
    "SETTINGS",
    "Axis",
    "Cell",
    "CellState",
    "Grid",
    "GridProgress",
    "Results",
    "from_step",
    "grid_from",
    "make_grid",
    "parse_axis",
    "steps_to_take",
]
