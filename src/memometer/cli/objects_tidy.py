"""``memometer objects tidy``: merges labels and leaves rare and common ones out."""

from typing import TYPE_CHECKING, Any

from memometer.cli.functions import command_of
from memometer.cli.show import print_json, show_records

if TYPE_CHECKING:
    from memometer.annotators.tidying import TidySummary

__all__ = ["command"]

SHOWN = 8
"""Labels of each kind on the screen; --json has all."""


@command_of("memometer.annotators.tidying:tidy_labels", called={"records": "records"})
def command(summary: "TidySummary", *, as_json: bool, **_: Any) -> None:
    """Tidy the labels of RECORDS: merge synonyms, merge kinds, leave rare and common ones out.

    The mapping comes first, then WordNet, for labels that the mapping does not have, then the bounds. Records all
    stay. A caption that names what was merged goes on to mention the label that it became.

    Example:
    memometer objects tidy labelled/ --mapping synonyms.tsv --min-label-count 20 --max-label-share 0.5 --out tidied/
    """
    import dataclasses

    from rich.table import Table
    from rich.text import Text

    if as_json:
        print_json(dataclasses.asdict(summary))
        return
    merged: dict[str, list[str]] = {}
    for label, target in summary.merged.items():
        merged.setdefault(target, []).append(label)
    rows = [
        ("source", summary.source),
        ("records", f"{summary.n_records:,}"),
        ("objects", f"{summary.n_objects:,}, before {summary.n_objects_before:,}"),
        ("without any", f"{summary.n_without_objects:,} records, before {summary.n_without_objects_before:,}"),
        ("labels", f"{summary.n_labels:,}, before {summary.n_labels_before:,}"),
        ("merged", f"{len(summary.merged):,} labels into {len(merged):,}"),
        *((f"  {target}", _first(labels)) for target, labels in _longest(merged)),
        ("left out", f"{len(summary.left_out):,} labels{_bounds(summary)}"),
        *((f"  {label}", f"{n:,} records") for label, n in list(summary.left_out.items())[:SHOWN]),
        *([("  …", "all are in annotation.json")] if max(len(merged), len(summary.left_out)) > SHOWN else []),
        *(("remark", remark) for remark in summary.remarks),
    ]
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    show_records(summary, table)


def _longest(merged: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    """What most labels became, first."""
    return sorted(merged.items(), key=lambda each: (-len(each[1]), each[0]))[:SHOWN]


def _first(labels: list[str]) -> str:
    """The first few, each by the first of its synonyms."""
    return ", ".join(label.split(",")[0] for label in labels[:4]) + (
        f", and {len(labels) - 4:,} more" if len(labels) > 4 else ""
    )


def _bounds(summary: "TidySummary") -> str:
    """Which bounds were given, in words."""
    fewest, most = summary.bounds["min_label_count"], summary.bounds["max_label_share"]
    said = [
        *([f"fewer than {fewest:,} records hold them"] if fewest > 1 else []),
        *([f"more than {most:.3g} of all records do"] if most < 1 else []),
    ]
    return f": {', or '.join(said)}" if said else ""
