"""One direction of an image-only audit: records under the target and under each reference."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.measures.image_dejavu.records import Cropped
from memometer.measures.image_dejavu.scores import OUTCOMES, label_hits, memorization_confidence, outcomes
from memometer.neighbors import KeptNeighbors
from memometer.runs.items import group_names
from memometer.statistics import ConfidentHits, confident_accuracy

__all__ = ["PERCENTS", "Guess", "ImageDirection"]

PERCENTS = (100, 20, 5)
"""D reports all records, and each model's 20 % and 5 % most confident ones."""

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Guess:
    """What one model, or one reference, says of m crops.

    Attributes:
        ranked: (m, 5) int32 label ids, best first, -1 for none.
        confidence: (m,) larger is surer.
        entropy: (m,) of its distribution over labels, in nats.
        neighbors: the public images nearest to each crop; None for a reference that searches nothing.
        n_without_objects: crops of which Naive Bayes knows no object.
    """

    ranked: npt.NDArray[np.int32]
    confidence: Floats
    entropy: Floats
    neighbors: KeptNeighbors | None = None
    n_without_objects: int = 0


@dataclasses.dataclass(frozen=True)
class ImageDirection:
    """The records of one role, scored.

    Attributes:
        name: ``"forward"``, ``"backward"`` (the models' roles swapped) or ``"control"`` (records the target never saw).
        cropped: the m records that have a class, a crop and vectors under every model.
        labels: (m,) label ids.
        vocabulary: (v,) the labels.
        target: what the model trained on the records says (in the control: the target).
        reference: what the reference says.
    """

    name: str
    cropped: Cropped
    labels: npt.NDArray[np.int32]
    vocabulary: pa.Array
    target: Guess
    reference: Guess

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """(m,) which records belong together: `memometer.data.records.Records.groups`."""
        return self.cropped.records.groups

    @property
    def id_rank(self) -> npt.NDArray[np.int64]:
        """(m,) the place of each record's id among the sorted ids."""
        return self.cropped.records.id_ranks

    def hits(self, *, top: int = 1) -> tuple[Floats, Floats]:
        """(m,) 1 where target, and where reference, have the label among their first ``top``."""
        return (
            label_hits(self.target.ranked, self.labels, top=top),
            label_hits(self.reference.ranked, self.labels, top=top),
        )

    def confident(self, *, top: int = 1) -> ConfidentHits:
        """The hits with both models' confidences."""
        target, reference = self.hits(top=top)
        return ConfidentHits(
            target, self.target.confidence, reference, self.reference.confidence, self.id_rank, self.groups
        )

    @property
    def outcome(self) -> npt.NDArray[np.int8]:
        """(m,) places in `OUTCOMES`; -1 where a reference gave no answer."""
        return outcomes(*self.hits())

    @property
    def memorization_confidence(self) -> Floats:
        """(m,) for memorized records, else NaN."""
        return memorization_confidence(
            self.outcome, target_entropy=self.target.entropy, reference_entropy=self.reference.entropy
        )

    @property
    def ranking(self) -> Floats:
        """(m,) most memorized first: what only the target gets right, then by how much surer it is."""
        target, reference = self.hits()
        surer = self.reference.entropy - self.target.entropy
        ranking: Floats = target - reference + surer / (2 * np.log(max(len(self.vocabulary), 2)) + 1)
        return ranking

    def counts(self) -> dict[str, Any]:
        """How many records, how many scored, why not the others, and what became of those."""
        outcome = self.outcome
        return {
            "n_records": self.cropped.n_all,
            "n_scored": int((outcome >= 0).sum()),
            "n_skipped": self.cropped.skipped,
            "outcomes": {name: int((outcome == code).sum()) for code, name in enumerate(OUTCOMES)},
        }

    def accuracies(self) -> dict[str, dict[str, float | None]]:
        """Accuracy of target and reference over all records and over each one's most confident ones, and top 5."""
        rank = self.id_rank
        found: dict[str, dict[str, float | None]] = {}
        for place, (name, guess) in enumerate((("target", self.target), ("reference", self.reference))):
            hits, five = self.hits()[place], self.hits(top=5)[place]
            found[name] = {
                str(percent): confident_accuracy(hits, guess.confidence, id_rank=rank, percent=percent)
                for percent in PERCENTS
            }
            found[name]["top5"] = confident_accuracy(five, guess.confidence, id_rank=rank, percent=100)
        return found

    def samples(self) -> pa.Table:
        """The rows of ``samples.parquet``: one per scored record."""
        target, reference = self.hits()
        names = pa.array([*OUTCOMES, None], pa.string())
        five = self.hits(top=5)
        sides = {
            f"crop_{side}": self.cropped.crops[:, place] for place, side in enumerate(("x", "y", "width", "height"))
        }
        return pa.table(
            {
                "record_id": self.cropped.records.record_ids,
                "direction": pa.repeat(self.name, len(self.labels)),
                "group": group_names(self.cropped.records),
                "label": self.vocabulary.take(pa.array(self.labels)),
                "predicted_target": self._names(self.target),
                "predicted_reference": self._names(self.reference),
                "correct_target": _flags(target),
                "correct_reference": _flags(reference),
                "correct_top5_target": _flags(five[0]),
                "correct_top5_reference": _flags(five[1]),
                "confidence_target": pa.array(self.target.confidence, from_pandas=True),
                "confidence_reference": pa.array(self.reference.confidence, from_pandas=True),
                "outcome": names.take(pa.array(self.outcome % len(names))),
                "memorization_confidence": pa.array(self.memorization_confidence, from_pandas=True),
                **sides,
            }
        )

    def _names(self, guess: Guess) -> pa.Array:
        first = guess.ranked[:, 0]
        return self.vocabulary.take(pa.array(first, mask=first < 0))


def _flags(hits: Floats) -> pa.Array:
    return pa.array(hits > 0, pa.bool_(), mask=np.isnan(hits))
