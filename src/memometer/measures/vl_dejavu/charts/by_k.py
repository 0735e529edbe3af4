"""Gap against the number of neighbours k."""

from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.charts.towers import lines
from memometer.report.gaps import MEASURES, SCOPES, n_text
from memometer.report.lazy import alt
from memometer.report.text import signed
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["gap_by_k", "sweep_numbers"]

COLORS = {"ppg": theme.BLUE, "prg": theme.TARGET, "aucg": theme.VERMILION}
DASHES = {"ppg": (6, 3), "prg": (1, 0), "aucg": (2, 3)}
BESIDE = {"ppg": 0.96, "prg": 1.0, "aucg": 1.04}
"""Factors on k that keep the intervals from hiding each other."""


def gap_by_k(audit: Run[VLDejaVuSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """PPG, PRG and AUCG with 95 % intervals against k: balanced where the audit went both ways, else one-way.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    panels = [_panel(audit.summary, scope, width=width, first=scope == "all") for scope in SCOPES]
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


def sweep_numbers(audit: Run[VLDejaVuSummary]) -> Numbers:
    """The chart's gaps as a table."""
    if not any(gap.value is not None for scope in SCOPES for _, _, gap in _gaps(audit.summary, scope)):
        return Numbers((), ())
    rows = [
        (str(k), name, MEASURES[measure][0], signed(gap.value), signed(gap.low), signed(gap.high), n_text(gap))
        for scope, name in SCOPES.items()
        for k, measure, gap in _gaps(audit.summary, scope)
    ]
    return Numbers(("k", "Objects", "Gap", "Value", "Low", "High", "n"), tuple(rows), n_text=3)


def _gaps(summary: VLDejaVuSummary, scope: str) -> list[tuple[int, str, Number]]:
    """Each (k, measure, gap) of one scope, k rising."""
    found = []
    for k, entry in sorted(summary.by_k.items(), key=lambda item: int(item[0])):
        scopes = entry.balanced or entry.controlled or entry
        found += [(int(k), measure, scopes.gap(scope, measure)) for measure in MEASURES]
    return found


def _panel(summary: VLDejaVuSummary, scope: str, *, width: int, first: bool) -> "alt.LayerChart":
    rows = [
        {"k": k * BESIDE[measure], "series": MEASURES[measure][0], "value": gap.value, "low": gap.low, "high": gap.high}
        for k, measure, gap in _gaps(summary, scope)
        if gap.value is not None
    ]
    names = [MEASURES[measure][0] for measure in MEASURES]
    encodings = theme.series(names, colors=list(COLORS.values()), dashes=list(DASHES.values()), width=width)
    steps = sorted({k for k, _, _ in _gaps(summary, scope)})
    labelled = first or width < 600
    y_axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5)
    base = alt.Chart(theme.data(rows)).encode(
        x=alt.X(
            "k:Q",
            title="neighbours k",
            scale=alt.Scale(type="log", nice=False, domain=[0.8 * min(steps, default=1), 1.25 * max(steps, default=1)]),
            axis=alt.Axis(values=steps, format="d", grid=False),
        ),
    )
    y = alt.Y("value:Q", title="gap" if labelled else None, axis=y_axis)
    return alt.layer(theme.zero_line(horizontal=True), *lines(base, y, encodings, opacity=0.55)).properties(
        width=theme.panel_width(width=width, n_panels=2), height=200, title=SCOPES[scope]
    )
