"""The candidates from the most to the least memorized."""

from typing import Any

import numpy as np

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.lazy import alt
from memometer.report.text import count, plain, signed
from memometer.runs import Run

__all__ = ["ranked_scores", "ranking_numbers"]

MAX_POINTS = 300
MAX_PLANTED = 300
N_LISTED = 40


def ranked_scores(audit: Run, *, width: int = theme.WIDE) -> "alt.LayerChart":
    """CLIPMem against rank; planted candidates are marked.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    ranked = _ranked(audit)
    n = len(ranked)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int)).tolist()
    curve = [{"rank": ranked[place]["rank"], "score": ranked[place]["clipmem"]} for place in chosen]
    x = alt.X("rank:Q", title="rank among the candidates", scale=alt.Scale(domain=[1, max(n, 2)], nice=False))
    y = alt.Y("score:Q", title="CLIPMem", axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5))
    layers = [
        theme.zero_line(horizontal=True),
        alt.Chart(theme.data(curve)).mark_line(strokeWidth=2, color=theme.TARGET).encode(x=x, y=y),
    ]
    planted = [row for row in ranked if row["planted"] is not None]
    if planted:
        kinds = sorted({plain(row["planted"], limit=30) for row in planted})
        marks = [
            {"rank": row["rank"], "score": row["clipmem"], "series": plain(row["planted"], limit=30)}
            for row in planted[:MAX_PLANTED]
        ]
        colors = [theme.VERMILION, theme.BLUE, theme.REFERENCE]
        scale = alt.Scale(domain=kinds, range=[colors[place % 3] for place in range(len(kinds))])
        legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1)
        layers.append(
            alt.Chart(theme.data(marks))
            .mark_tick(thickness=2, size=14, opacity=0.8, orient="vertical")
            .encode(x=x, y=y, color=alt.Color("series:N", scale=scale, legend=legend))
        )
    return theme.themed(alt.layer(*layers).properties(width=width - 80, height=220))


def ranking_numbers(audit: Run) -> Numbers:
    """The first candidates of the ranking."""
    rows = tuple(
        (
            plain(row["record_id"], limit=80),
            plain(row["planted"] or "", limit=40),
            count(row["rank"]),
            *(signed(row[name]) for name in ("clipmem", "clipmem_normalised")),
            signed(row["clipmem_stderr"]).lstrip("+"),
            *(signed(row[name]) for name in ("align_target", "align_reference", "similarity_target")),
        )
        for row in _ranked(audit)[:N_LISTED]
    )
    scores = ("CLIPMem", "normalised", "se, trainings", "alignment, trained", "never saw", "cosine, trained")
    return Numbers(("Record", "Planted", "Rank", *scores), rows, n_text=2)


def _ranked(audit: Run) -> list[dict[str, Any]]:
    ranked = audit.samples.filter(audit.samples["rank"].is_valid())
    return list(ranked.sort_by("rank").to_pylist())
