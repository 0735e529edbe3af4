"""Every gap of an audit with its interval."""

from typing import TYPE_CHECKING, Any

import altair as alt

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES, find_gap, shown_designs
from memometer.report.text import count, signed

if TYPE_CHECKING:
    from memometer.audits.result import Audit

__all__ = ["headline_gaps", "headline_numbers"]

COLORS = {"unmentioned": theme.TARGET, "all": theme.REFERENCE}


def headline_gaps(audit: "Audit", *, width: int = theme.WIDE) -> alt.ConcatChart:
    """PPG, PRG and AUCG by design, over all and over unmentioned objects, with 95 % intervals.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    designs = list(shown_designs(audit.summary))
    panels = [
        _panel(audit.summary, measure, designs, width=width, first=index == 0) for index, measure in enumerate(MEASURES)
    ]
    return theme.themed(theme.arrange(panels, width=width))


def headline_numbers(audit: "Audit") -> Numbers:
    """The chart's gaps as a table."""
    rows = []
    for design in shown_designs(audit.summary):
        for scope, scope_name in SCOPES.items():
            for measure, (name, _) in MEASURES.items():
                gap = find_gap(audit.summary, design=design, scope=scope, measure=measure)
                numbers = (signed(gap.value), signed(gap.low), signed(gap.high), count(gap.n))
                rows.append((DESIGNS[design], scope_name, name, *numbers))
    return Numbers(("Design", "Objects", "Gap", "Value", "Low", "High", "n"), tuple(rows), n_text=3)


def _panel(summary: dict[str, Any], measure: str, designs: list[str], *, width: int, first: bool) -> alt.LayerChart:
    rows = []
    for design in designs:
        for scope in SCOPES:
            gap = find_gap(summary, design=design, scope=scope, measure=measure)
            if gap.value is not None:
                row = {"design": DESIGNS[design], "series": SCOPES[scope], "value": gap.value}
                rows.append({**row, "low": gap.low, "high": gap.high})
    labelled = first or width < 600
    names = list(SCOPES.values())
    color = alt.Color(
        "series:N",
        scale=alt.Scale(domain=names, range=[COLORS[scope] for scope in SCOPES]),
        legend=alt.Legend(title=None, orient="top"),
    )
    shape = alt.Shape(
        "series:N",
        scale=alt.Scale(domain=names, range=["diamond", "circle"]),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y(
            "design:N",
            sort=[DESIGNS[design] for design in designs],
            scale=alt.Scale(domain=[DESIGNS[design] for design in designs]),
            title=None,
            axis=alt.Axis(labels=labelled, ticks=False, domain=False, labelColor=theme.INK, labelLimit=180),
        ),
        yOffset=alt.YOffset("series:N", scale=alt.Scale(domain=names[::-1], paddingOuter=0.6)),
        color=color,
    )
    x = alt.X(
        "low:Q",
        title=None,
        axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=4),
        scale=alt.Scale(zero=True, nice=True),
    )
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q")
    point = base.mark_point(filled=True, opacity=1, size=75).encode(x=alt.X("value:Q", title=None), shape=shape)
    name, meaning = MEASURES[measure]
    layers = alt.layer(theme.zero_line(horizontal=False), interval, point)
    plot = theme.panel_width(width=width - 150 if width >= 600 else width - 130, n_panels=3, margin=34)
    return layers.properties(
        width=plot, height=54 * len(designs), title=alt.TitleParams(name, subtitle=meaning, subtitleColor=theme.MUTED)
    )
