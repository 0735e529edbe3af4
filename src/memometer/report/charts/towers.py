"""What charts by layer and by unit share."""

from typing import Any

from memometer.report.charts import theme
from memometer.report.lazy import alt, pc
from memometer.runs import Run

__all__ = ["MAX_LAYERS", "layer_axis", "tower_panel", "towers_of"]


MAX_LAYERS = 200


def towers_of(audit: Run) -> list[str]:
    """The towers of the table ``layers``, in their order."""
    towers: list[str] = pc.unique(audit.tables["layers"]["tower"]).to_pylist()
    return towers


def layer_axis(audit: Run, tower: str) -> "alt.X":
    """The layers of a tower by number; an output is the last."""
    rows = [row for row in audit.tables["layers"].to_pylist() if row["tower"] == tower]
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


def tower_panel(layers: list[Any], audit: Run, tower: str, *, width: int) -> "alt.LayerChart":
    """One tower's marks, beside the other tower's where the chart has room."""
    n_panels = max(2, len(towers_of(audit)))
    return alt.layer(*layers).properties(
        width=theme.panel_width(width=width, n_panels=n_panels),
        height=220,
        title=f"{tower.capitalize()} tower",
    )
