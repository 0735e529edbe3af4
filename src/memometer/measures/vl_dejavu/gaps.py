"""Which gaps a VL-Déjà-Vu audit has."""

from memometer.measures.vl_dejavu.schema import GapsTwice, VLDejaVuSummary
from memometer.report.gaps import UNDEFINED
from memometer.runs.schema import Number

__all__ = ["find_gap", "is_one_model", "number_of"]


def find_gap(summary: VLDejaVuSummary, *, design: str, scope: str, measure: str) -> Number:
    """The gap of one design (`DESIGNS`), scope (`SCOPES`) and measure (`MEASURES`)."""
    gaps = summary.designs().get(design)
    return number_of(gaps, scope=scope, measure=measure) if gaps else UNDEFINED


def number_of(scopes: GapsTwice, *, scope: str, measure: str) -> Number:
    """The gap of one scope (`SCOPES`) and measure (`MEASURES`)."""
    gaps = {"all": scopes.all, "unmentioned": scopes.unmentioned}[scope]
    return {"ppg": gaps.ppg, "prg": gaps.prg, "aucg": gaps.aucg}[measure]


def is_one_model(summary: VLDejaVuSummary) -> bool:
    """Whether the reference is a text encoder that searched captions, in place of a second model."""
    return summary.searched.get("reference") == "captions" and "target" in summary.searched
