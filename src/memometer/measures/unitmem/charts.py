"""UnitMem by layer: how it is distributed, and what of it records that the model never saw do not show."""

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.charts.towers import layer_axis, tower_panel, towers_of
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
    panels = []
    for place, tower in enumerate(towers_of(audit)):
        rows = [row for row in audit.tables["layers"].to_pylist() if row["tower"] == tower and row["mean"] is not None]
        fields = (("mean", "low", "high"), ("median", "q25", "q75"), ("q95", "q95", "q95"))
        series = [
            {"index": row["index"], "series": name, "value": row[value], "low": row[low], "high": row[high]}
            for name, (value, low, high) in zip(names, fields, strict=True)
            for row in rows
        ]
        base = alt.Chart(theme.data(series)).encode(x=layer_axis(audit, tower), color=encodings["color"])
        title = "UnitMem" if place == 0 or width < 600 else None
        y = alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))
        spread = base.mark_rule(strokeWidth=2, opacity=0.5).encode(y=alt.Y("low:Q"), y2="high:Q")
        line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=encodings["strokeDash"])
        point = base.mark_point(filled=True, size=42, opacity=1).encode(y=y)
        panels.append(tower_panel([spread, line, point], audit, tower, width=width))
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


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
    panels = []
    for place, tower in enumerate(towers_of(audit)):
        rows = [
            {"index": row["index"], "value": row["difference"]}
            | {"low": row["difference_low"], "high": row["difference_high"]}
            for row in audit.tables["layers"].to_pylist()
            if row["tower"] == tower and row["difference"] is not None
        ]
        base = alt.Chart(theme.data(rows)).encode(x=layer_axis(audit, tower))
        title = "trained less control" if place == 0 or width < 600 else None
        y = alt.Y("value:Q", title=title, axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5))
        interval = base.mark_rule(strokeWidth=2.5, color=theme.TARGET).encode(y=alt.Y("low:Q"), y2="high:Q")
        point = base.mark_point(filled=True, size=60, opacity=1, color=theme.TARGET).encode(y=y)
        layers = [theme.zero_line(horizontal=True), interval, point]
        panels.append(tower_panel(layers, audit, tower, width=width))
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


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
