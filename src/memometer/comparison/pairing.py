"""Two audits of the same records, joined by ``record_id``."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit
from memometer.columns import narrowed, one_array, take_rows
from memometer.equal_texts import places_among
from memometer.errors import InputError

__all__ = ["UNPAIRED_SCHEMA", "Pair", "Paired", "Side", "pair_sides"]

Floats = npt.NDArray[np.float64]

UNPAIRED_SCHEMA = pa.schema([(name, pa.string()) for name in ("run", "part", "record_id", "reason")])


@dataclasses.dataclass(frozen=True)
class Side:
    """One audit of a comparison.

    Attributes:
        name: what the report calls it.
        audit: the audit.
        parts: part of the records (``"forward"``, ``"candidates"``, …) → a row per record: ``record_id`` and float64
            columns of what the record adds to the audit's numbers, null where it is not scored; and ``group``.
    """

    name: str
    audit: Audit
    parts: dict[str, pa.Table]


@dataclasses.dataclass(frozen=True)
class Paired:
    """The records of one part that both audits have, by ascending id.

    Attributes:
        ids: (n,) record ids.
        baseline: (n) rows of the baseline.
        run: (n) rows of the other audit.
    """

    ids: pa.Array
    baseline: pa.Table
    run: pa.Table

    @property
    def columns(self) -> tuple[str, ...]:
        """The numbers that both have of a record."""
        both = (name for name in self.run.column_names if name in self.baseline.column_names)
        return tuple(name for name in both if name not in ("record_id", "group"))

    @property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """(n,) which records belong together, as the baseline has it; None for audits of versions without groups."""
        table = next((side for side in (self.baseline, self.run) if "group" in side.column_names), None)
        if table is None:
            return None
        names = pc.coalesce(one_array(table["group"]), self.ids)
        codes: npt.NDArray[np.int64] = names.dictionary_encode().indices.to_numpy().astype(np.int64)
        return codes

    def values(self, column: str) -> tuple[Floats, Floats]:
        """(n,) of the baseline and of the other; NaN in both where one of them is not scored."""
        before, after = (floats(side, column) for side in (self.baseline, self.run))
        undefined = np.isnan(before) | np.isnan(after)
        before[undefined] = after[undefined] = np.nan
        return before, after


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two audits, joined.

    Attributes:
        baseline: what is compared with.
        run: what is compared.
        parts: the parts that both have.
        counts: part → how many records each has, and both, and the groups that these come in where audits have such.
        unpaired: the records that the paired numbers leave out (`UNPAIRED_SCHEMA`).
    """

    baseline: Side
    run: Side
    parts: dict[str, Paired]
    counts: dict[str, dict[str, int]]
    unpaired: pa.Table

    def offers(self, column: str, parts: tuple[str, ...]) -> bool:
        """Whether both audits have this number of the records of these parts."""
        return all(part in self.parts and column in self.parts[part].columns for part in parts)


def floats(table: pa.Table, column: str) -> Floats:
    """(n,) a column as numbers; NaN for null. A copy, free to be changed."""
    return np.array(table[column].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def pair_sides(baseline: Side, run: Side) -> Pair:
    """Joins two audits; the order of their records changes nothing.

    Raises:
        InputError: they have no record in common.
    """
    parts, counts, unpaired = {}, {}, []
    for name in [*baseline.parts, *(part for part in run.parts if part not in baseline.parts)]:
        sides = [side.parts.get(name, pa.table({"record_id": pa.array([], pa.string())})) for side in (baseline, run)]
        paired = _joined(*sides)
        missing = (_others(sides[0], paired.ids), _others(sides[1], paired.ids))
        unscored = (_unscored(paired, paired.run, paired.baseline), _unscored(paired, paired.baseline, paired.run))
        for what, left in (("not in", missing), ("not scored in", unscored)):
            for ids, other in zip(left, (run.name, baseline.name), strict=True):
                first, second, last = (pa.repeat(text, len(ids)) for text in (run.name, name, f"{what} {other}"))
                narrow = narrowed(ids, pa.string())
                unpaired.append(pa.table([first, second, narrow, last], schema=UNPAIRED_SCHEMA))
        counts[name] = {
            "n_baseline": sides[0].num_rows,
            "n_run": sides[1].num_rows,
            "n_common": len(paired.ids),
            "n_only_baseline": len(missing[0]),
            "n_only_run": len(missing[1]),
            "n_scored_by_one": len(unscored[0]) + len(unscored[1]),
            **({} if paired.groups is None else {"n_groups_common": len(np.unique(paired.groups))}),
        }
        if len(paired.ids):
            parts[name] = paired
    if not parts:
        raise InputError(_nothing_in_common(baseline, run))
    return Pair(baseline, run, parts, counts, pa.concat_tables(unpaired))


def _joined(baseline: pa.Table, run: pa.Table) -> Paired:
    ids = one_array(baseline["record_id"])
    common = ids.filter(pa.array(places_among(ids, run["record_id"]) >= 0))
    common = common.take(pc.sort_indices(common))
    return Paired(common, *(take_rows(side, places_among(common, side["record_id"])) for side in (baseline, run)))


def _others(side: pa.Table, common: pa.Array) -> pa.Array:
    """The ids of a side that are not among the common ones, in their order."""
    ids = one_array(side["record_id"])
    left = ids.filter(pa.array(places_among(ids, common) < 0))
    return left.take(pc.sort_indices(left))


def _unscored(paired: Paired, by: pa.Table, other: pa.Table) -> pa.Array:
    """The common records that ``by`` has no number of and ``other`` has one."""
    scored = [
        np.any([~np.isnan(floats(side, name)) for name in paired.columns] or [np.ones(len(paired.ids), bool)], axis=0)
        for side in (by, other)
    ]
    return paired.ids.filter(pa.array(~scored[0] & scored[1]))


def _nothing_in_common(baseline: Side, run: Side) -> str:
    described = [
        f"{side.name} has {sum(table.num_rows for table in side.parts.values()):,}"
        + next((f", e.g. '{table['record_id'][0]}'" for table in side.parts.values() if table.num_rows), "")
        for side in (baseline, run)
    ]
    return (
        f"{run.name} and {baseline.name} have no record in common in the same part: {'; '.join(described)}; expected "
        "audits of the same records, with the same roles"
    )
