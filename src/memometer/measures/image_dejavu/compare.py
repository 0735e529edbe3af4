"""Image-only déjà vu: the score over all records, over each model's most confident ones, and of the top 5 labels."""

import dataclasses

import numpy as np
import pyarrow as pa

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair, floats
from memometer.comparison.view import PARTS, WEIGHTS, Difference, MeanNumber, Number, View, by_direction, columns_table
from memometer.measures.image_dejavu.charts import SHARES
from memometer.report.gaps import DESIGNS
from memometer.statistics import ConfidentHits, Gap, confident_gap

__all__ = ["VIEW", "ConfidentNumber"]

HITS = ("correct_target", "confidence_target", "correct_reference", "confidence_reference")


@dataclasses.dataclass(frozen=True)
class ConfidentNumber:
    """The déjà vu score over the most confident records, which every replicate selects anew for both audits.

    Attributes:
        percent: how many of the records.
        weights: part → weight.
    """

    key: str
    design: str
    name: str
    percent: float
    weights: dict[str, float]

    def difference(self, pair: Pair, *, seed: int, replicates: int) -> Difference:
        """The difference over the records that both audits score."""
        hits = [[_hits(pair, part, place) for part in self.weights] for place in (0, 1)]

        def score(side: list[ConfidentHits], less: list[ConfidentHits] | None, replicates: int) -> Gap:
            return confident_gap(
                side,
                less=less,
                percent=self.percent,
                seed=seed,
                name=f"compare/{self.key}",
                weights=list(self.weights.values()),
                replicates=replicates,
            )

        both = [one.scored & other.scored for one, other in zip(*hits, strict=True)]
        values = [
            score([part.where(rows) for part, rows in zip(side, both, strict=True)], None, 1).value for side in hits
        ]
        return Difference(values[0], values[1], score(hits[1], hits[0], replicates))


def _hits(pair: Pair, part: str, place: int) -> ConfidentHits:
    paired = pair.parts[part]
    table = (paired.baseline, paired.run)[place]
    return ConfidentHits(
        target_hits=floats(table, "correct_target"),
        target_confidence=floats(table, "confidence_target"),
        reference_hits=floats(table, "correct_reference"),
        reference_confidence=floats(table, "confidence_reference"),
        id_rank=np.arange(len(paired.ids)),
        groups=paired.groups,
    )


def _read(audit: Audit) -> dict[str, pa.Table]:
    return {
        name: columns_table(
            rows,
            {
                "100": floats(rows, "correct_target") - floats(rows, "correct_reference"),
                "top5": floats(rows, "correct_top5_target") - floats(rows, "correct_top5_reference"),
                **{column: floats(rows, column) for column in HITS},
            },
        )
        for name, rows in by_direction(audit.samples).items()
    }


def _numbers(pair: Pair) -> list[Number]:
    return [
        MeanNumber(f"{design}/{share}", DESIGNS[design], title, share, weights)
        if share in ("100", "top5")
        else ConfidentNumber(f"{design}/{share}", DESIGNS[design], title, float(share), weights)
        for design, weights in WEIGHTS.items()
        for share, title in SHARES.items()
        if pair.offers("100", tuple(weights))
    ]


VIEW = View(
    name="Image-only déjà vu",
    read=_read,
    numbers=_numbers,
    telling=("balanced/100", "controlled/100", "one-way/100"),
    moved_by={"déjà vu score": ("100", "top5")},
    parts=PARTS,
)
