"""The verdict of a UnitMem audit."""

from memometer.measures.unitmem.schema import UnitMemSummary
from memometer.report.text import capital
from memometer.report.tower_words import kind_of, not_found, said_between, said_of
from memometer.report.verdict import Verdict, duplicate_caution

__all__ = ["unitmem_verdict"]


def unitmem_verdict(summary: UnitMemSummary) -> Verdict:
    """Judges mean UnitMem on the records less that on the control, over all units, by its 95 % interval."""
    towers = summary.towers
    cautions = duplicate_caution(summary)
    gaps = {tower: entry.control.difference for tower, entry in towers.items() if entry.control}
    if len(gaps) < len(towers):
        means = "; ".join(
            f"{tower} tower: mean UnitMem {entry.mean:.3f} over {entry.n_units - entry.n_undefined:,} units, "
            f"{entry.share_above_half:.0%} of them above 0.5"
            for tower, entry in towers.items()
            if entry.mean is not None and entry.share_above_half is not None
        )
        if not means:
            return Verdict("undefined", "No verdict", "UnitMem is undefined for every unit.", cautions)
        hint = (
            "Units are selective of records that a model never saw as well. Give such records (--control-role) to tell "
            "what of it is memorization."
        )
        return Verdict("one-way", "Selective units, without a control", f"{capital(means)}.", (*cautions, hint))
    sentence = said_of(gaps, name="mean UnitMem beyond records the model never saw", what="pairs of groups")
    if summary.text_less_image:
        sentence += " " + said_between(summary.text_less_image, "UnitMem beyond the control", more="memorizes more")
    kind = kind_of(gaps)
    if kind == "found":
        claim = "Single training records excite the units more selectively than records that the model never saw"
        return Verdict("found", "Memorization found", f"{claim}: {sentence[0].lower()}{sentence[1:]}", cautions)
    return not_found(kind, sentence, gaps, cautions, what="UnitMem beyond the control")
