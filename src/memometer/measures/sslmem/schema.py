"""The schema of ``summary.json`` of the SSLMem audit, version 1; published as docs/summary-sslmem.schema.json."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import AuditSummary, Number, Set, Strict

__all__ = ["SslMemSummary"]

Direction = Literal["forward", "backward"]


class Scores(Strict):
    """Means over records at a tower's output."""

    sslmem: Number = Field(description="SSLMem: alignment distance under the reference less that under the target.")
    relative: Number = Field(description="SSLMem': the same over the sum of the two distances.")


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


class SslMemSummary(AuditSummary):
    """``summary.json`` of ``memometer audit sslmem``."""

    measure: Literal["sslmem"]
    schema_: Literal[1] = Field(alias="schema")
    target: str
    reference: str
    augment: str = Field(description="How the views of an image are drawn.")
    draws: int = Field(description="Views of an image; the most captions of a record.")
    pool: Literal["mean", "cls"] = Field(description="How the tokens of a layer become one vector.")
    n_records: int
    n_skipped: dict[str, int] = Field(description="Tower and reason → records that are not scored.")
    backward: Backward | None
    towers: dict[Literal["image", "text"], TowerScores]
    text_less_image: Number | None = Field(
        description="SSLMem' of the text tower less that of the image tower, record by record; null without both."
    )

    def sets(self) -> Iterator[Set]:
        """The records of each direction and tower."""
        for tower, entry in self.towers.items():
            for name, scores in (("forward", entry.forward), ("backward", entry.backward)):
                if scores:
                    yield scores.sslmem.scored(f"{name}, {tower} tower:")
