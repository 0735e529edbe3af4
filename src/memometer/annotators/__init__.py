"""Annotators: detectors and taggers behind one protocol; records in, labelled records out."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.annotators.annotating import annotate
    from memometer.annotators.base import Annotator, Asked, Found, Seen
    from memometer.annotators.loading import load_annotator
    from memometer.annotators.summary import AnnotationSummary
    from memometer.annotators.tidying import TidySummary, tidy_labels

__all__ = [
    "AnnotationSummary",
    "Annotator",
    "Asked",
    "Found",
    "Seen",
    "TidySummary",
    "annotate",
    "load_annotator",
    "tidy_labels",
]


# So that the options of a command can be read without tables.
__getattr__ = on_first_use(__name__)
