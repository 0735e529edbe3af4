"""Every gap of an audit with its interval."""

from typing import Any

from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES, n_text
from memometer.report.lazy import alt
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["headline_gaps", "headline_numbers"]

COLORS = {"all": theme.REFERENCE, "unmentioned": theme.TARGET}
"""Room for a character of a design's name in px."""


def headline_gaps(audit: Run[VLDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """PPG, PRG and AUCG by design, over all and over unmentioned objects, with 95 % intervals.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    panels = [_panel(audit.summary, measure, width=width, first=index == 0) for index, measure in enumerate(MEASURES)]
    return theme.themed(theme.arrange(panels, width=width))


def headline_numbers(audit: Run[VLDejaVuSummary]) -> Numbers:
    """The chart's gaps as a table."""
    found = [
        (DESIGNS[design], scope_name, name, gaps.gap(scope, measure))
        for design, gaps in audit.summary.designs().items()
        for scope, scope_name in SCOPES.items()
        for measure, (name, _) in MEASURES.items()
    ]
    if all(gap.value is None for *_, gap in found):
        return Numbers((), ())
    rows = tuple((*names, *map(signed, (gap.value, gap.low, gap.high)), n_text(gap)) for *names, gap in found)
    return Numbers(("Design", "Objects", "Gap", "Value", "Low", "High", "n"), rows, n_text=3)


def _panel(summary: VLDejaVuSummary, measure: str, *, width: int, first: bool) -> "alt.LayerChart":
    name, meaning = MEASURES[measure]
    designs = summary.designs()
    order = [DESIGNS[design] for design in designs]
    rows = [
        {"design": DESIGNS[design], "series": scope_name, "value": gap.value, "low": gap.low, "high": gap.high}
        for design, gaps in designs.items()
        for scope, scope_name in SCOPES.items()
        if (gap := gaps.gap(scope, measure)).value is not None
    ]
    labels, room = theme.name_axis(order, labels=first or width < 600)
    scopes = list(SCOPES.values())
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("design:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=labels),
        yOffset=alt.YOffset("series:N", scale=alt.Scale(domain=scopes[::-1], paddingOuter=0.6)),
        color=_scale(alt.Color, list(COLORS.values()), width=width),
    )
    x = alt.X("low:Q", title=None, axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=4), scale=alt.Scale(zero=True))
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q")
    point = base.mark_point(filled=True, opacity=1, size=75).encode(
        x="value:Q", shape=_scale(alt.Shape, ["diamond", "circle"], width=width)
    )
    return alt.layer(theme.zero_line(horizontal=False), interval, point).properties(
        width=theme.panel_width(width=width - 20 - room, n_panels=3, margin=34),
        height=54 * len(designs),
        title=alt.TitleParams(name, subtitle=meaning, subtitleColor=theme.MUTED),
    )


def _scale(channel: type[Any], values: list[str], *, width: int) -> Any:
    """Tells all from unmentioned objects, by colour or by shape, with one legend for both."""
    legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1)
    return channel("series:N", scale=alt.Scale(domain=list(SCOPES.values()), range=values), legend=legend)
