"""What is known of a measure's own errors: planted nothing, and planted truth."""

from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.text import DASH, count, plain
from memometer.runs.schema import AuditSummary, Found, NullRow
from memometer.statistics.small_sets import counted

__all__ = ["calibration_tables"]


def calibration_tables(summary: AuditSummary) -> tuple[HeadTable, ...]:
    """The coverage of 0 by untrained models, and how well planted records are found; nothing where neither is there."""
    tables = (
        HeadTable(
            "Models that were trained on neither set",
            _null(summary.null or []),
            "The same audit of pairs of untrained models on the same records. There is nothing to find, so about 95 in "
            "100 intervals should cover 0. One-way intervals may miss it: they tell models of unlike quality apart.",
        ),
        HeadTable(
            "Planted records",
            _planted(summary.planted or []),
            "How well the ranking finds the records that were planted among the others: the area under the ROC curve, "
            "½ for a ranking that knows nothing and 1 for one that puts all of them first.",
        ),
    )
    return tuple(table for table in tables if table.numbers.rows)


def _null(rows: list[NullRow]) -> Numbers:
    cells = tuple(
        (
            plain(row.interval.replace("/", ", ")),
            f"{count(row.n_covered)} of {count(row.n_seeds)}",
            _number(row.coverage, "{:.0%}"),
            DASH if row.low is None else f"[{row.low:.0%}, {row.high:.0%}]",
            _number(row.mean, "{:+.4f}").replace("-", "−"),
            _number(row.stderr, "{:.4f}"),
        )
        for row in rows
    )
    return Numbers(("Interval", "Covers 0", "Share", "95 % interval", "Mean value", "Standard error"), cells)


def _planted(rows: list[Found]) -> Numbers:
    cells = tuple(
        (
            plain(row.kind),
            plain(row.by),
            _number(row.area, "{:.3f}"),
            DASH if row.low is None else f"[{row.low:.3f}, {row.high:.3f}]",
            counted(row.n_positive, row.n_groups_positive),
            counted(row.n_negative, row.n_groups_negative),
        )
        for row in rows
    )
    return Numbers(("Planted", "Ranked by", "ROC area", "95 % interval", "planted", "others"), cells, n_text=2)


def _number(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)
