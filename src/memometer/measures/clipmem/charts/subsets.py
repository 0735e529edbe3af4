"""CLIPMem by subset: the means with their intervals, and how the scores spread."""

from typing import Any

import numpy as np

from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.clipmem.subsets import MEANINGS, NAMES, Subset, mean_of, shown_subsets
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.lazy import alt, pc
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["drawn_means", "histogram_numbers", "mean_numbers", "score_histograms", "subset_means"]

COLORS: dict[Subset, str] = {
    "candidates": theme.TARGET,
    "independent": theme.VERMILION,
    "shared": theme.BLUE,
    "external": theme.REFERENCE,
}
N_BINS = 50
NAME_WIDTH = 110
"""Room for a subset's name in px."""


def subset_means(audit: Run[ClipMemSummary], *, width: int = theme.WIDE) -> "alt.LayerChart":
    """The mean raw score of each subset with its 95 % interval.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    shown = [NAMES[name] for name in shown_subsets(audit.summary)]
    rows = []
    for name in shown_subsets(audit.summary):
        mean = mean_of(audit.summary, name)
        if mean.value is not None:
            rows.append({"subset": NAMES[name], "value": mean.value, "low": mean.low, "high": mean.high})
    axis, room = theme.name_axis(shown, limit=NAME_WIDTH)
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("subset:N", sort=shown, scale=alt.Scale(domain=shown), title=None, axis=axis), color=_color(shown)
    )
    ticks = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=max(3, width // 110))
    interval = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title="mean CLIPMem", axis=ticks), x2="high:Q")
    point = base.mark_point(filled=True, size=80, opacity=1).encode(x=alt.X("value:Q", scale=alt.Scale(zero=True)))
    layers = alt.layer(theme.zero_line(horizontal=False), interval, point)
    return theme.themed(layers.properties(width=width - room - 40, height=36 * len(shown)))


def mean_numbers(audit: Run[ClipMemSummary]) -> Numbers:
    """Mean, interval and spread of each subset, raw and normalised."""
    rows = []
    for name in shown_subsets(audit.summary):
        entry = audit.summary.subsets[name]
        mean, over = entry.clipmem, entry.clipmem_normalised
        cells = (
            NAMES[name],
            MEANINGS[name],
            *(signed(mean.value), interval_text(mean), signed(mean.std).lstrip("+")),
            *(signed(over.value), interval_text(over)),
            signed(entry.stderr_trainings).lstrip("+"),
            n_text(mean),
        )
        rows.append((mean.clear, cells))
    scores = ("Mean", "95 % interval", "std", "Normalised", "95 % interval", "se, trainings", "n")
    return Numbers.marked(("Subset", "Trained on by", *scores), rows, n_text=2)


def drawn_means(audit: Run[ClipMemSummary]) -> Numbers:
    """`mean_numbers`, without rows where no mean is defined."""
    values = (mean_of(audit.summary, name).value for name in shown_subsets(audit.summary))
    return mean_numbers(audit) if any(value is not None for value in values) else Numbers((), ())


def score_histograms(audit: Run[ClipMemSummary], *, width: int = theme.WIDE) -> "alt.VConcatChart":
    """How the raw scores of each subset spread: one histogram per subset, all with the same bins.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    edges, shares = _histograms(audit)
    shown = list(shares)
    top = max((max(values) for values in shares.values()), default=1.0)
    panels = []
    for place, name in enumerate(shown):
        rows = [
            {"left": left, "right": right, "share": share}
            for left, right, share in zip(edges[:-1], edges[1:], shares[name], strict=True)
        ]
        last = place == len(shown) - 1
        axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=max(3, width // 110), labels=last, ticks=last)
        bars = (
            alt.Chart(theme.data(rows))
            .mark_rect(color=COLORS[name], opacity=0.6)
            .encode(
                x=alt.X("left:Q", title="CLIPMem" if last else None, axis=axis, scale=alt.Scale(nice=False)),
                x2="right:Q",
                y=alt.Y(
                    "share:Q",
                    title=None,
                    axis=alt.Axis(format=".0%", tickCount=2),
                    scale=alt.Scale(domain=[0, top]),
                ),
                y2=alt.Y2Datum(0),
            )
        )
        panel = alt.layer(bars, theme.zero_line(horizontal=False))
        panels.append(panel.properties(width=width - 80, height=64, title=NAMES[name]))
    return theme.themed(alt.vconcat(*panels, spacing=6).resolve_scale(x="shared"))


def histogram_numbers(audit: Run[ClipMemSummary]) -> Numbers:
    """The histograms as a table: the share of each subset's records per bin, empty bins left out."""
    edges, shares = _histograms(audit)
    rows = tuple(
        (
            f"{signed(edges[bin_])} to {signed(edges[bin_ + 1])}",
            *(f"{100 * values[bin_]:.1f} %" for values in shares.values()),
        )
        for bin_ in range(len(edges) - 1)
        if any(values[bin_] for values in shares.values())
    )
    return Numbers(("CLIPMem", *(NAMES[name] for name in shares)), rows)


def _histograms(audit: Run[ClipMemSummary]) -> tuple[list[float], dict[Subset, list[float]]]:
    """The edges of the bins, and per subset the share of its scored records in each."""
    scored = audit.samples.filter(pc.is_valid(audit.samples["clipmem"]))
    if not scored.num_rows:
        return [], {}
    values = scored["clipmem"].to_numpy()
    low, high = float(min(values.min(), 0.0)), float(max(values.max(), 0.0))
    if low == high:
        low, high = -0.5, 0.5
    edges = np.linspace(low, high, N_BINS + 1)
    shares: dict[Subset, list[float]] = {}
    for name in shown_subsets(audit.summary):
        part = scored.filter(pc.equal(scored["subset"], name))["clipmem"].to_numpy()
        if len(part):
            counts, _ = np.histogram(part, bins=edges)
            shares[name] = [round(float(share), 6) for share in counts / len(part)]
    return [round(float(edge), 6) for edge in edges], shares


def _color(shown: list[str]) -> Any:
    colors = [COLORS[name] for name, label in NAMES.items() if label in shown]
    return alt.Color("subset:N", legend=None, scale=alt.Scale(domain=shown, range=colors))
