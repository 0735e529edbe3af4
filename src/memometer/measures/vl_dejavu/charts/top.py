"""Gap among the top-L records against L (paper A, Figure 4)."""

from collections import defaultdict
from typing import Any

from memometer.measures.vl_dejavu.schema import TopRow, VLDejaVuSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.lazy import alt
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["gap_by_top", "top_numbers"]

SORTS = {
    "distance": ("Sorted by distance", "nearest neighbour first"),
    "correct": ("Sorted by correct objects", "most by the target first"),
    "gap": ("Sorted by gap", "most beyond the reference first"),
}
OBSERVED = "Recall gap"
CONTROL = "Control, roles swapped"


def gap_by_top(audit: Run[VLDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """The recall gap among the L records that lead each sorting, with its control: the models' roles swapped.

    Sorting by a result picks winners by construction, so only the excess over the control is evidence.
    Where both directions are there, a point is their mean.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    points = _points(audit.summary.sample_level)
    panels = [_panel(points.get(sort, []), sort, width=width, first=sort == "distance") for sort in SORTS]
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


def top_numbers(audit: Run[VLDejaVuSummary]) -> Numbers:
    """All three gaps of every sorting, size and direction, with their controls."""
    rows = [
        (
            SORTS[entry.sort][0],
            "target's records" if entry.direction == "forward" else "roles swapped",
            entry.label,
            *map(signed, (entry.precision_gap, entry.recall_gap, entry.f_gap)),
            *map(signed, (entry.control_precision_gap, entry.control_recall_gap, entry.control_f_gap)),
        )
        for entry in audit.summary.sample_level
    ]
    gaps = ("precision gap", "recall gap", "F gap", "control: precision", "control: recall", "control: F")
    return Numbers(("Sorting", "Direction", "Top", *gaps), tuple(rows), n_text=3)


def _points(entries: list[TopRow]) -> dict[str, list[dict[str, Any]]]:
    """Each sorting's points, one per series and L: the mean over directions, where all of them have that L."""
    n_directions = len({entry.direction for entry in entries})
    groups: dict[tuple[str, str], list[TopRow]] = defaultdict(list)
    for entry in entries:
        groups[entry.sort, entry.label].append(entry)
    points: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (sort, _), group in groups.items():
        if len(group) < n_directions:
            continue
        top = sum(entry.top for entry in group) / len(group)
        value, control = (
            sum(values) / len(group)
            for values in ([each.recall_gap for each in group], [each.control_recall_gap for each in group])
        )
        points[sort].append({"series": OBSERVED, "top": top, "value": value, **_interval(group, value)})
        points[sort].append({"series": CONTROL, "top": top, "value": control})
    return points


def _interval(group: list[TopRow], value: float) -> dict[str, float]:
    """Ends of the interval of the mean of independent directions; nothing where one of them has none."""
    ends = [(entry.recall_gap_low, entry.recall_gap_high) for entry in group]
    halves = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
    if len(halves) < len(group):
        return {}
    half = sum(half**2 for half in halves) ** 0.5 / len(group)
    return {"low": value - half, "high": value + half}


def _panel(rows: list[dict[str, Any]], sort: str, *, width: int, first: bool) -> "alt.LayerChart":
    labelled = first or width < 600
    colors = (theme.TARGET, theme.REFERENCE)
    encodings = theme.series((OBSERVED, CONTROL), colors=colors, dashes=((1, 0), (5, 3)), width=width)
    base = alt.Chart(theme.data(rows)).encode(
        x=alt.X(
            "top:Q",
            title="records L",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format="~s", values=[10**power for power in range(8)], grid=False),
        ),
        y=alt.Y(
            "value:Q",
            title="recall gap" if labelled else None,
            axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5),
        ),
        color=encodings["color"],
    )
    line = base.mark_line(strokeWidth=2).encode(strokeDash=encodings["strokeDash"])
    points = base.mark_point(filled=True, size=32, opacity=1)
    interval = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, opacity=0.55)
    interval = interval.encode(y=alt.Y("low:Q"), y2="high:Q")
    name, subtitle = SORTS[sort]
    return alt.layer(theme.zero_line(horizontal=True), interval, line, points).properties(
        width=theme.panel_width(width=width, n_panels=3, margin=60),
        height=200,
        title=alt.TitleParams(name, subtitle=subtitle, subtitleColor=theme.MUTED),
    )
