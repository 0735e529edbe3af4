"""What of a measure is compared: the one protocol that every measure fills in."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit
from memometer.comparison.pairing import Floats, Pair
from memometer.report.gaps import DESIGNS
from memometer.statistics import Gap, gap_of

__all__ = ["Difference", "MeanNumber", "Number", "View", "columns_table", "mean_numbers"]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A number of two audits over the same records.

    Attributes:
        baseline: the number in the baseline; None where it is undefined.
        run: in the other audit.
        gap: ``run`` less ``baseline``, with its interval.
    """

    baseline: float | None
    run: float | None
    gap: Gap


class Number(Protocol):
    """One number that two audits both have; larger means more memorization."""

    @property
    def key(self) -> str:
        """Its name in ``summary.json``, e.g. ``"balanced/unmentioned/prg"``."""

    @property
    def design(self) -> str:
        """The heading that it stands under."""

    @property
    def name(self) -> str:
        """What it is called there."""

    def difference(self, pair: Pair, *, seed: int, replicates: int) -> Difference:
        """Compares two audits."""


@dataclasses.dataclass(frozen=True)
class MeanNumber:
    """A mean over records, or a weighted sum of such means over several parts.

    A paired bootstrap draws the same records for both audits, so the difference of two means is the mean of the
    differences in every replicate: one resampling of the differences is all that it takes.

    Attributes:
        column: of the parts' tables.
        weights: part → weight.
    """

    key: str
    design: str
    name: str
    column: str
    weights: Mapping[str, float]

    def difference(self, pair: Pair, *, seed: int, replicates: int) -> Difference:
        """The difference over the records that both audits score."""
        values = [pair.parts[part].values(self.column) for part in self.weights]
        shares = list(self.weights.values())
        gap = gap_of(
            [after - before for before, after in values],
            seed=seed,
            name=f"compare/{self.key}",
            weights=shares,
            replicates=replicates,
            reason="no record is scored in both",
            groups=[pair.parts[part].groups for part in self.weights],
        )
        means = [_weighted([each[place] for each in values], shares) for place in (0, 1)]
        return Difference(means[0], means[1], gap)


@dataclasses.dataclass(frozen=True)
class View:
    """What is compared of the audits of one measure.

    Attributes:
        name: of the measure, as it is spoken of.
        read: an audit → its records by part, as `memometer.comparison.pairing.Side` has them.
        numbers: the numbers that two audits both have, in the order of the table.
        telling: their keys, those first that a verdict goes by.
        moved_by: what is said to move → the columns that tell how far, the later ones where the earlier are equal.
        parts: part → what its records are called.
        lacking: what an audit lacks for a number that others have, and why; may be empty.
    """

    name: str
    read: Callable[[Audit], dict[str, pa.Table]]
    numbers: Callable[[Pair], list[Number]]
    telling: Sequence[str]
    moved_by: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, str]
    lacking: Callable[[Audit], str] = lambda _: ""


def columns_table(samples: pa.Table, columns: Mapping[str, Floats | pa.Array]) -> pa.Table:
    """A part's table: the ids of ``samples``, their groups, and columns of numbers whose NaN become null."""
    arrays = {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()}
    named = {name: samples[name].cast(pa.string()) for name in ("record_id", "group") if name in samples.column_names}
    return pa.table({**named, **arrays})


def _weighted(values: Sequence[Floats], shares: Sequence[float]) -> float | None:
    scored = [np.sort(each[~np.isnan(each)]) for each in values]
    if any(not len(each) for each in scored):
        return None
    return float(sum(share * each.mean() for share, each in zip(shares, scored, strict=True)))


WEIGHTS = {
    "balanced": {"forward": 0.5, "backward": 0.5},
    "controlled": {"forward": 1.0, "control": -1.0},
    "one-way": {"forward": 1.0},
    "swapped": {"backward": 1.0},
    "control": {"control": 1.0},
}
"""Design → the directions whose means it adds up."""


PARTS = {
    "forward": "the target's own",
    "backward": "the reference's own, roles swapped",
    "control": "never seen by the target",
}


def mean_numbers(pair: Pair, names: Mapping[str, str]) -> list[Number]:
    """The means over records of the columns that ``names`` names, in every design that both audits have."""
    return [
        MeanNumber(f"{design}/{column}", DESIGNS[design], name, column, weights)
        for design, weights in WEIGHTS.items()
        for column, name in names.items()
        if pair.offers(column, tuple(weights))
    ]


def by_direction(samples: pa.Table) -> dict[str, pa.Table]:
    """Direction → its rows."""
    parts = {name: samples.filter(pc.equal(samples["direction"], name)) for name in PARTS}
    return {name: rows for name, rows in parts.items() if rows.num_rows}
