"""Several references on the same records: their gaps side by side, and how alike they are."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memometer.report.charts.table import Numbers
from memometer.report.gaps import MEASURES, SCOPES, interval_text, n_text, number_of
from memometer.report.text import DASH, count, plain, signed
from memometer.statistics.small_sets import counted

if TYPE_CHECKING:
    from memometer.audits.schema import VLDejaVuSummary
    from memometer.runs.schema import Likeness, Number

__all__ = ["agreement_numbers", "agreement_rows", "reference_numbers"]


def reference_numbers(summary: "VLDejaVuSummary") -> Numbers:
    """One row per reference, design and scope; without rows where there is one reference."""
    rows = []
    for entry in summary.references:
        kind = "one model" if entry.searched == "captions" else "two models"
        for design, gaps in (("one-way", entry.gaps), ("controlled", entry.controlled)):
            if gaps is None:
                continue
            for scope, name in SCOPES.items():
                found = [number_of(gaps, scope=scope, measure=measure) for measure in MEASURES]
                cells = (_cell(gap) for gap in found)
                rows.append((plain(entry.reference, limit=40), kind, design, name.lower(), *cells, n_text(found[0])))
    header = ("Reference", "Test", "Design", "Objects", *(name for name, _ in MEASURES.values()), "n")
    return Numbers(header, tuple(rows), n_text=4)


def agreement_numbers(summary: "VLDejaVuSummary") -> Numbers:
    """One row per pair of references and measure of agreement of VL-Déjà-Vu."""
    return agreement_rows(
        (
            entry.references,
            {
                "Jaccard of correct objects": entry.jaccard,
                "correlation of recall": entry.recall_correlation,
                "correlation of the recall gap": entry.gap_correlation,
            },
        )
        for entry in summary.agreement
    )


def agreement_rows(pairs: "Iterable[tuple[list[str], dict[str, Likeness]]]") -> Numbers:
    """One row per pair of references and measure of agreement.

    Args:
        pairs: the references, and how alike they are, by the name of the measure of agreement.
    """
    rows = []
    for references, likenesses in pairs:
        pair = " / ".join(plain(name, limit=40) for name in references)
        for name, found in likenesses.items():
            value = DASH if found.value is None else f"{found.value:.3f}"
            interval = DASH if found.low is None else f"[{found.low:.3f}, {found.high:.3f}]"
            rows.append((pair, name, value, interval, counted(found.n, found.n_groups), count(found.n_undefined)))
    return Numbers(("References", "Agreement", "Value", "95 % interval", "n", "undefined"), tuple(rows), n_text=2)


def _cell(gap: "Number") -> str:
    if gap.value is None:
        return DASH
    return f"{signed(gap.value)} {interval_text(gap)}" if gap.interval else signed(gap.value)
