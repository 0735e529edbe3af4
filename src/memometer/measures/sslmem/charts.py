"""SSLMem by layer: LayerMem and ΔLayerMem with their intervals, the towers side by side."""

from typing import Any

from memometer.measures.sslmem.schema import SslMemSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.charts.towers import MAX_LAYERS, layer_chart, lines
from memometer.report.lazy import alt
from memometer.report.text import plain, signed
from memometer.runs import Run
from memometer.statistics.small_sets import counted

__all__ = ["DESIGNS", "delta_layermem", "delta_numbers", "layermem", "layermem_numbers"]

DESIGNS = {"balanced": "Balanced, both ways", "forward": "Target's records", "backward": "Reference's records"}
COLORS = {"balanced": theme.TARGET, "forward": theme.BLUE, "backward": theme.REFERENCE}
DASHES = {"balanced": (1, 0), "forward": (6, 3), "backward": (2, 3)}
DELTA = ("delta", "delta_low", "delta_high", "delta_n", "delta_n_groups")


def layermem(audit: Run, *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """LayerMem by layer with 95 % intervals: balanced and each direction by itself.

    Args:
        audit: an audit whose table ``layers`` has a row per layer and design.
        width: of the whole chart in px; below 600 the towers stand one above the other.
    """
    shown = [design for design in DESIGNS if _rows(audit, design)]
    encodings = theme.series(
        [DESIGNS[each] for each in shown],
        colors=[COLORS[each] for each in shown],
        dashes=[DASHES[each] for each in shown],
        width=width,
    )
    series = {DESIGNS[each]: (_rows(audit, each), ("layermem", "low", "high")) for each in shown}
    return layer_chart(audit, series, lambda base, y: lines(base, y, encodings), title="LayerMem", width=width)


def layermem_numbers(audit: Run) -> Numbers:
    """LayerMem of every layer and design."""
    return _numbers(audit, ("layermem", "low", "high", "n", "n_groups"), "LayerMem", list(DESIGNS))


def delta_layermem(audit: Run[SslMemSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """ΔLayerMem by layer with 95 % intervals: balanced where the audit went both ways.

    Args:
        audit: as for `layermem`.
        width: of the whole chart in px; below 600 the towers stand one above the other.
    """
    color = theme.TARGET

    def marks(base: Any, y: Any) -> list[Any]:
        return [
            base.mark_rule(strokeWidth=9, opacity=0.3, color=color).encode(y=y, y2=alt.Y2Datum(0)),
            base.mark_rule(strokeWidth=2, color=color).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_point(filled=True, size=42, opacity=1, color=color).encode(y=y),
        ]

    series = {"ΔLayerMem": (_rows(audit, _headline(audit)), ("delta", "delta_low", "delta_high"))}
    return layer_chart(audit, series, marks, title="ΔLayerMem", width=width)


def delta_numbers(audit: Run[SslMemSummary]) -> Numbers:
    """ΔLayerMem of every layer but the first."""
    return _numbers(audit, DELTA, "ΔLayerMem", [_headline(audit)])


def _rows(audit: Run, design: str) -> list[dict[str, Any]]:
    return [row for row in audit.tables["layers"].slice(0, 6 * MAX_LAYERS).to_pylist() if row["design"] == design]


def _headline(audit: Run[SslMemSummary]) -> str:
    return "balanced" if audit.summary.backward else "forward"


def _numbers(audit: Run, fields: tuple[str, ...], name: str, designs: list[str]) -> Numbers:
    rows = []
    for row in sorted(
        (row for design in designs for row in _rows(audit, design) if row[fields[0]] is not None),
        key=lambda row: (row["tower"], designs.index(row["design"]), row["index"]),
    ):
        value, low, high, n = (row[field] for field in fields[:4])
        layer = f"{row['index']}: {plain(row['layer'], limit=60)}"
        numbers = (signed(value), signed(low), signed(high), counted(n, row.get(fields[4])))
        clear = low is not None and (low > 0 or high < 0)
        rows.append((clear, (row["tower"], DESIGNS[row["design"]], layer, *numbers)))
    header = ("Tower", "Records", "Layer", name, "Low", "High", "n")
    return Numbers.marked(header if rows else (), rows, n_text=3)
