"""The UnitMem and ClassMem audit: from records and a model to a run folder (METHODS, Section 6)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.activations import TowerReader, ViewPlan, open_tower
from memometer.audits.calibration import check_null, null_coverage
from memometer.audits.guards import check_disjoint, check_images, duplicates_across_roles
from memometer.audits.inputs import Model, folder_of, open_model, open_records, spec_of
from memometer.audits.planted import planted_hash
from memometer.audits.result import Audit, finished_audit, save_audit
from memometer.audits.small_sets import small_notes
from memometer.audits.stages import stages_of
from memometer.audits.towers import TowerChoice, check_views, chosen_towers, unread_notes
from memometer.audits.trained_on import training_notes
from memometer.audits.unitmem_scoring import Statistic, group_unitmem, measure_units, score_classes, score_units
from memometer.audits.unitmem_summary import (
    TowerUnits,
    groups_table,
    layer_table,
    planted_rows,
    samples_table,
    shown_items,
    summarise_towers,
    units_table,
)
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records
from memometer.encoders import Tower
from memometer.encoders.untrained import untrained
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.objects.classes import class_ids, image_classes
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_model, describe_records
from memometer.seeds import rng_for
from memometer.software import describe_software, timestamp
from memometer.statistics import equal_groups

__all__ = ["GROUPS", "audit_unitmem"]

GROUPS = 20
"""Groups of records behind the interval of the difference to the control."""


@writes("out")
def audit_unitmem(
    *,
    target: str | Model,
    records: str | Path | Records,
    role: str | None = None,
    control_role: str | None = None,
    tower: TowerChoice = "image",
    draws: int = 10,
    augment: str = "ssl",
    statistic: Statistic = "mean",
    by_class: bool = False,
    keep_negative: bool = False,
    layers: Sequence[str] | None = None,
    out: str | Path | None = None,
    store: str | Path | None = None,
    seed: int = 0,
    workers: int = 0,
    device: str = "cpu",
    batch_size: int = 64,
    gallery: int = 30,
    images: bool = True,
    replicates: int = 1000,
    null: int = 0,
    overwrite: bool = False,
) -> Audit:
    """Tells which units of a model a single training record excites far more than all others, and which record.

    Args:
        target: a model: a specification such as ``"open_clip:models/a"``, or an encoder whose method ``tower`` gives
            its modules.
        records: the records that it was trained on, a folder or `Records`.
        role: test the records of this role alone, e.g. ``"a"``.
        control_role: records in the same folder that the model never saw. When given, UnitMem is also computed over
            groups of equal size of both, and the difference is 0 in expectation for a model trained on neither.
        tower: ``"image"``, ``"text"`` or ``"both"``.
        draws: views of each image; and the most captions of a record that count, for its captions are the views of the
            text tower.
        augment: how the views of an image are drawn, a name of `memometer.data.augmentation.AUGMENTATIONS`.
        statistic: what stands for the other records, the ``"mean"`` or the ``"median"`` of their activations.
        by_class: also ClassMem, over the records' classes: their ``label``, or their only object.
        keep_negative: take activations as they are. By default negative ones count as 0, since UnitMem takes
            activations for amounts: a GELU's small negative values leave it above 1 or undefined.
        layers: the modules whose outputs are the units, instead of those that are recognised.
        out: the run folder; None keeps everything in memory.
        store: where sums are kept for the next audit; by default ``stages/`` in the run folder. The median and classes
            keep every record's activations there, 4 bytes per record and unit.
        seed: of the views, the groups and the bootstrap.
        workers: processes that decode images; 0 decodes in this process. No number changes a result.
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: views per forward pass.
        gallery: how many units of each tower the report shows.
        images: False keeps thumbnails out of the run folder.
        replicates: bootstrap replicates per interval.
        null: so many further audits of untrained models, the records of both sets dealt to them again by chance: how
            often the intervals cover 0 where there is nothing to find. 0 for none; it needs a control.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: a layer gives numbers that are not finite.
    """
    started = timestamp()
    towers = chosen_towers(tower, layers)
    options: dict[str, Any] = {
        "role": role,
        "control_role": control_role,
        "tower": tower,
        "draws": draws,
        "augment": augment,
        "statistic": statistic,
        "by_class": by_class,
        "keep_negative": keep_negative,
        "layers": None if layers is None else list(layers),
        "seed": seed,
        "batch_size": batch_size,
        "gallery": gallery,
        "images": images,
        "replicates": replicates,
        "null": null,
    }
    config: dict[str, Any] = {
        "measure": "unitmem",
        "target": spec_of(target),
        "records": folder_of(records),
        **options,
    }
    check_null(null)
    if null and control_role is None:
        raise InputError("--null tells how often the difference to a control covers 0; pass --control-role with it")
    check_views(draws=draws, augment=augment, batch_size=batch_size, least=1)
    if statistic not in ("mean", "median"):
        raise InputError(f"statistic = '{statistic}'; expected mean or median")
    source = open_records(records)
    roles = {"records": source.with_role(role)}
    if control_role is not None:
        roles["control"] = source.with_role(control_role)
    if len(roles["records"]) < 2:
        raise InputError("one record alone; UnitMem compares a record with others, so expected two or more")
    check_disjoint(roles)
    classes = _classes(roles["records"]) if by_class else None
    model = open_model(target, device=device)
    manifest: dict[str, Any] = {
        "seed": seed,
        "target": describe_model(model, config["target"]),
        "records": describe_records(roles["records"], role, images="image" in towers),
        "control_records": describe_records(roles["control"], control_role, images="image" in towers)
        if "control" in roles
        else None,
        "planted": planted_hash(source.folder),
        "classes": None if classes is None else hash_json(classes[1].tolist()),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    readers = {each: open_tower(model, each, read="units", names=layers, rectify=not keep_negative) for each in towers}
    plan = ViewPlan(AUGMENTATIONS[augment], draws=draws, seed=seed, batch_size=batch_size, workers=workers)
    with stages_of(out, store) as (place, scratch):
        scores = {
            each: _tower_units(reader, roles, plan, statistic=statistic, classes=classes, store=place)
            for each, reader in readers.items()
        }
        shown = shown_items(scores, size=gallery, images=images)
        coverage = None
        if null:
            if "image" in towers:
                check_images(roles)
            same = {name: value for name, value in options.items() if name not in ("gallery", "images", "seed", "null")}
            coverage = null_coverage(
                lambda seed: audit_unitmem(
                    target=untrained(seed, "target", device=device),
                    records=_dealt_again(roles, seed=seed),
                    **{**same, "layers": None, "role": "records", "control_role": "control"},
                    store=scratch,
                    seed=seed,
                    workers=workers,
                    device=device,
                    gallery=0,
                    images=False,
                ),
                seeds=null,
                intervals=_null_intervals,
            )
    duplicates = duplicates_across_roles(roles)
    numbers = summarise_towers(scores, seed=seed, replicates=replicates)
    planted, curves = planted_rows(scores)
    summary: dict[str, Any] = {
        "measure": "unitmem",
        "schema": 1,
        "target": config["target"],
        "augment": augment,
        "draws": draws,
        "statistic": statistic,
        "negative_activations": "kept" if keep_negative else "counted as 0",
        "n_records": len(roles["records"]),
        "n_control": len(roles["control"]) if "control" in roles else None,
        "n_without_class": None if classes is None else int((classes[1] < 0).sum()),
        "n_skipped": {
            f"{each} tower: {reason}": n for each, part in scores.items() for reason, n in part.skipped.items()
        },
        **numbers,
        "planted": planted,
        "null": coverage,
        "duplicates_across_roles": duplicates,
        "notes": _notes(manifest, source, scores, n_duplicates=duplicates["n"]),
    }
    for note in summary["notes"]:
        warn(note)
    summary["notes"] += small_notes(summary)
    tables = {
        "layers": layer_table(scores, seed=seed, replicates=replicates),
        "units": units_table(scores),
        **({} if "control" not in roles else {"groups": groups_table(scores)}),
    }
    audit = Audit(
        summary=summary,
        samples=samples_table(scores),
        gallery=shown,
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config=config,
        rejects=_rejects(scores),
        tables=tables if curves is None else {**tables, "roc": curves},
    )
    return audit if out is None else save_audit(audit, Path(out))


def _dealt_again(roles: dict[str, Records], *, seed: int) -> Records:
    """The records of both sets, dealt again by chance: one model sees the same difference between two fixed sets."""
    names = [name for name, part in roles.items() for _ in range(len(part))]
    table = pa.concat_tables([part.table for part in roles.values()])
    dealt = rng_for(seed, "dealt again").permutation(np.array(names, object)).tolist()
    place = table.schema.get_field_index("role")
    table = table.set_column(place, table.schema.field(place), pa.array(dealt, pa.string()))
    return Records(table=table, folder=roles["records"].folder)


def _null_intervals(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The differences to the control, of expectation 0 for a model that was trained on neither."""
    return {
        f"{tower} tower less control": entry["control"]["difference"]
        for tower, entry in summary["towers"].items()
        if entry["control"] is not None
    }


def _tower_units(
    reader: TowerReader,
    roles: dict[str, Records],
    plan: ViewPlan,
    *,
    statistic: Statistic,
    classes: tuple[pa.Array, npt.NDArray[np.int32]] | None,
    store: Path,
) -> TowerUnits:
    """One tower's scores over the records, and over equal groups of them and of the control."""
    records = roles["records"]
    n_groups, size = 0, 0
    dealt: dict[str, npt.NDArray[np.int64]] = {"records": np.full(len(records), -1, np.int64)}
    if "control" in roles:
        dealt, size = equal_groups(
            {name: part.record_ids for name, part in roles.items()},
            groups=GROUPS,
            seed=plan.seed,
            tied={name: part.groups for name, part in roles.items()},
        )
        n_groups = GROUPS if size >= 2 else 0
        if not n_groups:
            dealt = {name: np.full(len(part), -1, np.int64) for name, part in roles.items()}
    own = measure_units(
        records,
        reader,
        plan,
        group_of=dealt["records"],
        n_groups=n_groups,
        keep=statistic == "median" or classes is not None,
        store=store,
        label=f"{reader.tower} tower, records",
    )
    part = TowerUnits(
        tower=reader.tower,
        records=records,
        layers=reader.names,
        widths=reader.widths,
        scores=score_units(own, statistic=statistic),
        rejects=dict(own.rejects),
        group_size=size,
    )
    changes: dict[str, Any] = {}
    if classes is not None:
        vocabulary, ids = classes
        changes |= {"classmem": score_classes(own, ids, n_classes=len(vocabulary)), "classes": vocabulary}
    if n_groups:
        grouped = np.flatnonzero(dealt["control"] >= 0)
        control = roles["control"].take(pa.array(grouped))
        other = measure_units(
            control,
            reader,
            plan,
            group_of=dealt["control"][grouped],
            n_groups=n_groups,
            keep=statistic == "median",
            store=store,
            label=f"{reader.tower} tower, control",
        )
        names = control.record_ids
        changes["control_rejects"] = tuple((names[row].as_py(), reason) for row, reason in other.rejects)
        changes["groups"] = group_unitmem(own, statistic=statistic)
        changes["control_groups"] = group_unitmem(other, statistic=statistic)
    return TowerUnits(**{**vars(part), **changes})


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
    lines = [f"target: {text}" for text in manifest["target"]["warnings"]]
    known = [
        [entry["role"] for entry in (manifest[name],) if entry is not None and entry["role"] is not None]
        for name in ("records", "control_records")
    ]
    lines += training_notes(manifest["target"]["spec"], source, name="target", trained=known[0], unseen=known[1])
    if n_duplicates:
        lines.append(
            f"{n_duplicates:,} pairs of duplicate images lie across roles: the model then knows some of the control's; "
            "split again with 'memometer data split'"
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


def _rejects(scores: dict[Tower, TowerUnits]) -> pa.Table:
    rows = []
    for tower, part in scores.items():
        ids = part.records.record_ids
        rows += [
            {"record_id": ids[row].as_py(), "side": f"records, {tower} tower", "reason": why}
            for row, why in part.rejects.items()
        ]
        rows += [
            {"record_id": name, "side": f"control, {tower} tower", "reason": why} for name, why in part.control_rejects
        ]
    return pa.Table.from_pylist(rows, schema=REJECTS_SCHEMA)
