"""Which scores an image-only audit has."""

from memometer.measures.image_dejavu.schema import ImageDejaVuSummary, Scores

__all__ = ["designs_of"]


def designs_of(summary: ImageDejaVuSummary) -> dict[str, Scores]:
    """The scores of each design (`memometer.report.gaps.DESIGNS`) that this audit has, the most telling first."""
    found = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.scores,
        "swapped": summary.backward and summary.backward.scores,
        "control": summary.control and summary.control.scores,
    }
    return {design: scores for design, scores in found.items() if scores}
