"""The SSLMem and LayerMem audit: from records and two models to a run folder (METHODS, Section 6)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from memometer.activations import TowerReader, ViewPlan, open_tower
from memometer.activations.reader import Pool
from memometer.audits.calibration import check_null, null_coverage
from memometer.audits.guards import check_disjoint, check_images, duplicates_across_roles
from memometer.audits.inputs import Model, folder_of, open_model, open_records, spec_of
from memometer.audits.planted import planted_hash
from memometer.audits.result import Audit, finished_audit, save_audit
from memometer.audits.small_sets import small_notes
from memometer.audits.sslmem_scoring import TowerScores, check_same_layers, score_tower
from memometer.audits.sslmem_summary import layer_table, planted_rows, samples_table, shown_items, summarise_towers
from memometer.audits.stages import stages_of
from memometer.audits.towers import TowerChoice, check_views, chosen_towers, unread_notes
from memometer.audits.trained_on import training_notes
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records
from memometer.encoders import Tower
from memometer.encoders.untrained import untrained
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_model, describe_records
from memometer.software import describe_software, timestamp

__all__ = ["audit_sslmem"]


@writes("out")
def audit_sslmem(
    *,
    target: str | Model,
    reference: str | Model,
    records: str | Path | Records,
    role: str | None = None,
    reference_role: str | None = None,
    tower: TowerChoice = "image",
    draws: int = 5,
    augment: str = "ssl",
    pool: Pool = "mean",
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
    """Tells how much closer a model holds the views of the records that it was trained on, at every layer.

    Args:
        target: the model trained on ``records``: a specification such as ``"open_clip:models/a"``, or an encoder whose
            method ``tower`` gives its modules.
        reference: a model of the same architecture, trained alike but not on them.
        records: the records under test, a folder or `Records`.
        role: test the records of this role alone, e.g. ``"a"``.
        reference_role: the reference's own training records in the same folder. When given, the test also runs on them
            with the models' roles swapped, and the mean of both directions is the balanced score: 0 in expectation
            without memorization, whatever the models' quality.
        tower: ``"image"``, ``"text"`` or ``"both"``, which answers which tower memorizes more.
        draws: views of each image; and the most captions of a record that count, for its captions are the views of the
            text tower.
        augment: how the views of an image are drawn, a name of `memometer.data.augmentation.AUGMENTATIONS`.
        pool: ``"mean"`` takes the mean over a layer's tokens, ``"cls"`` the class token.
        layers: the modules to compare instead of the tower's blocks; the output is always the last layer.
        out: the run folder; None keeps everything in memory.
        store: where distances are kept for the next audit; by default ``stages/`` in the run folder.
        seed: of the views and of the bootstrap.
        workers: processes that decode images; 0 decodes in this process. No number changes a result.
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: views per forward pass.
        gallery: how many of the most memorized records of each tower the report shows.
        images: False keeps thumbnails out of the run folder.
        replicates: bootstrap replicates per interval.
        null: so many further audits of untrained models on the same records: how often the intervals cover 0 where
            there is nothing to find. 0 for none.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: a layer gives numbers that are not finite.
    """
    started = timestamp()
    towers = chosen_towers(tower, layers)
    options: dict[str, Any] = {
        "role": role,
        "reference_role": reference_role,
        "tower": tower,
        "draws": draws,
        "augment": augment,
        "pool": pool,
        "layers": None if layers is None else list(layers),
        "seed": seed,
        "batch_size": batch_size,
        "gallery": gallery,
        "images": images,
        "replicates": replicates,
        "null": null,
    }
    config: dict[str, Any] = {
        "measure": "sslmem",
        "target": spec_of(target),
        "reference": spec_of(reference),
        "records": folder_of(records),
        **options,
    }
    check_null(null)
    check_views(draws=draws, augment=augment, batch_size=batch_size, least=2)
    if augment == "none" and "image" in towers:
        raise InputError("augment = 'none' draws the same view each time, so every distance is 0; choose another")
    source = open_records(records)
    roles = {"forward": source.with_role(role)}
    if reference_role is not None:
        roles["backward"] = source.with_role(reference_role)
    check_disjoint(roles)
    models = {"target": open_model(target, device=device), "reference": open_model(reference, device=device)}
    manifest: dict[str, Any] = {
        "seed": seed,
        "target": describe_model(models["target"], config["target"]),
        "reference": describe_model(models["reference"], config["reference"]),
        "records": describe_records(roles["forward"], role, images="image" in towers),
        "reference_records": describe_records(roles["backward"], reference_role, images="image" in towers)
        if "backward" in roles
        else None,
        "planted": planted_hash(source.folder),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    readers: dict[str, dict[str, TowerReader]] = {}
    for each in towers:
        readers[each] = {
            name: open_tower(model, each, read="blocks", names=layers, pool=pool) for name, model in models.items()
        }
        check_same_layers(**readers[each])
    plan = ViewPlan(AUGMENTATIONS[augment], draws=draws, seed=seed, batch_size=batch_size, workers=workers)
    with stages_of(out, store) as (place, scratch):
        scores = {
            each: [score_tower(name, part, readers[each], plan, store=place) for name, part in roles.items()]
            for each in towers
        }
        shown = shown_items(scores, size=gallery, images=images)
        coverage = None
        if null:
            if "image" in towers:
                check_images(roles)
            same = {name: value for name, value in options.items() if name not in ("gallery", "images", "seed", "null")}
            coverage = null_coverage(
                lambda seed: audit_sslmem(
                    target=untrained(seed, "target", device=device),
                    reference=untrained(seed, "reference", device=device),
                    records=source,
                    **{**same, "layers": None},
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
    skipped, skipped_backward = numbers.pop("skipped"), numbers.pop("skipped_backward")
    backward = roles.get("backward")
    summary: dict[str, Any] = {
        "measure": "sslmem",
        "schema": 1,
        "target": config["target"],
        "reference": config["reference"],
        "augment": augment,
        "draws": draws,
        "pool": pool,
        "n_records": len(roles["forward"]),
        "n_skipped": skipped,
        "backward": None if backward is None else {"n_records": len(backward), "n_skipped": skipped_backward},
        **numbers,
        "planted": planted,
        "null": coverage,
        "duplicates_across_roles": duplicates,
        "notes": _notes(manifest, source, scores, n_duplicates=duplicates["n"]),
    }
    for note in summary["notes"]:
        warn(note)
    summary["notes"] += small_notes(summary)
    tables = {"layers": layer_table(scores, seed=seed, replicates=replicates)}
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


def _null_intervals(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The scores at each tower's output; balanced ones have an expectation of 0 whatever the models' quality."""
    return {
        f"{tower} tower, {design}": entry[design]["sslmem"]
        for tower, entry in summary["towers"].items()
        for design in ("balanced", "forward")
        if entry[design] is not None
    }


def _notes(
    manifest: dict[str, Any], source: Records, scores: dict[Tower, list[TowerScores]], *, n_duplicates: int
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    own = [manifest["records"]["role"]]
    others = [manifest["reference_records"]["role"]] if manifest["reference_records"] else []
    lines = []
    sides: tuple[tuple[Literal["target", "reference"], list[Any], list[Any]], ...] = (
        ("target", own, others),
        ("reference", others, own),
    )
    for name, trained, unseen in sides:
        lines += [f"{name}: {text}" for text in manifest[name]["warnings"]]
        known = [[role for role in roles if role is not None] for roles in (trained, unseen)]
        lines += training_notes(manifest[name]["spec"], source, name=name, trained=known[0], unseen=known[1])
    if manifest["target"]["identity"] == manifest["reference"]["identity"]:
        lines.append("target and reference are the same model, so every score is 0 by construction")
    if n_duplicates:
        lines.append(
            f"{n_duplicates:,} pairs of duplicate images lie across roles: both models then know what one of them "
            "should never have seen; split again with 'memometer data split'"
        )
    if not others:
        lines.append(
            "one direction only: a score here mixes memorization with plain quality, since a model that holds all "
            "views closer together does so on anyone's records; pass --reference-role to balance the two"
        )
    for tower, parts in scores.items():
        n_scored, n = (
            sum(sizes) for sizes in zip(*((part.n_scored, len(part.records)) for part in parts), strict=True)
        )
        if n_scored < n / 2:
            lines.append(
                f"the {tower} tower scores {n_scored:,} of {n:,} records"
                + ("; it needs records with several captions, which are their views" if tower == "text" else "")
            )
    return [*lines, *unread_notes(scores)]


def _rejects(scores: dict[Tower, list[TowerScores]]) -> pa.Table:
    rows = [
        {"record_id": part.records.record_ids[row].as_py(), "side": f"{part.direction}, {tower} tower", "reason": why}
        for tower, parts in scores.items()
        for part in parts
        for row, why in part.rejects.items()
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS_SCHEMA)
