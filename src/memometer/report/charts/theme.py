"""What all charts share: colours, type, panels side by side or stacked."""

from collections.abc import Sequence
from typing import Any

from memometer.report import vega
from memometer.report.lazy import alt

__all__ = [
    "BLUE",
    "GAP_LABEL",
    "GRID",
    "INK",
    "MUTED",
    "NARROW",
    "REFERENCE",
    "TARGET",
    "VERMILION",
    "WIDE",
    "arrange",
    "data",
    "name_axis",
    "panel_width",
    "px",
    "series",
    "themed",
    "zero_line",
]

# Okabe and Ito's colours, told apart by colour-blind readers. The page's style sheet replaces these literal
# values in dark mode, so nothing else may be painted with them.
TARGET = "#009e73"
REFERENCE = "#6f7782"
BLUE = "#0072b2"
VERMILION = "#d55e00"
INK = "#24292f"
MUTED = "#59616b"
GRID = "#e3e6ea"

GAP_LABEL = "datum.value == 0 ? '0' : format(datum.value, '+.3~f')"
"""How an axis names a gap: with its sign, but a plain 0."""

WIDE = 960
"""Width in px of a chart on a page."""
NARROW = 340
"""Width in px of a chart on a telephone."""


CHARACTER_WIDTH = 8
"""In px, as laid out."""


def px(size: float) -> float:
    """The size to lay text out with that is drawn ``size`` px high."""
    return size * vega.ROOM


def data(rows: Sequence[dict[str, Any]]) -> "alt.InlineData":
    """Rows as a chart's own data."""
    return alt.InlineData(values=list(rows))


def panel_width(*, width: int, n_panels: int, margin: int = 64) -> int:
    """Width of one plot in px: panels stand side by side from 600 px on, else one above the other."""
    columns = n_panels if width >= 600 else 1
    return width // columns - margin


def arrange(panels: Sequence[Any], *, width: int) -> "alt.ConcatChart":
    """Puts panels side by side, or one above the other where ``width`` is under 600 px."""
    columns = len(panels) if width >= 600 else 1
    return alt.concat(*panels, columns=columns, spacing=28)


def series(
    names: Sequence[str], *, colors: Sequence[str], dashes: Sequence[Sequence[int]], width: int
) -> dict[str, Any]:
    """Encodings that tell series of the field ``series`` apart by colour and by dash, with one legend for both."""
    legend = alt.Legend(
        title=None,
        orient="top",
        columns=0 if width >= 600 else 1,
        symbolType="stroke",
        symbolOpacity=1,
        symbolSize=320,
        symbolStrokeWidth=2.5,
    )
    domain = list(names)
    return {
        "color": alt.Color("series:N", legend=legend, scale=alt.Scale(domain=domain, range=list(colors))),
        "strokeDash": alt.StrokeDash("series:N", legend=legend, scale=alt.Scale(domain=domain, range=list(dashes))),
    }


def name_axis(names: Sequence[str], *, limit: int = 200, labels: bool = True, **words: Any) -> "tuple[alt.Axis, int]":
    """The axis of a chart with a row per name, and the px that it takes up.

    Args:
        names: as shown.
        limit: px that names may take up; longer ones end in an ellipsis.
        labels: False where a panel to the left has the names.
        words: further ones for the axis.
    """
    room = min(CHARACTER_WIDTH * max(map(len, names), default=0), limit)
    look = {"ticks": False, "domain": False, "labelColor": INK, "labels": labels, **words}
    return alt.Axis(**look, labelLimit=limit, minExtent=room if labels else 0), room


def zero_line(*, horizontal: bool) -> "alt.Chart":
    """The line of no gap."""
    channel = {"y": alt.YDatum(0)} if horizontal else {"x": alt.XDatum(0)}
    return alt.Chart(data([{}])).mark_rule(color=MUTED, strokeWidth=1).encode(**channel)


def themed(chart: Any) -> Any:
    """The chart with memometer's type and lines; white unless it is inlined in a page."""
    # one call, because altair copies the whole chart at each
    return chart.configure(
        aria=False,
        font="sans-serif",
        padding=4,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=MUTED,
            titleColor=MUTED,
            labelFontSize=px(13),
            titleFontSize=px(13),
            labelOverlap=True,
            labelSeparation=4,
            titleFontWeight="normal",
            titlePadding=8,
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
        ),
        legend=alt.LegendConfig(
            labelColor=INK, labelFontSize=px(13), labelLimit=330, symbolSize=75, offset=12, columnPadding=24
        ),
        title=alt.TitleConfig(
            color=INK, fontSize=px(14), fontWeight=600, subtitleFontSize=px(13), anchor="start", offset=8
        ),
    )
