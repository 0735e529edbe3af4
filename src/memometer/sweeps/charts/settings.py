"""Bars of utility and of the balanced gaps per setting, as in A's Figure 5."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import MEASURES
from memometer.report.lazy import alt
from memometer.report.text import count, signed, unsigned
from memometer.runs import Run
from memometer.sweeps.schema import SweepSummary
from memometer.sweeps.settings import SCOPES, Shown, metric_name, shown_settings

__all__ = ["setting_bars", "setting_numbers"]

COLORS = {"all": theme.REFERENCE, "unmentioned": theme.TARGET}
CHARACTER_WIDTH = 7
MAX_NAME = 170
"""Room for a setting's name in px."""


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
        for metric in setting.metrics:
            value = setting.value(metric)
            if value is not None:
                mean = signed(value) if metric.split("/")[-1] in SCOPES else unsigned(value)
                spreads = (unsigned(setting.std(metric)), unsigned(setting.std_tenth(metric)))
                rows.append((setting.name, metric_name(metric), mean, *spreads, count(setting.metrics[metric].n)))
    header = ("Setting", "Metric", "Mean over seeds", "std over seeds", "std by A’s 10 %", "Seeds")
    return Numbers(header, tuple(rows), n_text=2)


def _panel(
    settings: list[Shown], *, title: str, metrics: dict[str, str], n_panels: int, width: int, first: bool
) -> "alt.LayerChart":
    names = [setting.name for setting in settings]
    labels = alt.Axis(labels=first or width < 600, ticks=False, domain=False, labelColor=theme.INK, labelLimit=MAX_NAME)
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
    room = CHARACTER_WIDTH * max(map(len, names), default=0)
    return alt.layer(bars, tenth, *ends, seeds, theme.zero_line(horizontal=False)).properties(
        width=theme.panel_width(width=width - 20 - min(room, MAX_NAME), n_panels=n_panels, margin=34),
        height=(34 if gaps or width >= 600 else 24) * len(settings),
        title=alt.TitleParams(title, limit=max(width // max(n_panels, 1), 220)),
    )


def _rows(settings: list[Shown], metrics: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for setting in settings:
        for scope, metric in metrics.items():
            value = setting.value(metric)
            if value is None:
                continue
            row = {"setting": setting.name, "series": SCOPES.get(scope, scope), "value": value}
            for prefix, std in (("", setting.std(metric)), ("tenth_", setting.std_tenth(metric))):
                if std is not None:
                    row |= {f"{prefix}low": value - std, f"{prefix}high": value + std}
            rows.append(row)
    return rows


def _color() -> dict[str, Any]:
    scale = alt.Scale(domain=list(SCOPES.values()), range=list(COLORS.values()))
    return {"color": alt.Color("series:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=1))}
