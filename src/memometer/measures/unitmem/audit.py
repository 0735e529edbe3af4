"""The UnitMem and ClassMem audit: from records and a model to a run folder (METHODS, Section 6)."""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.activations import TowerReader, ViewPlan, open_tower
from memometer.audits.inputs import Model, open_model
from memometer.audits.measure import Results
from memometer.audits.notes import duplicate_notes
from memometer.audits.result import Audit
from memometer.audits.running import run_audit
from memometer.audits.towers import TowerMeasure, unread_notes
from memometer.audits.trained_on import model_notes
from memometer.data.records import Records
from memometer.encoders import Tower
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.measures.unitmem.options import Statistic, UnitMemOptions
from memometer.measures.unitmem.schema import UnitMemSummary
from memometer.measures.unitmem.scoring import UnitPass, group_unitmem, measure_units, score_classes, score_units
from memometer.measures.unitmem.summary import (
    TowerUnits,
    groups_table,
    layer_table,
    planted_rows,
    samples_table,
    shown_items,
    summarise_towers,
    units_table,
)
from memometer.objects.classes import class_ids, image_classes
from memometer.options import by_keyword
from memometer.runs.manifest import describe_model
from memometer.runs.options import spec_of
from memometer.runs.schema import Number
from memometer.seeds import rng_for
from memometer.statistics import equal_groups
from memometer.storage.paths import AnyPath

__all__ = ["GROUPS", "UnitMem", "audit_unitmem"]

GROUPS = 20
"""Groups of records behind the interval of the difference to the control."""

Classes = tuple[pa.Array, npt.NDArray[np.int32]]
Scores = dict[Tower, TowerUnits]


class UnitMem(TowerMeasure[UnitMemOptions, Model, Scores]):
    """Which units of a model a single training record excites far more than all others, and which record."""

    def parts(self) -> dict[str, Records]:
        roles = self.roles()
        return {"records": roles.pop("forward"), **roles}

    def check(self, parts: dict[str, Records]) -> list[str]:
        if len(parts["records"]) < 2:
            raise InputError("one record alone; UnitMem compares a record with others, so expected two or more")
        return super().check(parts)

    @functools.cached_property
    def classes(self) -> Classes | None:
        """The names of the classes and the class of each record, where ClassMem is asked for."""
        return _classes(self.source.with_role(self.options.role)) if self.options.by_class else None

    def open(self, parts: dict[str, Records]) -> tuple[Model, dict[str, Any]]:
        classes = self.classes
        model = open_model(self.options.target, device=self.options.device)
        return model, {
            "target": describe_model(model, spec_of(self.options.target)),
            **self.described({"forward": parts["records"], **parts}, images=self.needs_images()),
            "classes": None if classes is None else hash_json(classes[1].tolist()),
        }

    def score(self, parts: dict[str, Records], opened: Model, *, store: AnyPath) -> Scores:
        options = self.options
        readers = {
            tower: open_tower(opened, tower, read="units", names=options.layers, rectify=not options.keep_negative)
            for tower in self.towers
        }
        return {
            tower: _tower_units(
                reader, parts, self.plan, statistic=options.statistic, classes=self.classes, store=store
            )
            for tower, reader in readers.items()
        }

    def results(
        self, parts: dict[str, Records], opened: Model, scored: Scores, *, manifest: dict[str, Any], n_duplicates: int
    ) -> Results:
        options, classes = self.options, self.classes
        planted, curves = planted_rows(scored)
        skipped = {tower: part.skipped for tower, part in scored.items()}
        return Results(
            numbers={
                **{name: options.written(name) for name in ("target", "augment", "draws", "statistic")},
                "negative_activations": "kept" if options.keep_negative else "counted as 0",
                "n_records": len(parts["records"]),
                "n_control": len(parts["control"]) if "control" in parts else None,
                "n_without_class": None if classes is None else int((classes[1] < 0).sum()),
                "n_skipped": {f"{tower} tower: {why}": n for tower, each in skipped.items() for why, n in each.items()},
                **summarise_towers(scored, options),
                "planted": planted,
            },
            samples=samples_table(scored),
            gallery=shown_items(scored, size=options.gallery, images=options.images),
            rejects=_rejects(scored),
            notes=_notes(manifest, self.source, scored, n_duplicates=n_duplicates),
            tables={
                "layers": layer_table(scored, options),
                "units": units_table(scored),
                **({"groups": groups_table(scored)} if "control" in parts else {}),
            },
            curves=curves,
        )

    def untrained(self, seed: int, parts: dict[str, Records], opened: Model) -> dict[str, Any]:
        roles = {"role": "records", "control_role": "control"}
        return {"target": self.bare(seed, "target"), "layers": None, "records": _dealt_again(parts, seed=seed), **roles}

    @staticmethod
    def null_intervals(summary: UnitMemSummary) -> dict[str, Number]:
        """The differences to the control, of expectation 0 for a model that was trained on neither."""
        return {
            f"{tower} tower less control": entry.control.difference
            for tower, entry in summary.towers.items()
            if entry.control
        }


@by_keyword(UnitMemOptions)
def audit_unitmem(options: UnitMemOptions) -> Audit[UnitMemSummary]:
    """See `UnitMemOptions`."""
    return run_audit(UnitMem(options))


def _dealt_again(roles: dict[str, Records], *, seed: int) -> Records:
    """The records of both sets, dealt again by chance: one model sees the same difference between two fixed sets."""
    names = [name for name, part in roles.items() for _ in range(len(part))]
    table = pa.concat_tables([part.table for part in roles.values()])
    dealt = rng_for(seed, "dealt again").permutation(np.array(names, object)).tolist()
    return Records(table, roles["records"].folder).with_column("role", pa.array(dealt, pa.string()))


def _tower_units(
    reader: TowerReader,
    roles: dict[str, Records],
    plan: ViewPlan,
    *,
    statistic: Statistic,
    classes: tuple[pa.Array, npt.NDArray[np.int32]] | None,
    store: AnyPath,
) -> TowerUnits:
    """One tower's scores over the records, and over equal groups of them and of the control."""
    dealt, n_groups, size = _dealt(roles, seed=plan.seed)

    def measured(name: str, part: Records, group_of: npt.NDArray[np.int64], *, keep: bool) -> UnitPass:
        return measure_units(
            part,
            reader,
            plan,
            group_of=group_of,
            n_groups=n_groups,
            keep=keep or statistic == "median",
            store=store,
            label=f"{reader.tower} tower, {name}",
        )

    own = measured("records", roles["records"], dealt["records"], keep=classes is not None)
    part = TowerUnits(
        tower=reader.tower,
        records=roles["records"],
        layers=reader.names,
        widths=reader.widths,
        scores=score_units(own, statistic=statistic),
        rejects=dict(own.rejects),
        group_size=size,
    )
    if classes is not None:
        vocabulary, ids = classes
        scored = score_classes(own, ids, n_classes=len(vocabulary))
        part = dataclasses.replace(part, classmem=scored, classes=vocabulary)
    if not n_groups:
        return part
    grouped = np.flatnonzero(dealt["control"] >= 0)
    control = roles["control"].take(pa.array(grouped))
    other = measured("control", control, dealt["control"][grouped], keep=False)
    names = control.record_ids
    return dataclasses.replace(
        part,
        control_rejects=tuple((names[row].as_py(), reason) for row, reason in other.rejects),
        groups=group_unitmem(own, statistic=statistic),
        control_groups=group_unitmem(other, statistic=statistic),
    )


def _dealt(roles: dict[str, Records], *, seed: int) -> tuple[dict[str, npt.NDArray[np.int64]], int, int]:
    """(n,) the group of each record, −1 for none, by set; how many groups there are; and their size."""
    nowhere = {name: np.full(len(part), -1, np.int64) for name, part in roles.items()}
    if "control" not in roles:
        return nowhere, 0, 0
    dealt, size = equal_groups(
        {name: part.record_ids for name, part in roles.items()},
        groups=GROUPS,
        seed=seed,
        tied={name: part.groups for name, part in roles.items()},
    )
    return (dealt, GROUPS, size) if size >= 2 else (nowhere, 0, size)


def _classes(records: Records) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """The names of the classes, ascending, and (n,) the class of each record, −1 for none."""
    vocabulary, (ids,) = class_ids([image_classes(records.column("label"), records.column("objects"))])
    if len(vocabulary) < 2:
        raise InputError(
            f"the records are of {len(vocabulary)} classes; ClassMem compares classes, so expected two or more: import "
            "the records with labels, or leave --by-class out"
        )
    return vocabulary, ids


def _notes(
    manifest: dict[str, Any], source: Records, scores: dict[Tower, TowerUnits], *, n_duplicates: int
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    own, unseen = ([entry["role"]] if entry else [] for entry in (manifest["records"], manifest["control_records"]))
    lines = model_notes(manifest["target"], source, name="target", trained=own, unseen=unseen)
    lines += duplicate_notes(
        n_duplicates,
        "roles: the model then knows some of the control's; split again with 'memometer data split'",
    )
    if manifest["control_records"] is None:
        lines.append(
            "no control: UnitMem says how selective the units are, and units are selective of records that the model "
            "never saw as well; pass --control-role to tell the two apart"
        )
    elif any(part.groups is None for part in scores.values()):
        size = min(part.group_size for part in scores.values())
        lines.append(
            f"too few records for a control: {GROUPS} groups of each set hold {size} records each; expected 2 or more"
        )
    unread = sum(len(part.control_rejects) for part in scores.values())
    if unread or (manifest["control_records"] and any(part.rejects for part in scores.values())):
        lines.append("records that could not be read leave some groups smaller, which lowers UnitMem there a little")
    return [*lines, *unread_notes({tower: [part] for tower, part in scores.items()})]


def _rejects(scores: dict[Tower, TowerUnits]) -> list[dict[str, str]]:
    rows = []
    for tower, part in scores.items():
        unread = [(part.records.record_ids[row].as_py(), why) for row, why in part.rejects.items()]
        for side, rejects in (("records", unread), ("control", part.control_rejects)):
            rows += [{"record_id": name, "side": f"{side}, {tower} tower", "reason": why} for name, why in rejects]
    return rows
