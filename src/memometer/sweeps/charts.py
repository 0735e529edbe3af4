"""Charts of a sweep: utility against memorization, and bars of every setting, as in A's Figure 5."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import MEASURES
from memometer.report.lazy import alt
from memometer.report.text import count, signed, unsigned
from memometer.runs import Run
from memometer.sweeps.schema import SweepSummary
from memometer.sweeps.settings import SCOPES, Shown, metric_name, shown_settings

__all__ = ["frontier_numbers", "setting_bars", "setting_numbers", "utility_frontier"]

COLORS = {"all": theme.REFERENCE, "unmentioned": theme.TARGET}
MAX_NAME = 220
"""Room for a setting's name in px."""


def utility_frontier(audit: Run[SweepSummary], *, width: int = theme.WIDE) -> "alt.LayerChart":
    """Every setting's mean utility and mean memorization, with their spread over seeds.

    Args:
        audit: the sweep to show.
        width: of the whole chart in px.
    """
    utility, memorization = audit.summary.utility_metric, audit.summary.memorization_metric
    rows = _placed_rows(_placed(audit), utility=utility, memorization=memorization)
    front = [row for row in rows if row["front"]]
    x = alt.X(
        "utility:Q",
        title=["utility:", metric_name(utility)] if width < 600 else f"utility: {metric_name(utility)}",
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
        beaten.mark_text(color=theme.MUTED, align="left", dx=8, dy=9, fontSize=theme.px(12)).encode(text="number:N"),
        best.mark_point(color=theme.TARGET, size=110, filled=True, opacity=1),
        *_front_names(rows, x=x, y=y, width=width),
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


def _placed_rows(settings: list[Shown], *, utility: str | None, memorization: str) -> list[dict[str, Any]]:
    rows = []
    for setting in settings:
        row: dict[str, Any] = {"name": setting.name, "number": str(setting.number), "front": setting.front}
        for axis, metric in (("utility", utility), ("memorization", memorization)):
            number = setting.number_of(metric)
            if number.value is not None:
                std = number.std or 0.0
                row |= {axis: number.value, f"{axis}_low": number.value - std, f"{axis}_high": number.value + std}
        rows.append(row)
    return rows


def _front_names(rows: list[dict[str, Any]], *, x: Any, y: Any, width: int) -> "list[alt.Chart]":
    """The names of the front's settings, on that side of each point where there is more room."""
    front = [row for row in rows if row["front"]]
    if not front:
        return []
    middle = (min(row["utility_low"] for row in rows) + max(row["utility_high"] for row in rows)) / 2
    charts = []
    for align, dx, dy, points in (  # the front rises to the right, so the names stay clear of it
        ("left", 10, 14, [row for row in front if row["utility"] <= middle]),
        ("right", -10, -12, [row for row in front if row["utility"] > middle]),
    ):
        named = alt.Chart(theme.data(points)).encode(x=x, y=y, text="label:N")
        named = named.transform_calculate(label="datum.number + '  ' + datum.name")
        charts.append(
            named.mark_text(
                color=theme.INK,
                align=align,
                dx=dx,
                dy=dy,
                fontSize=theme.px(13),
                fontWeight=600,
                limit=max(110, width // 3),
            )
        )
    return charts


def setting_bars(audit: Run[SweepSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Utility, PPG, PRG and AUCG of every setting: means over seeds, their spread over seeds, and A's spread.

    Args:
        audit: the sweep to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    settings = shown_settings(audit.summary)
    utility = audit.summary.utility_metric
    panels = [] if utility is None else [("utility", metric_name(utility), {"utility": utility})]
    panels += [(gap, name, {scope: f"{gap}/{scope}" for scope in SCOPES}) for gap, (name, _) in MEASURES.items()]
    drawn = [
        _panel(settings, title=title, metrics=metrics, n_panels=len(panels), width=width, first=place == 0)
        for place, (_, title, metrics) in enumerate(panels)
    ]
    return theme.themed(theme.arrange(drawn, width=width))


def setting_numbers(audit: Run[SweepSummary]) -> Numbers:
    """Every number of every setting, the chart's and the others."""
    rows = []
    for setting in shown_settings(audit.summary):
        for metric, found in setting.metrics.items():
            if found.value is not None:
                mean = signed(found.value) if metric.split("/")[-1] in SCOPES else unsigned(found.value)
                spreads = (unsigned(found.std), unsigned(found.std_tenth))
                rows.append((setting.name, metric_name(metric), mean, *spreads, count(found.n)))
    header = ("Setting", "Metric", "Mean over seeds", "std over seeds", "std by A’s 10 %", "Seeds")
    return Numbers(header, tuple(rows), n_text=2)


def _panel(
    settings: list[Shown], *, title: str, metrics: dict[str, str], n_panels: int, width: int, first: bool
) -> "alt.LayerChart":
    names = [setting.numbered for setting in settings]
    labels, room = theme.name_axis(names, limit=MAX_NAME, labels=first or width < 600)
    gaps = len(metrics) > 1
    base = alt.Chart(theme.data(_rows(settings, metrics))).encode(
        y=alt.Y("setting:N", sort=names, scale=alt.Scale(domain=names, paddingInner=0.35), title=None, axis=labels),
    )
    if gaps:
        base = base.encode(yOffset=alt.YOffset("series:N", scale=alt.Scale(domain=list(SCOPES.values()))))
    axis = alt.Axis(labelExpr=theme.GAP_LABEL if gaps else alt.Undefined, tickCount=3)
    x = alt.X("value:Q", title=None, axis=axis, scale=alt.Scale(zero=True))
    bars = base.mark_bar(opacity=0.75, color=theme.BLUE).encode(x=x, **(_color() if gaps else {}))
    tenth = base.mark_rule(color=theme.MUTED, strokeWidth=1).encode(x=alt.X("tenth_low:Q"), x2="tenth_high:Q")
    ends = [
        base.mark_tick(color=theme.MUTED, thickness=1, size=6).encode(x=f"tenth_{end}:Q") for end in ("low", "high")
    ]
    seeds = base.mark_rule(color=theme.MUTED, strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q")
    return alt.layer(bars, tenth, *ends, seeds, theme.zero_line(horizontal=False)).properties(
        width=theme.panel_width(width=width - 20 - room, n_panels=n_panels, margin=34),
        height=(34 if gaps or width >= 600 else 24) * len(settings),
        title=alt.TitleParams(title, limit=max(width // max(n_panels, 1), 220)),
    )


def _rows(settings: list[Shown], metrics: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for setting in settings:
        for scope, metric in metrics.items():
            found = setting.number_of(metric)
            if (value := found.value) is None:
                continue
            row = {"setting": setting.numbered, "series": SCOPES.get(scope, scope), "value": value}
            for prefix, std in (("", found.std), ("tenth_", found.std_tenth)):
                if std is not None:
                    row |= {f"{prefix}low": value - std, f"{prefix}high": value + std}
            rows.append(row)
    return rows


def _color() -> dict[str, Any]:
    scale = alt.Scale(domain=list(SCOPES.values()), range=list(COLORS.values()))
    return {"color": alt.Color("series:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=1))}
