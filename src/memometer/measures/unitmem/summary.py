"""What a UnitMem audit says: a row per unit, per layer and per record, and the records to show."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.planted import Planted, planted_in
from memometer.data.records import Records
from memometer.encoders import Tower
from memometer.measures.unitmem.options import UnitMemOptions
from memometer.measures.unitmem.scores import UnitScores, record_counts
from memometer.runs.items import Fact, group_names, items_table
from memometer.runs.thumbnails import record_item
from memometer.statistics import gap_of, group_gap, mean_of

__all__ = [
    "LAYERS_SCHEMA",
    "TowerUnits",
    "groups_table",
    "layer_table",
    "planted_rows",
    "samples_table",
    "shown_items",
    "summarise_towers",
    "units_table",
]

Floats = npt.NDArray[np.float64]

LAYERS_SCHEMA = pa.schema(
    [
        ("tower", pa.string()),
        ("index", pa.int64()),  # of the layer, from 1
        ("layer", pa.string()),
        ("n_units", pa.int64()),
        ("n_undefined", pa.int64()),
        ("mean", pa.float64()),  # of UnitMem over the defined units, with its 95 % interval over units
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("q25", pa.float64()),
        ("median", pa.float64()),
        ("q75", pa.float64()),
        ("q95", pa.float64()),
        ("share_above_half", pa.float64()),
        ("classmem", pa.float64()),  # mean of ClassMem over the units that have one
        ("trained_groups", pa.float64()),  # mean over groups of equal size of the layer's mean UnitMem
        ("control_groups", pa.float64()),  # the same over records that the model never saw
        ("difference", pa.float64()),  # trained less control, with its 95 % t-interval over groups
        ("difference_low", pa.float64()),
        ("difference_high", pa.float64()),
        ("n_groups", pa.int64()),
        ("group_size", pa.int64()),
    ]
)

GROUPS_SCHEMA = pa.schema(
    [("tower", pa.string()), ("group", pa.int64()), ("trained", pa.float64()), ("control", pa.float64())]
)


@dataclasses.dataclass(frozen=True)
class TowerUnits:
    """One tower's scores.

    Attributes:
        tower: ``"image"`` or ``"text"``.
        records: n records, those under test.
        layers: (layers,) names.
        widths: (layers,) units of each; the units of all layers stand one after another in the scores.
        scores: UnitMem.
        rejects: row → why a record could not be read.
        control_rejects: (record_id, reason) of the control's records that could not be read.
        groups: (g, u) UnitMem over each group of the records; None without a control.
        control_groups: (g, u) the same of the control.
        group_size: records per group.
        classmem: ClassMem; None where it was not asked for.
        classes: the names of the classes.
    """

    tower: Tower
    records: Records
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    scores: UnitScores
    rejects: dict[int, str]
    control_rejects: tuple[tuple[str, str], ...] = ()
    groups: Floats | None = None
    control_groups: Floats | None = None
    group_size: int = 0
    classmem: UnitScores | None = None
    classes: pa.Array | None = None

    @property
    def skipped(self) -> dict[str, int]:
        """Why records do not count, with counts."""
        reason = "no readable image" if self.tower == "image" else "no caption"
        return {reason: len(self.rejects)} if self.rejects else {}

    @property
    def ids(self) -> pa.Array:
        """(n,) the sorted record ids, which the scores' ``record`` counts by."""
        ids = self.records.record_ids
        return ids.take(pc.sort_indices(ids))

    def spans(self) -> Iterator[tuple[int, str, slice]]:
        """(number from 1, name, units) of every layer."""
        ends = np.cumsum(self.widths).tolist()
        for place, (name, width, end) in enumerate(zip(self.layers, self.widths, ends, strict=True), start=1):
            yield place, name, slice(end - width, end)

    def places(self) -> Iterator[tuple[int, str, int]]:
        """(number and name of its layer, number within it) of every unit."""
        for place, name, units in self.spans():
            yield from ((place, name, unit) for unit in range(units.stop - units.start))

    def comparison(self, units: slice) -> dict[str, Any] | None:
        """The trained records' groups against the control's, over some units; None without a control."""
        if self.groups is None or self.control_groups is None:
            return None
        trained, control = (_row_means(values[:, units]) for values in (self.groups, self.control_groups))
        return {
            "trained": mean_of(trained),
            "control": mean_of(control),
            "difference": group_gap(trained, control).as_dict(),
            "group_size": self.group_size,
        }


def layer_table(towers: dict[Tower, TowerUnits], options: UnitMemOptions) -> pa.Table:
    """The distribution of UnitMem in every layer, and what of it the control does not show."""
    rows = []
    for tower, part in towers.items():
        for place, layer, units in part.spans():
            row = {"tower": tower, "index": place, "layer": layer}
            row |= _distribution(part, units, options, name=f"{tower}/{place}")
            compared = part.comparison(units)
            if compared is not None:
                gap = compared["difference"]
                row |= {"trained_groups": compared["trained"], "control_groups": compared["control"]}
                row |= {"difference": gap["value"], "difference_low": gap["low"], "difference_high": gap["high"]}
                row |= {"n_groups": gap["n"], "group_size": part.group_size}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=LAYERS_SCHEMA)


def groups_table(towers: dict[Tower, TowerUnits]) -> pa.Table:
    """One row per group of records: the mean UnitMem over the units of a tower, and that of the control's group."""
    tables = [GROUPS_SCHEMA.empty_table()]
    for tower, part in towers.items():
        if part.groups is None or part.control_groups is None:
            continue
        means = [_nullable(_row_means(values)) for values in (part.groups, part.control_groups)]
        names, numbers = pa.array([tower] * len(means[0]), pa.string()), pa.array(range(len(means[0])), pa.int64())
        tables.append(pa.table([names, numbers, *means], schema=GROUPS_SCHEMA))
    return pa.concat_tables(tables)


def units_table(towers: dict[Tower, TowerUnits]) -> pa.Table:
    """One row per unit, in the order of layers; null where undefined."""
    tables = []
    for tower, part in towers.items():
        index, layer, unit = zip(*part.places(), strict=True)
        found = np.isfinite(part.scores.largest)
        columns: dict[str, Any] = {
            "tower": pa.array([tower] * len(unit), pa.string()),
            "index": pa.array(index, pa.int64()),
            "layer": pa.array(layer, pa.string()),
            "unit": pa.array(unit, pa.int64()),
            "unitmem": _nullable(part.scores.unitmem),
            "mu_max": pa.array(part.scores.largest, mask=~found),
            "mu_rest": _nullable(part.scores.rest),
            "record_id": part.ids.take(pa.array(part.scores.record, mask=part.scores.record < 0)),
        }
        if part.classmem is not None and part.classes is not None:
            columns["classmem"] = _nullable(part.classmem.unitmem)
            columns["class"] = part.classes.take(pa.array(part.classmem.record, mask=part.classmem.record < 0))
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def samples_table(towers: dict[Tower, TowerUnits]) -> pa.Table:
    """One row per record: how many units of each tower it excites the most, and the sum of their UnitMem."""
    records = next(iter(towers.values())).records
    columns: dict[str, Any] = {"record_id": records.record_ids, "group": group_names(records)}
    for tower, part in towers.items():
        counts, sums = _by_row(part)
        unread = np.isnan(sums)
        columns[f"n_units_{tower}"] = pa.array(counts, mask=unread)
        columns[f"unitmem_sum_{tower}"] = pa.array(sums, mask=unread)
    return pa.table(columns)


def planted_rows(towers: dict[Tower, TowerUnits]) -> Planted:
    """How well the units that a record excites the most tell what is planted in it; None where nothing is."""
    return planted_in(
        next(iter(towers.values())).records,
        lambda: {f"sum of UnitMem, {tower} tower": _by_row(part)[1] for tower, part in towers.items()},
    )


def summarise_towers(towers: dict[Tower, TowerUnits], options: UnitMemOptions) -> dict[str, Any]:
    """The numbers of ``summary.json`` over all layers of each tower, and between the towers."""
    summary: dict[str, Any] = {"towers": {}}
    for tower, part in towers.items():
        every = slice(0, sum(part.widths))
        summary["towers"][tower] = {
            "layers": list(part.layers),
            "n_scored": len(part.records) - len(part.rejects),
            "n_groups": len(np.unique(np.delete(part.records.groups, list(part.rejects)))),
            **_distribution(part, every, options, name=tower),
            "control": part.comparison(every),
        }
    summary["text_less_image"] = _between_towers(towers)
    return summary


def shown_items(towers: dict[Tower, TowerUnits], *, size: int, images: bool) -> pa.Table:
    """The gallery: of each tower the ``size`` units of highest UnitMem, with the record that excites them the most."""
    shown: list[dict[str, Any]] = []
    for tower, part in towers.items():
        scores = part.scores
        defined = np.flatnonzero(~np.isnan(scores.unitmem))
        best = defined[np.argsort(-scores.unitmem[defined], kind="stable")[:size]]
        order = pc.sort_indices(part.records.record_ids).to_numpy()
        where = list(part.places())
        for unit in best.tolist():
            row = int(order[scores.record[unit]])
            facts: dict[str, Fact] = {
                "layer": where[unit][1],
                "unit": where[unit][2],
                "UnitMem": float(scores.unitmem[unit]),
                "largest mean activation": float(scores.largest[unit]),
                "mean activation of the others": float(scores.rest[unit]),
            }
            if part.classmem is not None and not np.isnan(part.classmem.unitmem[unit]):
                facts["ClassMem"] = float(part.classmem.unitmem[unit])
            shown.append(
                record_item(
                    part.records,
                    row,
                    images=images,
                    rank=len(shown) + 1,
                    section=f"{tower.capitalize()} tower",
                    facts=facts,
                )
            )
    return items_table(shown)


def _distribution(part: TowerUnits, units: slice, options: UnitMemOptions, *, name: str) -> dict[str, Any]:
    """How UnitMem is distributed over some units."""
    values = part.scores.unitmem[units]
    defined = np.sort(values[~np.isnan(values)])
    mean = gap_of([values], name=f"{name}/unitmem", **options.resampling)
    quantiles = np.quantile(defined, [0.25, 0.5, 0.75, 0.95]).tolist() if len(defined) else [None] * 4
    return {
        "n_units": len(values),
        "n_undefined": len(values) - len(defined),
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        **dict(zip(("q25", "median", "q75", "q95"), quantiles, strict=True)),
        "share_above_half": float((defined > 0.5).mean()) if len(defined) else None,
        "classmem": None if part.classmem is None else mean_of(part.classmem.unitmem[units]),
    }


def _between_towers(towers: dict[Tower, TowerUnits]) -> dict[str, Any] | None:
    """What the text tower memorizes beyond its control, less the same of the image tower; None without all of these."""
    if set(towers) != {"image", "text"}:
        return None
    beyond = {}
    for tower, part in towers.items():
        if part.groups is None or part.control_groups is None:
            return None
        beyond[tower] = _row_means(part.groups) - _row_means(part.control_groups)
    return group_gap(beyond["text"], beyond["image"]).as_dict()


def _by_row(part: TowerUnits) -> tuple[npt.NDArray[np.int64], Floats]:
    """(n,) and (n,) in record order: the units that each record excites the most; NaN where it could not be read."""
    counts, sums = record_counts(part.scores, n=len(part.records))
    places = part.records.id_ranks
    by_row, summed = counts[places], sums[places]
    summed[list(part.rejects)] = np.nan
    return by_row, summed


def _row_means(values: Floats) -> Floats:
    """(g,) the mean of the defined values of each row; NaN where there is none."""
    defined = ~np.isnan(values)
    counts = defined.sum(axis=1)
    return np.where(counts > 0, np.where(defined, values, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)
