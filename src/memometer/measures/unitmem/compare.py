"""UnitMem: the mean over units, and what of it records that the model never saw do not show.

UnitMem belongs to units, not to records. Means are paired by unit where both towers have the same ones, without an
interval; what goes
beyond the control by the groups of records that both audits dealt alike.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pyarrow as pa

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair, floats
from memometer.comparison.view import Difference, Number, View, columns_table
from memometer.statistics import Gap, group_gap, mean_of

__all__ = ["VIEW", "GroupNumber", "UnitNumber"]

TOWERS = ("image", "text")
UNIT = ("index", "layer", "unit")
NO_GROUPS = "an audit has no groups: it has no control (--control-role), or was made by an earlier version"
OTHER_GROUPS = "the audits dealt their records to other groups: their records, control records or seeds differ"
NO_SAMPLE = (
    "units are no sample of trainings: by their spread two trainings of one recipe differ far more often than 1 time "
    "in 20; train each recipe several times and compare them with a sweep"
)
OTHER_UNITS = "the towers have other units"


@dataclasses.dataclass(frozen=True)
class TowerNumber:
    """A number of one tower."""

    tower: str
    design: ClassVar[str]
    what: ClassVar[str]

    @property
    def key(self) -> str:
        """Its name in ``summary.json``."""
        return f"{self.tower}/{self.what}"

    @property
    def name(self) -> str:
        """The tower."""
        return f"{self.tower} tower"


class UnitNumber(TowerNumber):
    """Mean UnitMem over the units of a tower that are defined in both audits."""

    design = "Mean UnitMem over units, of these two trainings"
    what = "mean"

    def difference(self, pair: Pair, *, seed: int, replicates: int) -> Difference:  # noqa: ARG002 (a protocol)
        """Paired by unit. There is no interval: units are no sample of anything, least of all of trainings."""
        tables = [_of_tower(side.audit.tables["units"], self.tower) for side in (pair.baseline, pair.run)]
        if not tables[0].select(UNIT).equals(tables[1].select(UNIT)):
            means = [mean_of(floats(table, "unitmem")) for table in tables]
            return Difference(means[0], means[1], _undefined(OTHER_UNITS))
        before, after = (floats(table, "unitmem") for table in tables)
        both = ~np.isnan(after - before)
        change = np.sort((after - before)[both])
        gap = Gap(float(change.mean()) if len(change) else None, None, None, None, len(change), NO_SAMPLE)
        return Difference(mean_of(before[both]), mean_of(after[both]), gap)


class GroupNumber(TowerNumber):
    """Mean UnitMem of groups of records less that of the control's groups."""

    design = "Beyond records that the model never saw, of these two trainings"
    what = "beyond control"

    def difference(self, pair: Pair, *, seed: int, replicates: int) -> Difference:  # noqa: ARG002 (a protocol)
        """Paired by group, with the t-interval over groups."""
        sides = [side.audit.tables.get("groups") for side in (pair.baseline, pair.run)]
        if sides[0] is None or sides[1] is None:
            return Difference(None, None, _undefined(NO_GROUPS))
        before, after = (_of_tower(table, self.tower) for table in sides)
        beyond = [floats(table, "trained") - floats(table, "control") for table in (before, after)]
        means = [mean_of(values) for values in beyond]
        if _dealt(pair.baseline.audit) != _dealt(pair.run.audit):
            return Difference(means[0], means[1], _undefined(OTHER_GROUPS))
        return Difference(means[0], means[1], group_gap(beyond[1], beyond[0]))


def _dealt(audit: Audit) -> list[object]:
    """What decides which record is in which group."""
    hashes = [(audit.manifest.get(name) or {}).get("hash") for name in ("records", "control_records")]
    return [*hashes, audit.config.get("seed")]


def _undefined(reason: str) -> Gap:
    return Gap(None, None, None, None, 0, reason)


def _of_tower(table: pa.Table, tower: str) -> pa.Table:
    rows = np.flatnonzero(np.array(table["tower"].to_pylist(), object) == tower)
    return table.take(pa.array(rows))


def _read(audit: Audit) -> dict[str, pa.Table]:
    """How much UnitMem the units that a record excites the most add up to."""
    columns = [name for tower in TOWERS if (name := f"unitmem_sum_{tower}") in audit.samples.column_names]
    return {"records": columns_table(audit.samples, {name: floats(audit.samples, name) for name in columns})}


def _numbers(pair: Pair) -> list[Number]:
    towers = [tower for tower in TOWERS if pair.offers(f"unitmem_sum_{tower}", ("records",))]
    controlled = any("groups" in side.audit.tables for side in (pair.baseline, pair.run))
    numbers: list[Number] = [GroupNumber(tower) for tower in towers if controlled]
    return numbers + [UnitNumber(tower) for tower in towers]


VIEW = View(
    name="UnitMem",
    read=_read,
    numbers=_numbers,
    telling=[f"{tower}/{what}" for what in ("beyond control", "mean") for tower in TOWERS],
    moved_by={f"sum of UnitMem, {tower} tower": (f"unitmem_sum_{tower}",) for tower in TOWERS},
    parts={"records": "the records"},
)
