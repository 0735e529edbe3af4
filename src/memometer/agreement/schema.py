"""The schema of what ``summary.json`` says of two labellings of the same records, version 1."""

from typing import Literal

from pydantic import Field

from memometer.runs.schema import Number, Strict, Summary

__all__ = ["AuditUnderBoth", "GapUnderBoth", "LabelAgreementSummary", "Labelling", "Overall"]


class Labelling(Strict):
    """Records with labels."""

    name: str = Field(description="What the report calls it.")
    folder: str
    annotator: str | None = Field(description="What labelled them; null where they are as they were imported.")
    n_records: int
    n_objects: int = Field(description="Pairs of a record that both have and a label of it, each once.")
    n_labels: int
    n_labels_alone: int = Field(description="Labels that the other does not have.")
    n_without_objects: int = Field(description="Of the records that both have.")


class Overall(Strict):
    """Agreement over all labels, or over those that both have."""

    n_labels: int
    jaccard: Number = Field(description="Mean over records with a label under either.")
    f1: Number = Field(description="Of all labels of all records together.")
    kappa: Number = Field(description="Cohen's, of all cells (record, label), each label with its own chance.")


class GapUnderBoth(Number):
    """A gap under the second labelling less the same under the first, over the records that both score."""

    key: str
    design: str
    name: str
    one: Number = Field(description="Under the first labelling, over all records that it scores.")
    other: Number = Field(description="Under the second, likewise.")


class AuditUnderBoth(Strict):
    """An audit, scored again under either labelling."""

    name: str
    folder: str | None
    key: str | None = Field(description="Of its manifest.json.")
    k: int
    made_with: list[str] = Field(description="The labellings that are the records it was made with; may be empty.")
    n_records: int = Field(description="Records, of all roles under test, that were scored again.")
    n_unknown: int = Field(description="Records of it that not both labellings have, left out.")
    n_far: int = Field(description="Records with a neighbour that not both have, left out.")
    headline: str | None = Field(description="Key of the number that the verdict goes by.")
    numbers: list[GapUnderBoth]


class LabelAgreementSummary(Summary):
    """What ``summary.json`` says."""

    measure: Literal["agree"]
    schema_: Literal[1] = Field(alias="schema")
    one: Labelling
    other: Labelling
    n_records: int = Field(description="Records that both have, with the same captions and image.")
    n_left_out: dict[str, int] = Field(description="Reason → records that are left out.")
    n_labels_shared: int
    overall: Overall = Field(description="Over all labels that either has.")
    shared: Overall = Field(description="Over those that both have.")
    audits: list[AuditUnderBoth]
