"""Utility: every number with its interval, and the classes that a model tells apart well and badly."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import n_text
from memometer.report.lazy import alt
from memometer.report.text import DASH, count, plain, unsigned
from memometer.runs import Run
from memometer.runs.schema import Number
from memometer.utility.schema import UtilitySummary
from memometer.utility.shares import CLASSIFICATIONS, Share, shares

__all__ = ["MAX_CLASSES", "class_dots", "class_numbers", "share_intervals", "share_numbers"]

COLORS = {"Zero-shot": theme.TARGET, "Linear probe": theme.BLUE}
SHAPES = {"Zero-shot": "circle", "Linear probe": "diamond"}
CLASS_WIDTH = 120
"""Room for the name of a class in px."""
MAX_CLASSES = 40
"""Classes of the chart: with more, the best and the worst half of as many."""


def share_intervals(audit: Run[UtilitySummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Every defined number with its 95 % interval, a panel per part, all on one scale.

    Args:
        audit: a measurement of utility.
        width: of the whole chart in px.
    """
    defined = [share for share in shares(audit.summary) if share.number.value is not None]
    ends = (end for _, _, number in defined for end in (number.value, number.high) if end is not None)
    top = max(ends, default=1.0) or 1.0
    parts = list(dict.fromkeys(share.part for share in defined))
    axis, room = theme.name_axis([share.name for share in defined], limit=width // 2)
    panels = [
        _panel([share for share in defined if share.part == part], top=top, axis=axis, width=width - room - 40)
        for part in parts
    ]
    return theme.themed(alt.concat(*panels, columns=1, spacing=20))


def share_numbers(audit: Run[UtilitySummary]) -> Numbers:
    """All numbers, the undefined ones as dashes; no rows where none is defined."""
    found = list(shares(audit.summary))
    if all(share.number.value is None for share in found):
        return Numbers((), ())
    rows = [
        (part, name, unsigned(number.value), _interval(number), unsigned(number.std), n_text(number))
        for part, name, number in found
    ]
    return Numbers(("Part", "Number", "Value", "95 % interval", "std", "n"), tuple(rows), n_text=2)


def class_dots(audit: Run[UtilitySummary], *, width: int = theme.WIDE) -> "alt.Chart":
    """The value of each class, best first, by zero-shot classification and by the probe where both are there.

    Args:
        audit: a measurement of utility with a table ``classes``.
        width: of the whole chart in px.
    """
    rows = [
        {"class": plain(row["class"], limit=40), "series": CLASSIFICATIONS[row["part"]], "value": row["value"]}
        for row in _classes(audit)
        if row["value"] is not None
    ]
    best = {row["class"]: row["value"] for row in reversed(rows)}  # the first part's value where there are two
    names = sorted(best, key=lambda name: (-best[name], name))
    if len(names) > MAX_CLASSES:
        names = [*names[: MAX_CLASSES // 2], *names[-MAX_CLASSES // 2 :]]
    axis, room = theme.name_axis(names, limit=CLASS_WIDTH, grid=True)
    base = alt.Chart(theme.data([row for row in rows if row["class"] in names])).encode(
        x=alt.X("value:Q", title=None, axis=_ticks(width), scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("class:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=axis),
    )
    series = list(dict.fromkeys(row["series"] for row in rows))
    legend = alt.Legend(title=None, orient="top") if len(series) > 1 else None
    colour, shape = (
        channel("series:N", scale=alt.Scale(domain=series, range=[kinds[name] for name in series]), legend=legend)
        for channel, kinds in ((alt.Color, COLORS), (alt.Shape, SHAPES))
    )
    dots = base.mark_point(filled=True, opacity=1, size=65).encode(color=colour, shape=shape)
    return theme.themed(dots.properties(width=width - room - 40, height=20 * len(names)))


def class_numbers(audit: Run[UtilitySummary]) -> Numbers:
    """Every class of every part, in the order of the classes; no rows where no value is defined."""
    rows = _classes(audit)
    if all(row["value"] is None for row in rows):
        return Numbers((), ())
    cells = [
        (CLASSIFICATIONS[row["part"]], plain(row["class"], limit=80), count(row["n"]), unsigned(row["value"]))
        for row in rows
    ]
    return Numbers(("Part", "Class", "Images", "Value"), tuple(cells), n_text=2)


def _classes(audit: Run[UtilitySummary]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = audit.tables["classes"].to_pylist()
    return rows


def _panel(found: list[Share], *, top: float, axis: "alt.Axis", width: int) -> "alt.LayerChart":
    names = [share.name for share in found]
    rows = [
        {"name": share.name, "value": share.number.value, "low": share.number.low, "high": share.number.high}
        for share in found
    ]
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=axis)
    )
    x = alt.X("value:Q", title=None, axis=_ticks(width), scale=alt.Scale(domain=[0, top], nice=True))
    interval = base.mark_rule(strokeWidth=2.5, color=theme.TARGET).encode(
        x=alt.X("low:Q", title=None, axis=_ticks(width)), x2="high:Q"
    )
    point = base.mark_point(filled=True, opacity=1, size=75, color=theme.TARGET).encode(x=x)
    return alt.layer(interval, point).properties(width=width, height=26 * len(names), title=found[0].part)


def _interval(number: Number) -> str:
    return f"[{unsigned(number.low)}, {unsigned(number.high)}]" if number.interval else DASH


def _ticks(width: int) -> "alt.Axis":
    return alt.Axis(tickCount=max(3, width // 150))
