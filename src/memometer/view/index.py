"""The index: one row per run."""

from pathlib import Path
from typing import Any

from memometer import __version__
from memometer.catalogue import headline_of, page_of
from memometer.report.text import clip
from memometer.runs import Run
from memometer.view.tables import Column, page_with_table, write_rows

__all__ = ["COLUMNS", "index_row", "write_index"]

COLUMNS = (
    Column("Run"),
    Column("Report", "link"),
    Column("Records", "link"),
    Column("Measure"),
    Column("Finding"),
    Column("Number"),
    Column("Value", "number"),
    Column("Low", "number"),
    Column("High", "number"),
    Column("n", "number"),
    Column("Target"),
    Column("Reference"),
    Column("Roles"),
    Column("Finished"),
)
MAX_TEXT = 200


def index_row(run: Run[Any], path: Path, *, place: str, records: int | None) -> list[Any]:
    """What the index says of one run.

    Args:
        run: of any kind.
        path: where it was found.
        place: its folder within the view.
        records: how many records its page has; None for no such page.
    """
    page, config = page_of(run.summary.measure), run.config
    name, number = next(iter((headline_of(run.summary) or {}).items()), ("", None))
    roles = [
        f"{key.removesuffix('role').strip('_') or 'records'}: {value}"
        for key, value in config.items()
        if key.endswith("role") and value
    ]
    values = (None,) * 4 if number is None else (number.value, number.low, number.high, number.n)
    return [
        path.name,
        ["report", f"{place}/report.html"],
        None if records is None else [f"{records:,} records", f"{place}/records.html"],
        page.name if page.kind == "audit" else page.kind,
        page.verdict(run.summary).title,
        name,
        *values,
        *(_text(config.get(key) or config.get(f"{key}s") or config.get(other)) for key, other in MODELS),
        ", ".join(roles),
        str(run.manifest.get("finished", ""))[:16].replace("T", " "),
    ]


MODELS = (("target", "model"), ("reference", ""))


def write_index(rows: list[list[Any]], folder: Path) -> Path:
    """``index.html`` of the view."""
    files = write_rows(rows, folder / "assets")
    return page_with_table(
        folder / "index.html",
        title=f"{len(rows):,} runs" if len(rows) != 1 else "1 run",
        lead="The leading number of each run with its 95 % interval. Headings sort, the fields below them filter.",
        columns=COLUMNS,
        files=[f"assets/{name}" for name in files],
        up="",
        order=-1,
        version=__version__,
    )


def _text(value: Any) -> str:
    texts = value if isinstance(value, list | tuple) else [value or ""]
    return ", ".join(clip(each, limit=MAX_TEXT).text for each in texts)
