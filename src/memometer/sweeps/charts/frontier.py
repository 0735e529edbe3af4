"""Utility against memorization: a point per setting, those that no other beats joined and named."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.lazy import alt
from memometer.runs import Run
from memometer.sweeps.schema import SweepSummary
from memometer.sweeps.settings import Shown, metric_name, shown_settings

__all__ = ["frontier_numbers", "utility_frontier"]


def utility_frontier(audit: Run[SweepSummary], *, width: int = theme.WIDE) -> "alt.LayerChart":
    """Every setting's mean utility and mean memorization, with their spread over seeds.

    Args:
        audit: the sweep to show.
        width: of the whole chart in px.
    """
    utility, memorization = audit.summary.utility_metric, audit.summary.memorization_metric
    rows = _rows(_placed(audit), utility=utility, memorization=memorization)
    front = [row for row in rows if row["front"]]
    x = alt.X(
        "utility:Q",
        title=f"utility: {metric_name(utility)}",
        scale=alt.Scale(zero=False, padding=40),
        axis=alt.Axis(tickCount=max(3, width // 130)),
    )
    y_axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=6)
    y = alt.Y(
        "memorization:Q", title=f"memorization: {metric_name(memorization)}", axis=y_axis, scale=alt.Scale(padding=24)
    )
    every = alt.Chart(theme.data(rows)).encode(x=x, y=y)
    rules = {"color": theme.REFERENCE, "strokeWidth": 1, "opacity": 0.6}
    across = every.mark_rule(**rules).encode(x=alt.X("utility_low:Q"), x2="utility_high:Q")
    along = every.mark_rule(**rules).encode(y=alt.Y("memorization_low:Q"), y2="memorization_high:Q")
    best = alt.Chart(theme.data(front)).encode(x=x, y=y)
    line = best.mark_line(color=theme.TARGET, strokeWidth=1.5, strokeDash=[4, 3]).encode(order="utility:Q")
    beaten = alt.Chart(theme.data([row for row in rows if not row["front"]])).encode(x=x, y=y)
    layers = [
        across,
        along,
        line,
        beaten.mark_point(color=theme.REFERENCE, size=70, filled=False, strokeWidth=2, opacity=1),
        beaten.mark_text(color=theme.MUTED, align="left", dx=8, dy=9, fontSize=12).encode(text="number:N"),
        best.mark_point(color=theme.TARGET, size=110, filled=True, opacity=1),
        *_names(front, x=x, y=y, width=width),
    ]
    return theme.themed(alt.layer(*layers).properties(width=width - 90, height=360 if width >= 600 else 320))


def frontier_numbers(audit: Run[SweepSummary]) -> Numbers:
    """The chart's points as a table."""
    utility, memorization = audit.summary.utility_metric, audit.summary.memorization_metric
    settings = _placed(audit)
    rows = tuple(
        (
            str(setting.number),
            setting.name,
            "yes" if setting.front else "no",
            setting.mean_text(utility, sign=False),
            setting.mean_text(memorization, sign=True),
        )
        for setting in settings
    )
    header = ("No.", "Setting", "No other beats it", metric_name(utility), metric_name(memorization))
    strong = frozenset(place for place, setting in enumerate(settings) if setting.front)
    return Numbers(header, rows, n_text=3, strong=strong)


def _placed(audit: Run[SweepSummary]) -> list[Shown]:
    """The settings that have a place in the chart."""
    return [setting for setting in shown_settings(audit.summary) if setting.front is not None]


def _rows(settings: list[Shown], *, utility: str | None, memorization: str) -> list[dict[str, Any]]:
    rows = []
    for setting in settings:
        row: dict[str, Any] = {"name": setting.name, "number": str(setting.number), "front": setting.front}
        for axis, metric in (("utility", utility), ("memorization", memorization)):
            value = setting.value(metric)
            if value is not None:
                std = setting.std(metric) or 0.0
                row |= {axis: value, f"{axis}_low": value - std, f"{axis}_high": value + std}
        rows.append(row)
    return rows


def _names(front: list[dict[str, Any]], *, x: Any, y: Any, width: int) -> "list[alt.Chart]":
    """The names of the front's settings, on that side of each point where there is more room."""
    if not front:
        return []
    ends = [row["utility"] for row in front]
    middle = (min(ends) + max(ends)) / 2
    charts = []
    for align, dx, dy, rows in (  # the front rises to the right, so the names stay clear of it
        ("left", 10, 14, [row for row in front if row["utility"] <= middle]),
        ("right", -10, -12, [row for row in front if row["utility"] > middle]),
    ):
        named = alt.Chart(theme.data(rows)).encode(x=x, y=y, text="label:N")
        named = named.transform_calculate(label="datum.number + '  ' + datum.name")
        charts.append(
            named.mark_text(
                color=theme.INK, align=align, dx=dx, dy=dy, fontSize=13, fontWeight=600, limit=max(110, width // 3)
            )
        )
    return charts
