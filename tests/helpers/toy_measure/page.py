"""Its report."""

from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.measure_page import MeasurePage, Reading
from memometer.report.text import clip, signed
from memometer.report.verdict import Verdict

__all__ = ["PAGE"]


def _verdict(summary):
    found = summary.advantage.above_zero
    title = "The target holds its pairs closer" if found else "No difference is shown"
    sentence = f"{signed(summary.advantage.value)}, the mean over records."
    return Verdict("found" if found else "not-shown", title, sentence)


def _tables(audit):
    number = audit.summary.advantage
    row = ("advantage", signed(number.value), interval_text(number), n_text(number))
    return (HeadTable("Cosine of image and caption", Numbers(("", "Mean", "95 % interval", "n"), (row,), n_text=1)),)


PAGE = MeasurePage(
    name="Toy",
    lead="Does a model hold its images and captions together more closely?",
    reading=(Reading("The number", "A difference of cosines."),),
    method="A toy.",
    gallery=None,
    verdict=_verdict,
    facts=lambda audit: (("Target", clip(audit.summary.target, limit=80)),),
    tables=_tables,
    figures=(),
)
