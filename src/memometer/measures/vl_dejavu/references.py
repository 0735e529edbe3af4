"""Several references of a VL-Déjà-Vu audit side by side."""

from memometer.measures.vl_dejavu.gaps import number_of
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.charts.table import Numbers
from memometer.report.gaps import MEASURES, SCOPES, n_text
from memometer.report.references import agreement_rows, gap_cell
from memometer.report.text import plain

__all__ = ["agreement_numbers", "reference_numbers"]


def reference_numbers(summary: VLDejaVuSummary) -> Numbers:
    """One row per reference, design and scope; without rows where there is one reference."""
    rows = []
    for entry in summary.references:
        kind = "one model" if entry.searched == "captions" else "two models"
        for design, gaps in (("one-way", entry.gaps), ("controlled", entry.controlled)):
            if gaps is None:
                continue
            for scope, name in SCOPES.items():
                found = [number_of(gaps, scope=scope, measure=measure) for measure in MEASURES]
                cells = (gap_cell(gap) for gap in found)
                rows.append((plain(entry.reference, limit=40), kind, design, name.lower(), *cells, n_text(found[0])))
    header = ("Reference", "Test", "Design", "Objects", *(name for name, _ in MEASURES.values()), "n")
    return Numbers(header, tuple(rows), n_text=4)


def agreement_numbers(summary: VLDejaVuSummary) -> Numbers:
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
