"""How the gaps move when the labeller errs more."""

from collections.abc import Iterator
from typing import Any

from memometer.measures.vl_dejavu.schema import LabelErrors, Moved, VLDejaVuSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import MEASURES, SCOPES
from memometer.report.lazy import alt
from memometer.report.text import DASH, signed
from memometer.runs import Run

__all__ = ["gap_by_label_errors", "label_error_numbers"]

KINDS = {"dropped": "Labels dropped", "added": "Labels added"}
BESIDE = {"dropped": -0.0015, "added": 0.0015}
"""Added to the rates, so that the ranges do not hide each other."""


def gap_by_label_errors(audit: Run[VLDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """PRG of the leading design against the rate of labels dropped or added, with the range of the draws.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    panels = [_panel(audit.summary, scope, width=width, first=scope == "all") for scope in SCOPES]
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


def label_error_numbers(audit: Run[VLDejaVuSummary]) -> Numbers:
    """All gaps, as they are and under each kind and rate of errors."""
    summary = audit.summary
    if not summary.label_errors:
        return Numbers((), ())
    rows = [("as they are", DASH, *(signed(_as_it_is(summary, scope, gap)) for scope in SCOPES for gap in MEASURES))]
    rows += [
        (
            KINDS[row.labels].lower(),
            f"{row.rate:.0%}",
            *(signed(_moved(row, scope, gap).value) for scope in SCOPES for gap in MEASURES),
        )
        for row in summary.label_errors
    ]
    titles = (f"{MEASURES[gap][0]}, {name.split()[0].lower()}" for name in SCOPES.values() for gap in MEASURES)
    return Numbers(("Labels", "Rate", *titles), tuple(rows), n_text=2)


def _as_it_is(summary: VLDejaVuSummary, scope: str, gap: str) -> float | None:
    return summary.gap(next(iter(summary.designs())), scope, gap).value


def _moved(row: LabelErrors, scope: str, gap: str) -> Moved:
    gaps = {"all": row.all, "unmentioned": row.unmentioned}[scope]
    return {"ppg": gaps.ppg, "prg": gaps.prg, "aucg": gaps.aucg}[gap]


def _points(summary: VLDejaVuSummary, scope: str) -> Iterator[dict[str, Any]]:
    """The points of one panel; every series begins at the gap as it is."""
    start = _as_it_is(summary, scope, "prg")
    for kind, name in KINDS.items():
        if start is not None:
            yield {"series": name, "rate": 0.0, "value": start, "low": start, "high": start}
        for row in summary.label_errors:
            moved = _moved(row, scope, "prg")
            if row.labels == kind and moved.value is not None:
                rate = row.rate + BESIDE[kind]
                yield {"series": name, "rate": rate, "value": moved.value, "low": moved.lowest, "high": moved.highest}


def _panel(summary: VLDejaVuSummary, scope: str, *, width: int, first: bool) -> "alt.LayerChart":
    encodings = theme.series(
        list(KINDS.values()), colors=(theme.BLUE, theme.VERMILION), dashes=((1, 0), (6, 3)), width=width
    )
    labelled = first or width < 600
    rates = sorted({0.0, *(row.rate for row in summary.label_errors)})
    base = alt.Chart(theme.data(list(_points(summary, scope)))).encode(
        x=alt.X(
            "rate:Q",
            title="share of labels dropped or added",
            scale=alt.Scale(nice=False, domain=[-0.008, 1.06 * rates[-1] + 0.008]),
            axis=alt.Axis(values=rates, format=".0%", grid=False),
        ),
        color=encodings["color"],
    )
    axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5)
    y = alt.Y("value:Q", title="PRG" if labelled else None, axis=axis)
    extremes = base.mark_rule(strokeWidth=2, opacity=0.55).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=encodings["strokeDash"])
    point = base.mark_point(filled=True, size=42, opacity=1).encode(y=y)
    return alt.layer(theme.zero_line(horizontal=True), extremes, line, point).properties(
        width=theme.panel_width(width=width, n_panels=2), height=200, title=SCOPES[scope]
    )
