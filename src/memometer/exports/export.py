"""One entry for every form: ``memometer export RUN --to FORM``."""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from memometer.errors import InputError
from memometer.exports.forms import FORMS, Form
from memometer.locking import writes
from memometer.progress import notice
from memometer.replacing import list_written, make_room
from memometer.runs import Run
from memometer.runs.loading import load_run

__all__ = ["Asked", "Exported", "Exporter", "export_run"]

EXPORT = "an export"


class Asked(NamedTuple):
    """What an export is asked for beside the run.

    Attributes:
        out: an empty folder.
        records: the folder of the run's records; None for those that its config names.
        by: the column of ``samples.parquet`` to rank by, or the difference of two, ``COLUMN-COLUMN``.
        most: how many records of the ranking; None takes all that have a value.
    """

    out: Path
    records: Path | None
    by: str | None
    most: int | None


class Exporter(Protocol):
    """Writes a run in one form."""

    def __call__(self, run: Run[Any], asked: Asked) -> list[Path]:
        """The files that it wrote into ``asked.out``."""
        ...


class Exported(NamedTuple):
    """What was written.

    Attributes:
        form: as asked.
        folder: where.
        files: in it, relative to it; of many of one kind the first.
    """

    form: Form
    folder: Path
    files: tuple[str, ...]


@writes("out")
def export_run(
    run: str | Path,
    *,
    to: Form,
    out: str | Path,
    records: str | Path | None = None,
    by: str | None = None,
    most: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Writes a finished run in the form of another tool.

    Args:
        run: the folder that an audit, 'memometer utility', 'sweep' or 'compare' wrote.
        to: the form.
        out: the folder to write.
        records: the folder of the records, where it is no longer the one that the run names (keys, fiftyone).
        by: the column of samples.parquet to rank records by, the highest first, or the difference of two of its
            columns, COLUMN-COLUMN (keys).
        most: how many of the ranked records, by default all (keys).
        overwrite: replace what an earlier export left in OUT.

    Raises:
        InputError: there is no such run or form, OUT holds something else, or the run lacks what the form needs.
    """
    if to not in FORMS:
        raise InputError(f"no export '{to}' is known; expected one of {', '.join(FORMS)}")
    if most is not None and most < 1:
        raise InputError(f"{most} records are to be exported; expected 1 or more")
    found, folder = load_run(Path(run)), Path(out)
    make_room(folder, EXPORT, overwrite=overwrite)
    exporter: Exporter = import_module(f"memometer.exports.{FORMS[to].module}").export
    files = exporter(found, Asked(folder, None if records is None else Path(records), by, most))
    names = tuple(path.relative_to(folder).as_posix() for path in files)
    list_written(folder, EXPORT, names)
    notice(f"wrote {', '.join(names[:4])} to {folder}")
    return Exported(to, folder, names)
