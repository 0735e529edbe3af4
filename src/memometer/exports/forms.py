"""The forms that a run can be exported in."""

from typing import Literal, NamedTuple

__all__ = ["FORMS", "Form", "FormRow"]

Form = Literal["csv", "latex", "model-card", "croissant", "keys", "fiftyone"]


class FormRow(NamedTuple):
    """One form.

    Attributes:
        module: of `memometer.exports`, whose ``export`` writes it.
        about: what it is, in a few words.
    """

    module: str
    about: str


FORMS: dict[Form, FormRow] = {
    "csv": FormRow("csv_tables", "every number with its interval, and every table of the run"),
    "latex": FormRow("latex", "the headline numbers as a table for a paper"),
    "model-card": FormRow("model_card", "a section in Markdown and the metadata of a model card"),
    "croissant": FormRow("croissant", "the tables of the run with a description in Croissant"),
    "keys": FormRow("keys", "the keys of records by shard, to leave out of a training"),
    "fiftyone": FormRow("fiftyone", "the scored records as samples of FiftyOne, with objects and scores"),
}
