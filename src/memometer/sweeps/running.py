"""Runs the cells of a sweep, one after another, whatever becomes of one of them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from memometer.errors import InputError
from memometer.progress import notice, progress_bar, warn
from memometer.sweeps.cell import (
    Machine,
    claimed,
    clear_cell,
    drop_weights,
    foreign_key,
    read_cell,
    record_error,
    run_cell,
)
from memometer.sweeps.plan import Cell, Plan

__all__ = ["Keep", "Outcome", "check_folders", "run_cells"]

Keep = Literal["models", "none"]

Outcome = Literal["finished", "failed", "elsewhere"]
"""What became of a cell; ``elsewhere`` is under way in another process."""


def check_folders(cells: Sequence[Cell], *, overwrite: bool) -> None:
    """Passes where no cell's folder holds a cell of other options or records, or clears those that do.

    Raises:
        InputError: some do, and ``overwrite`` is not set.
    """
    foreign = [cell for cell in cells if foreign_key(cell)]
    if foreign and not overwrite:
        raise InputError(
            f"{len(foreign)} of {len(cells)} cells were computed, or begun, with other options, records or files, e.g. "
            f"'{foreign[0].name}' in {foreign[0].folder}; choose another --out, or pass --overwrite to compute them "
            "anew"
        )
    for cell in foreign:
        with claimed(cell) as ours:
            if not ours:
                raise InputError(f"the cell '{cell.name}' is under way in another process; stop that one first")
            clear_cell(cell)


def run_cells(plan: Plan, cells: Sequence[Cell], machine: Machine, *, keep: Keep = "models") -> dict[Cell, Outcome]:
    """Computes the cells that are not finished; a failed one is noted in its folder, and the others go on.

    Args:
        plan: the sweep.
        cells: all of them, or those of a shard.
        machine: where they run.
        keep: ``"none"`` removes the weights of every cell that is finished.
    """
    outcomes: dict[Cell, Outcome] = {}
    with progress_bar("sweep", total=len(cells), unit="cells") as advance:
        for place, cell in enumerate(cells, start=1):
            with claimed(cell) as ours:
                outcomes[cell] = _outcome(plan, cell, machine, ours=ours, place=f"{place}/{len(cells)}", tell=advance)
                if keep == "none" and outcomes[cell] == "finished":
                    drop_weights(cell)
            advance(1)
    return outcomes


def _outcome(plan: Plan, cell: Cell, machine: Machine, *, ours: bool, place: str, tell: Callable[..., None]) -> Outcome:
    if read_cell(cell) is not None:
        return "finished"
    if not ours:
        notice(f"cell {place}, {cell.name}: under way in another process")
        return "elsewhere"
    if foreign_key(cell):
        raise InputError(
            f"another sweep, of other options or records, has begun the cell '{cell.name}' in {cell.folder} since; "
            "choose another --out"
        )
    notice(f"cell {place}, {cell.name}")
    try:
        result = run_cell(plan, cell, machine, stage=lambda name: tell(0, f"{cell.name}: {name}"))
    except Exception as error:  # noqa: BLE001 (whatever fails in one cell, the others go on)
        record_error(cell, error)
        warn(f"cell {place}, {cell.name}, failed: {error}")
        return "failed"
    notice(f"cell {place}, {cell.name}: {_gist(result)}")
    return "finished"


def _gist(result: dict[str, Any]) -> str:
    """A finished cell in one line."""
    gap = next(
        row["value"]
        for row in result["numbers"]
        if (row["metric"], row["scope"], row["direction"]) == ("prg", "unmentioned", "balanced")
    )
    seconds = result["made"]["seconds"]
    shown = "undefined" if gap is None else f"{gap:+.3f}"
    return (
        f"balanced PRG, unmentioned {shown}; training {seconds['training']:,.0f} s, the rest {seconds['rest']:,.0f} s"
    )
