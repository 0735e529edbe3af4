"""The verdict of an SSLMem audit."""

from memometer.measures.sslmem.schema import SslMemSummary
from memometer.report.gaps import UNDEFINED
from memometer.report.tower_words import kind_of, not_found, said_between, said_of
from memometer.report.verdict import Verdict, duplicate_caution

__all__ = ["sslmem_verdict"]


def sslmem_verdict(summary: SslMemSummary) -> Verdict:
    """Judges SSLMem at the output of each tower by its 95 % interval: balanced where the audit went both ways."""
    design = "balanced" if summary.backward else "forward"
    at_output = {
        tower: entry.balanced if summary.backward else entry.forward for tower, entry in summary.towers.items()
    }
    gaps = {tower: scores.sslmem if scores else UNDEFINED for tower, scores in at_output.items()}
    cautions = duplicate_caution(summary)
    if design == "forward":
        cautions += (
            (
                "This is one direction only. A model that holds all views closer together does so on anyone's records. "
                "Audit the reference's own records too (--reference-role) to tell quality from memorization."
            ),
        )
    name = "balanced SSLMem" if design == "balanced" else "one-way SSLMem"
    sentence = said_of(gaps, name=f"{name} at the output", what="records")
    if summary.text_less_image:
        more = "memorizes more" if design == "balanced" else "has the larger one-way score"
        sentence += " " + said_between(summary.text_less_image, "relative SSLMem", more=more)
    kind = kind_of(gaps)
    if kind == "found" and design == "forward":
        return Verdict("one-way", "Closer views, one way only: memorization or model quality", sentence, cautions)
    if kind == "found":
        claim = "The model trained on a record holds its views closer together than the model that never saw it"
        return Verdict("found", "Memorization found", f"{claim}: {sentence[0].lower()}{sentence[1:]}", cautions)
    return not_found(kind, sentence, gaps, cautions, what="SSLMem")
