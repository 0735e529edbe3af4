"""How well a ranking finds planted records: ROC curves, one panel per kind."""

from typing import Any

import numpy as np
import pyarrow as pa

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.lazy import alt, pc
from memometer.report.text import plain, unsigned
from memometer.runs import Run
from memometer.runs.schema import AuditSummary
from memometer.statistics.small_sets import counted

__all__ = ["planted_curves", "planted_numbers"]

MAX_KINDS = 4
MAX_POINTS = 200
RANDOM = "random"
COLORS = (theme.TARGET, theme.BLUE, theme.VERMILION)
DASHES = ((1, 0), (6, 3), (2, 3))


def planted_curves(audit: Run[AuditSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """The share of planted records found against the share of others taken for them, by each ranking.

    Args:
        audit: an audit whose table ``roc`` has the corners of the curves.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    curves = audit.tables["roc"]
    kinds = sorted(pc.unique(curves["kind"]).to_pylist())[:MAX_KINDS]
    # In the order of the summary: the measure's own ranking comes first.
    names = list(dict.fromkeys(row.by for row in audit.summary.planted or [] if row.by != RANDOM))
    panels = [_panel(curves, kind, names, width=width, n_panels=max(2, len(kinds))) for kind in kinds]
    return theme.themed(theme.arrange(panels, width=width))


def planted_numbers(audit: Run[AuditSummary]) -> Numbers:
    """The areas under the curves with their intervals; no rows where nothing was planted."""
    curves = audit.tables.get("roc")
    if curves is None or not curves.num_rows:
        return Numbers((), ())
    rows = tuple(
        (
            plain(row.kind, limit=40),
            plain(row.by, limit=40),
            *map(unsigned, (row.area, row.low, row.high)),
            counted(row.n_positive, row.n_groups_positive),
            counted(row.n_negative, row.n_groups_negative),
        )
        for row in audit.summary.planted or []
    )
    return Numbers(("Planted", "Ranked by", "Area", "Low", "High", "n planted", "n others"), rows, n_text=2)


def _panel(curves: pa.Table, kind: str, names: list[str], *, width: int, n_panels: int) -> "alt.LayerChart":
    of_kind = curves.filter(pc.equal(curves["kind"], kind))
    rows: list[dict[str, Any]] = []
    for name in names:
        points = of_kind.filter(pc.equal(of_kind["by"], name)).to_pylist()
        chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), MAX_POINTS)).round().astype(int)).tolist()
        rows += [
            {
                "x": round(points[place]["false_positive_rate"], 5),
                "y": round(points[place]["true_positive_rate"], 5),
                "place": place,
                "series": name,
            }
            for place in chosen
        ]
    side = min(theme.panel_width(width=width, n_panels=n_panels), 320)
    unit = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    x = alt.X("x:Q", title="others taken for planted", scale=unit, axis=axis)
    y = alt.Y("y:Q", title="planted records found", scale=unit, axis=axis)
    chance = alt.Chart(theme.data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    encodings = theme.series(names, colors=COLORS[: len(names)], dashes=DASHES[: len(names)], width=width)
    return alt.layer(
        chance.mark_line(color=theme.MUTED, strokeWidth=1).encode(x=x, y=y),
        alt.Chart(theme.data(rows)).mark_line(strokeWidth=2).encode(x=x, y=y, order="place:Q", **encodings),
    ).properties(width=side, height=side, title=plain(kind, limit=40))
