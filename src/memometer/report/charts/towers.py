"""What charts by layer and by unit share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from memometer.report.charts import theme
from memometer.report.lazy import alt, pc
from memometer.runs import Run

__all__ = ["MAX_LAYERS", "layer_chart", "lines"]

MAX_LAYERS = 200
Fields = tuple[str, str, str]
"""Of a row of ``layers``: a number, and the ends of what is drawn through it."""


def layer_chart(
    audit: Run,
    series: Mapping[str, tuple[Iterable[dict[str, Any]], Fields]],
    marks: Callable[[Any, Any], list[Any]],
    *,
    title: str,
    width: int,
    signed: bool = True,
) -> "alt.ConcatChart":
    """Numbers of layers, a panel per tower, all on one scale.

    Args:
        audit: its table ``layers`` has a row per layer.
        series: name → its rows of that table, and what is drawn of each.
        marks: a chart of the rows, with their ``series``, and its y → what is drawn.
        title: of the y axis.
        width: of the whole chart in px; below 600 the towers stand one above the other.
        signed: whether numbers are differences, and 0 has a line.
    """
    layers = audit.tables["layers"]
    towers = pc.unique(layers["tower"]).to_pylist()
    axis = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=5) if signed else alt.Axis(tickCount=5)
    panels = []
    for place, tower in enumerate(towers):
        rows = [
            {"index": row["index"], "series": name, "value": row[value], "low": row[low], "high": row[high]}
            for name, (found, (value, low, high)) in series.items()
            for row in found
            if row["tower"] == tower and row[value] is not None
        ]
        y = alt.Y("value:Q", title=title if place == 0 or width < 600 else None, axis=axis)
        own = [row for row in layers.to_pylist() if row["tower"] == tower]
        drawn = marks(alt.Chart(theme.data(rows)).encode(x=_layer_axis(own)), y)
        panel = alt.layer(*([theme.zero_line(horizontal=True)] if signed else []), *drawn)
        panels.append(
            panel.properties(
                width=theme.panel_width(width=width, n_panels=max(2, len(towers))),
                height=220,
                title=f"{tower.capitalize()} tower",
            )
        )
    return theme.themed(theme.arrange(panels, width=width).resolve_scale(y="shared"))


def lines(base: Any, y: Any, encodings: dict[str, Any], *, opacity: float = 0.5) -> list[Any]:
    """Series with their intervals: what is between ``low`` and ``high``, a line, and a point at each number."""
    base = base.encode(color=encodings["color"])
    return [
        base.mark_rule(strokeWidth=2, opacity=opacity).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=encodings["strokeDash"]),
        base.mark_point(filled=True, size=42, opacity=1).encode(y=y),
    ]


def _layer_axis(rows: list[dict[str, Any]]) -> "alt.X":
    """The layers of a tower by number; an output is the last."""
    last = max(row["index"] for row in rows)
    output = any(row["layer"] == "output" for row in rows)
    label = f"datum.value == {last} ? 'output' : datum.value" if output else "datum.value"
    values = list(range(1, last + 1, max(1, last // 8)))
    return alt.X(
        "index:Q",
        title="layer",
        scale=alt.Scale(domain=[0.5, last + 0.5], nice=False),
        axis=alt.Axis(values=sorted({*values, last}), labelExpr=label, grid=False),
    )
