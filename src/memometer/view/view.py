"""``memometer view``: an index of runs, with a page of all records for each audit."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from memometer.errors import InputError, MemometerError
from memometer.locking import writes
from memometer.progress import progress_bar, warn
from memometer.replacing import list_written, make_room
from memometer.report import write_report
from memometer.runs.loading import load_run
from memometer.view.index import index_row, write_index
from memometer.view.records import write_records
from memometer.view.tables import write_assets

__all__ = ["View", "view_runs"]

VIEW = "a view"

DEPTH = 3
"""Folders below a given one in which runs are looked for."""


class View(NamedTuple):
    """What was written.

    Attributes:
        page: the page to open.
        n_runs: runs on it.
        unread: the runs that could not be read, each with the reason.
    """

    page: Path
    n_runs: int
    unread: tuple[tuple[str, str], ...]


@writes("out")
def view_runs(
    runs: Sequence[str | Path],
    *,
    out: str | Path,
    records: str | Path | None = None,
    overwrite: bool = False,
) -> View:
    """Indexes runs in one page that opens from disk: findings, intervals, models, roles, dates, reports.

    Each audit of records also gets a page with all of them: captions, objects, scores, and the neighbours of both
    models where the run has them.

    Args:
        runs: folders of runs, or folders that hold such.
        out: the folder to write.
        records: the folder of the records, where it is no longer the one that the runs name.
        overwrite: replace an earlier view in OUT.

    Raises:
        InputError: no run is found, or OUT holds something else.
    """
    folder = Path(out)
    found = list(dict.fromkeys(each for given in runs for each in _runs_in(Path(given))))
    if not found:
        raise InputError(
            f"no run is in {', '.join(map(str, runs))}: no folder there, down to {DEPTH} below, has a summary.json; "
            "give the folders that 'memometer audit', 'utility', 'sweep' or 'compare' wrote"
        )
    make_room(folder, VIEW, overwrite=overwrite)
    list_written(folder, VIEW, ("runs", "assets", "index.html"))
    write_assets(folder)
    rows, unread = [], []
    with progress_bar("reading runs", total=len(found), unit="runs") as advance:
        for number, path in enumerate(found):
            advance(1)
            try:
                run = load_run(path)
            except MemometerError as error:
                unread.append((str(path), str(error)))
                warn(f"{path} is left out: {error}")
                continue
            place = folder / "runs" / f"{number:03d}"
            place.mkdir(parents=True)
            if (path / "report.html").is_file():
                shutil.copyfile(path / "report.html", place / "report.html")
            else:
                write_report(run, place / "report.html")
            shown = write_records(run, place, records=None if records is None else Path(records))
            rows.append(index_row(run, path, place=place.relative_to(folder).as_posix(), records=shown))
    return View(write_index(rows, folder), len(rows), tuple(unread))


def _runs_in(folder: Path, *, depth: int = 0) -> Iterator[Path]:
    """The folder itself, or the runs below it, by name."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folders of runs")
    if (folder / "summary.json").is_file():
        yield folder
    elif depth < DEPTH:
        for each in sorted(folder.iterdir()):
            if each.is_dir() and not each.is_symlink() and each.name != "stages":
                yield from _runs_in(each, depth=depth + 1)
