"""Every gap of an audit with its interval."""

from typing import Any

from memometer.measures.vl_dejavu.gaps import find_gap, shown_designs
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES, n_text
from memometer.report.lazy import alt
from memometer.report.text import DASH, signed
from memometer.runs import Run

__all__ = ["headline_gaps", "headline_numbers"]

COLORS = {"all": theme.REFERENCE, "unmentioned": theme.TARGET}
CHARACTER_WIDTH = 7
"""Room for a character of a design's name in px."""


def headline_gaps(audit: Run[VLDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
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


def headline_numbers(audit: Run[VLDejaVuSummary]) -> Numbers:
    """The chart's gaps as a table."""
    rows = []
    for design in shown_designs(audit.summary):
        for scope, scope_name in SCOPES.items():
            for measure, (name, _) in MEASURES.items():
                gap = find_gap(audit.summary, design=design, scope=scope, measure=measure)
                numbers = (signed(gap.value), signed(gap.low), signed(gap.high), n_text(gap))
                rows.append((DESIGNS[design], scope_name, name, *numbers))
    if all(row[3] == DASH for row in rows):
        return Numbers((), ())
    return Numbers(("Design", "Objects", "Gap", "Value", "Low", "High", "n"), tuple(rows), n_text=3)


def _panel(summary: VLDejaVuSummary, measure: str, designs: list[str], *, width: int, first: bool) -> "alt.LayerChart":
    name, meaning = MEASURES[measure]
    order = [DESIGNS[design] for design in designs]
    labels = alt.Axis(labels=first or width < 600, ticks=False, domain=False, labelColor=theme.INK, labelLimit=200)
    scopes = list(SCOPES.values())
    base = alt.Chart(theme.data(_rows(summary, measure, designs))).encode(
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
        width=theme.panel_width(width=width - 20 - CHARACTER_WIDTH * max(map(len, order)), n_panels=3, margin=34),
        height=54 * len(designs),
        title=alt.TitleParams(name, subtitle=meaning, subtitleColor=theme.MUTED),
    )


def _rows(summary: VLDejaVuSummary, measure: str, designs: list[str]) -> list[dict[str, Any]]:
    rows = []
    for design in designs:
        for scope, name in SCOPES.items():
            gap = find_gap(summary, design=design, scope=scope, measure=measure)
            if gap.value is not None:
                row = {"design": DESIGNS[design], "series": name, "value": gap.value, "low": gap.low, "high": gap.high}
                rows.append(row)
    return rows


def _scale(channel: type[Any], values: list[str], *, width: int) -> Any:
    """Tells all from unmentioned objects, by colour or by shape, with one legend for both."""
    legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1)
    return channel("series:N", scale=alt.Scale(domain=list(SCOPES.values()), range=values), legend=legend)
