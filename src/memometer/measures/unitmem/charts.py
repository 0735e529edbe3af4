"""UnitMem by layer: how it is distributed, and what of it records that the model never saw do not show."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.charts.towers import layer_chart, lines
from memometer.report.lazy import alt
from memometer.report.text import DASH, count, plain, signed, unsigned
from memometer.runs import Run

__all__ = ["control_numbers", "unitmem_beyond_control", "unitmem_by_layer", "unitmem_numbers"]


def unitmem_by_layer(audit: Run, *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """UnitMem by layer: the middle half of the units, their median, the mean, and the upper twentieth.

    Args:
        audit: an audit whose table ``layers`` has a row per layer.
        width: of the whole chart in px; below 600 the towers stand one above the other.
    """
    names = ("Mean with its interval", "Median, and the middle half of the units", "95 % of the units lie below")
    colors = (theme.TARGET, theme.BLUE, theme.REFERENCE)
    encodings = theme.series(names, colors=colors, dashes=((1, 0), (6, 3), (2, 3)), width=width)
    fields = (("mean", "low", "high"), ("median", "q25", "q75"), ("q95", "q95", "q95"))
    rows = audit.tables["layers"].to_pylist()
    return layer_chart(
        audit,
        {name: (rows, each) for name, each in zip(names, fields, strict=True)},
        lambda base, y: lines(base, y.scale(zero=True), encodings),
        title="UnitMem",
        width=width,
        signed=False,
    )


def unitmem_numbers(audit: Run) -> Numbers:
    """The distribution of every layer."""
    rows = tuple(
        (
            row["tower"],
            f"{row['index']}: {plain(row['layer'], limit=60)}",
            *(unsigned(row[name]) for name in ("mean", "low", "high", "q25", "median", "q75", "q95")),
            DASH if row["share_above_half"] is None else f"{row['share_above_half']:.1%}",
            unsigned(row["classmem"]),
            count(row["n_units"]),
            count(row["n_undefined"]),
        )
        for row in audit.tables["layers"].to_pylist()
    )
    numbers = ("Mean", "Low", "High", "25 %", "Median", "75 %", "95 %", "Above ½", "ClassMem", "Units", "Undefined")
    defined = any(row[2] != DASH for row in rows)
    return Numbers(("Tower", "Layer", *numbers), rows if defined else (), n_text=2)


def unitmem_beyond_control(audit: Run, *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Mean UnitMem over groups of the records less that over groups of the control, by layer, with 95 % intervals.

    Args:
        audit: as for `unitmem_by_layer`.
        width: of the whole chart in px; below 600 the towers stand one above the other.
    """

    def marks(base: Any, y: Any) -> list[Any]:
        return [
            base.mark_rule(strokeWidth=2.5, color=theme.TARGET).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_point(filled=True, size=60, opacity=1, color=theme.TARGET).encode(y=y),
        ]

    fields = ("difference", "difference_low", "difference_high")
    series = {"difference": (audit.tables["layers"].to_pylist(), fields)}
    return layer_chart(audit, series, marks, title="trained less control", width=width)


def control_numbers(audit: Run) -> Numbers:
    """Both sides of every layer's comparison; no rows without a control."""
    rows = []
    for row in audit.tables["layers"].to_pylist():
        if row["difference"] is None:
            continue
        low, high = row["difference_low"], row["difference_high"]
        layer = f"{row['index']}: {plain(row['layer'], limit=60)}"
        sides = (unsigned(row["trained_groups"]), unsigned(row["control_groups"]))
        gap = (signed(row["difference"]), signed(low), signed(high))
        cells = (row["tower"], layer, *sides, *gap, count(row["n_groups"]), count(row["group_size"]))
        rows.append((low is not None and (low > 0 or high < 0), cells))
    names = ("Trained", "Control", "Difference", "Low", "High", "Groups", "Records in each")
    return Numbers.marked(("Tower", "Layer", *names) if rows else (), rows, n_text=2)
