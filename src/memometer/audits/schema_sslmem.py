"""The schema of ``summary.json`` of the SSLMem audit, version 1; published as docs/summary-sslmem.schema.json."""

from typing import Literal

from pydantic import Field

from memometer.runs.schema import NullRow, Strict

__all__ = ["SCHEMA_VERSION", "SslMemSummary"]

SCHEMA_VERSION = 1
Direction = Literal["forward", "backward"]


class Mean(Strict):
    """A mean over n records."""

    value: float | None = Field(description="The mean; null where undefined, with a reason.")
    low: float | None = Field(description="Lower end of the 95 % bootstrap interval over records.")
    high: float | None = Field(description="Upper end of it.")
    std: float | None = Field(description="Standard deviation over 100 draws of 10 % of the records.")
    n: int = Field(ge=0, description="Records behind it.")
    reason: str | None = Field(default=None, description="Why the value, or its interval, is null.")
    n_groups: int | None = Field(
        default=None, description="What is drawn: groups of records (one group, near duplicates), or single records."
    )


class Scores(Strict):
    """Means over records at a tower's output."""

    sslmem: Mean = Field(description="SSLMem: alignment distance under the reference less that under the target.")
    relative: Mean = Field(description="SSLMem': the same over the sum of the two distances.")


class Distances(Strict):
    """Mean alignment distances at a tower's output."""

    target: float | None = Field(description="Under the model trained on the records.")
    reference: float | None = Field(description="Under the other model.")


class TowerScores(Strict):
    """One tower; every layer's numbers are in layers.parquet."""

    layers: list[str] = Field(description="Its layers in order; the last is the output.")
    n_scored: int = Field(description="Records with an SSLMem at the output.")
    n_scored_backward: int | None
    forward: Scores = Field(description="On the target's records.")
    backward: Scores | None = Field(description="On the reference's records, the models' roles swapped.")
    balanced: Scores | None = Field(description="The mean of both directions.")
    means: dict[Direction, Distances]


class Backward(Strict):
    """The reference's own records."""

    n_records: int
    n_skipped: dict[str, int] = Field(description="Tower and reason → records that are not scored.")


class Found(Strict):
    """How well one ranking finds the planted records of one kind."""

    kind: str
    by: str = Field(description="'random' is ½ by construction.")
    area: float | None = Field(description="Area under the ROC curve.")
    low: float | None
    high: float | None = Field(description="Ends of its 95 % interval.")
    n_positive: int
    n_negative: int
    reason: str | None = None
    n_groups_positive: int | None = Field(default=None, description="Groups, or single records, behind n_positive.")
    n_groups_negative: int | None = Field(default=None, description="Groups, or single records, behind n_negative.")


class Duplicates(Strict):
    """Pairs of exact or near-duplicate images across roles; the first 20 by id."""

    n: int
    pairs: list[tuple[str, str]]


class SslMemSummary(Strict):
    """``summary.json`` of ``memometer audit sslmem``."""

    measure: Literal["sslmem"]
    schema_: Literal[1] = Field(alias="schema")
    key: str | None = Field(default=None, description="Of the manifest.json beside it.")
    target: str
    reference: str
    augment: str = Field(description="How the views of an image are drawn.")
    draws: int = Field(description="Views of an image; the most captions of a record.")
    pool: Literal["mean", "cls"] = Field(description="How the tokens of a layer become one vector.")
    n_records: int
    n_skipped: dict[str, int] = Field(description="Tower and reason → records that are not scored.")
    backward: Backward | None
    towers: dict[Literal["image", "text"], TowerScores]
    text_less_image: Mean | None = Field(
        description="SSLMem' of the text tower less that of the image tower, record by record; null without both."
    )
    planted: list[Found] | None = Field(description="Null where nothing is planted in the target's records.")
    null: list[NullRow] | None = Field(description="Coverage of 0 by the intervals of untrained models.")
    duplicates_across_roles: Duplicates
    notes: list[str] = Field(description="What a reader must know before trusting the numbers.")
