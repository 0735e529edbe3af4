"""What an import finds beside records and rejects, counted piece by piece and then in all."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from memometer.data.sources.base import Aside, Draft, Reject

__all__ = ["Findings", "commonest"]

EXAMPLES = 3
"""Ids that are named of records with the same trouble."""


@dataclasses.dataclass
class Findings:
    """Counts of one piece, or of all.

    Attributes:
        aside: what is no record and no fault either, by kind.
        boxes: boxes that are not as the source has them, by what was done to them.
        n_constant: images of one colour.
        constant: ids of the first of these.
        met: places in a list of uids of the records that are in it.
    """

    aside: Counter[str] = dataclasses.field(default_factory=Counter)
    boxes: Counter[str] = dataclasses.field(default_factory=Counter)
    n_constant: int = 0
    constant: list[str] = dataclasses.field(default_factory=list)
    met: list[int] = dataclasses.field(default_factory=list)

    def without_aside(self, found: Iterator[Draft | Reject | Aside]) -> Iterator[Draft | Reject]:
        """Hands on what is a record or a reject, and counts the rest."""
        for outcome in found:
            if isinstance(outcome, Aside):
                self.aside[outcome.kind] += outcome.count
            else:
                yield outcome

    def add_constant(self, record_id: str) -> None:
        """Counts an image of one colour."""
        self.n_constant += 1
        self.constant = [*self.constant, record_id][:EXAMPLES]

    def add(self, other: "Findings") -> None:
        """Counts what a later piece found."""
        self.aside.update(other.aside)
        self.boxes.update(other.boxes)
        self.n_constant += other.n_constant
        self.constant = [*self.constant, *other.constant][:EXAMPLES]

    def remarks(self) -> list[str]:
        """Sentences on what people should know before they measure."""
        sentences = []
        if self.n_constant:
            named = ", ".join(self.constant) + ("" if self.n_constant == len(self.constant) else ", …")
            images = "1 image is" if self.n_constant == 1 else f"{self.n_constant:,} images are"
            sentences.append(f"{images} of one colour, with nothing that a model could see: {named}")
        return sentences

    def to_json(self) -> dict[str, Any]:
        """As a piece's file holds it; equal findings are equal bytes."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("aside", "boxes")}
        met = {"met": self.met} if self.met else {}
        return {**counts, "n_constant": self.n_constant, "constant": self.constant, **met}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Findings":
        """The inverse of `to_json`."""
        return cls(
            Counter(content["aside"]),
            Counter(content["boxes"]),
            content["n_constant"],
            list(content["constant"]),
            list(content.get("met", ())),
        )


def commonest(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not 0, the largest first."""
    return dict(sorted(((kind, n) for kind, n in counts.items() if n), key=lambda item: (-item[1], item[0])))
