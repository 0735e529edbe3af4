"""``memometer data import``: a source → a folder of records."""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from memometer.cli.functions import Command, options_of
from memometer.cli.options import CORES
from memometer.cli.show import print_json, show_records

if TYPE_CHECKING:
    from rich.table import Table

    from memometer.data import ImportSummary

__all__ = ["command"]

COLUMNS = {
    "record_id": "--id-column",
    "image": "--image-column",
    "captions": "--caption-column|--caption-key",
    "objects_separator": "--objects-separator",
    "captions_separator": "--captions-separator",
    **{
        name: f"--{name}-column|--{name}-key"
        for name in ("label", "objects", "group", "role", "uid", "boxes", "scores")
    },
}
"""Entry of `memometer.data.Fields` → what the command line calls it."""

OF_COLUMN = "_column"
"""Ends the names of those, some of which are those of other options as well."""


def _options() -> Iterator[inspect.Parameter]:
    """Those of the import, of the reader, and the columns that it reads."""
    source, out, *own = options_of("memometer.data:import_records", called={"source": "source"})
    yield source.replace(annotation=Annotated[str, source.annotation.__metadata__[0]])  # it may be a glob
    yield out
    yield from options_of("memometer.data:ReaderOptions", called={"splits": "--split"})
    columns = options_of("memometer.data:Fields", called=COLUMNS)
    yield from (each.replace(name=each.name + OF_COLUMN) for each in columns)
    yield from (CORES if each.name == "workers" else each for each in own)


def _run(**given: Any) -> "ImportSummary":
    from memometer.data import Fields, ReaderOptions, import_records

    given["columns"] = [name.strip() for each in given["columns"] or () for name in each.split(",") if name.strip()]
    fields = Fields(**_taken(Fields, given, ending=OF_COLUMN))
    options = ReaderOptions(**_taken(ReaderOptions, given), fields=fields)
    return import_records(**given, options=options)


def _taken(declared: Any, given: dict[str, Any], *, ending: str = "") -> dict[str, Any]:
    """What was given of a dataclass's fields, which is taken out."""
    fields = [each for each in dataclasses.fields(declared) if each.name + ending in given]
    values = {each.name: given.pop(each.name + ending) for each in fields}
    return {each.name: tuple(values[each.name] or ()) if each.default == () else values[each.name] for each in fields}


def _show(summary: "ImportSummary", *, as_json: bool, **_: Any) -> None:
    """Import image-caption pairs from SOURCE, and say what was found and what was left out.

    Every image is decoded once. What cannot be used goes to OUT/rejects.parquet with its reason. A killed import goes
    on where it was when the same command runs again; a finished one is not done twice.
    """
    from rich.console import Console

    if as_json:
        print_json(dataclasses.asdict(summary))
        return
    show_records(summary, _table(summary))
    split = f"memometer data split {summary.folder} --roles a=0.4,b=0.4,public=rest"
    Console(highlight=False).print(f"next:    {split}", markup=False, soft_wrap=True)


command = Command(_run, _show, _options)


def _table(summary: "ImportSummary") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    n_records = summary.n_records
    lacking = summary.n_without_captions
    without = f"; {lacking:,} records without any" if lacking else ""
    files = f"{summary.n_files:,} file" + ("s" if summary.n_files != 1 else "")
    rows = [
        ("source", f"{summary.source} ({summary.format}, {files})"),
        ("records", f"{n_records:,}"),
        ("captions", f"{summary.n_captions:,}, {summary.n_captions / n_records:.1f} per record{without}"),
        ("objects", _objects(summary)),
        ("image size", f"{_sides(summary.width)} × {_sides(summary.height)} px"),
        *([("boxes", f"{sum(summary.boxes.values()):,} are not as in the source")] if summary.boxes else []),
        *((f"  {treatment}", f"{count:,}") for treatment, count in summary.boxes.items()),
        *([("one colour", f"{summary.n_constant:,} images")] if summary.n_constant else []),
        ("rejected", f"{summary.n_rejected:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in summary.reasons.items()),
        *([("left aside", f"{sum(summary.left_aside.values()):,}")] if summary.left_aside else []),
        *((f"  {kind}", f"{count:,}") for kind, count in summary.left_aside.items()),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _objects(summary: "ImportSummary") -> str:
    if summary.objects_from is None:
        return "none; --objects captions takes the nouns of the captions"
    origin = "from the captions" if summary.objects_from == "captions" else "from the source's labels"
    per_record = summary.n_objects / summary.n_records
    without = f"; {summary.n_without_objects:,} records without any" if summary.n_without_objects else ""
    return f"{summary.n_objects:,} {origin}, {per_record:.1f} per record{without}"


def _sides(spread: tuple[int, int, int]) -> str:
    smallest, median, largest = spread
    return f"{median:,}" if smallest == largest else f"{median:,} ({smallest:,}–{largest:,})"
