"""Recall distributions of both models (paper A, Figure 3)."""

import itertools

import numpy as np
import pyarrow as pa

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import SCOPES
from memometer.report.lazy import alt, pc
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["recall_distributions", "recall_numbers"]

N_BINS = 100
TRAINED = "Trained on the records"
UNTRAINED = "Never saw the records"
COLUMNS = {
    "all": ("recall_target", "recall_reference"),
    "unmentioned": ("recall_unmentioned_target", "recall_unmentioned_reference"),
}


def recall_distributions(audit: Run, *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """The share of records whose recall exceeds x, for the model trained on them and for the other one.

    The area between the two curves is the AUCG. With both directions, each counts half, as in the balanced gap.

    Args:
        audit: the audit to show.
        width: of the whole chart in px; below 600 the panels stand one above the other.
    """
    panels = [_panel(audit, scope, width=width) for scope in SCOPES]
    return theme.themed(theme.arrange(panels, width=width))


def recall_numbers(audit: Run) -> Numbers:
    """Every fifth point of the curves as a table."""
    header = ["Recall above"]
    columns = [[f"{step / N_BINS:.2f}" for step in range(0, N_BINS + 1, 5)]]
    for scope, name in SCOPES.items():
        trained, untrained = (_survival(_samples(audit, column), column) for column in COLUMNS[scope])
        if trained is None or untrained is None:
            continue
        header += [f"{name}: trained", "never saw", "difference"]
        columns += [[f"{value:.3f}" for value in curve[::5]] for curve in (trained, untrained)]
        columns.append([signed(float(value)) for value in (trained - untrained)[::5]])
    rows = tuple(zip(*columns, strict=True)) if len(columns) > 1 else ()
    return Numbers(tuple(header), rows, n_text=0)


def _panel(audit: Run, scope: str, *, width: int) -> "alt.VConcatChart":
    trained, untrained = (_survival(_samples(audit, column), column) for column in COLUMNS[scope])
    rows = []
    if trained is not None and untrained is not None:
        steps = zip(itertools.count(), trained.tolist(), untrained.tolist(), strict=False)
        rows = [
            {"x": step / N_BINS, "trained": round(high, 5), "untrained": round(low, 5), "gap": round(high - low, 5)}
            for step, high, low in steps
        ]
    plot = theme.panel_width(width=width, n_panels=2, margin=76)
    hide = alt.Axis(labels=False, ticks=False, grid=True, values=[0, 0.25, 0.5, 0.75, 1], title=None)
    show = alt.Axis(format=".2~f", values=[0, 0.25, 0.5, 0.75, 1], grid=False)
    base = alt.Chart(theme.data(rows))
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("x:Q", scale=unit, axis=hide)
    share = alt.Axis(format=".0%", tickCount=5)
    between = base.mark_area(interpolate="step-after", opacity=0.22, color=theme.TARGET).encode(
        x=x, y=alt.Y("trained:Q", title="records with recall above x", scale=unit, axis=share), y2="untrained:Q"
    )
    curves = [
        base.transform_calculate(series=f"'{name}'")
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(x=x, y=alt.Y(f"{field}:Q"), **_two_series(width))
        for field, name in (("untrained", UNTRAINED), ("trained", TRAINED))
    ]
    gap = base.mark_area(interpolate="step-after", opacity=0.6, color=theme.TARGET).encode(
        x=alt.X("x:Q", title="recall x", scale=unit, axis=show),
        y=alt.Y("gap:Q", title="difference", axis=alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=3)),
    )
    upper = alt.layer(between, *curves).properties(width=plot, height=210, title=SCOPES[scope])
    lower = alt.layer(gap, theme.zero_line(horizontal=True)).properties(width=plot, height=64)
    return alt.vconcat(upper, lower, spacing=8)


def _two_series(width: int) -> "dict[str, alt.Color | alt.StrokeDash]":
    colors = (theme.TARGET, theme.REFERENCE)
    return theme.series((TRAINED, UNTRAINED), colors=colors, dashes=((1, 0), (5, 3)), width=width)


def _samples(audit: Run, column: str) -> pa.Table:
    return audit.columns_of("samples", ["direction", column])


def _survival(samples: pa.Table, column: str) -> np.ndarray | None:
    """(N_BINS + 1,) shares of records with a recall above 0, 0.01, …, 1: the mean over directions; None without any."""
    curves = []
    for direction in ("forward", "backward"):
        values = samples.filter(pc.equal(samples["direction"], direction))[column]
        counts = np.zeros(N_BINS + 1, dtype=np.int64)
        for chunk in values.chunks:
            recall = chunk.drop_null().to_numpy(zero_copy_only=False)
            recall = recall[np.isfinite(recall)]
            # a recall of 0.3 is not above 0.3, whatever its last bit says
            bins = np.ceil(recall * N_BINS - 1e-6).clip(0, N_BINS).astype(np.int64)
            counts += np.bincount(bins, minlength=N_BINS + 1)
        if counts.sum():
            curves.append(1 - np.cumsum(counts) / counts.sum())
    return np.mean(curves, axis=0) if curves else None
