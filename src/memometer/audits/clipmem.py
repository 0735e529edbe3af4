"""The CLIPMem audit: from pairs and trainings with and without them to a run folder (METHODS, Section 5)."""

import dataclasses
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.clipmem_notes import model_notes, result_notes
from memometer.audits.clipmem_scoring import PLAIN, Pairs, Scores, Views, embed_pairs, score_pairs
from memometer.audits.clipmem_summary import SUBSETS, samples_table, shown_items, summarise
from memometer.audits.guards import duplicates_across_roles
from memometer.audits.inputs import TwoTowers, finished_audit, open_records, open_two_towers, spec_of
from memometer.audits.manifest import describe_model, describe_records
from memometer.audits.planted import PLANTED_NAME, planted_kinds
from memometer.audits.result import REJECTS_SCHEMA, Audit, save_audit
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records
from memometer.embeddings import StoredVectors
from memometer.encoders import Encoder
from memometer.errors import InputError
from memometer.files import hash_file, hash_json
from memometer.progress import warn
from memometer.software import describe_software, timestamp

__all__ = ["audit_clipmem"]


def audit_clipmem(
    *,
    targets: str | TwoTowers | Sequence[str | TwoTowers],
    references: str | TwoTowers | Sequence[str | TwoTowers],
    records: str | Path | Records,
    candidates: str,
    external: str,
    independent: str | None = None,
    shared: str | None = None,
    n_aug: int = 5,
    augment: str = "clip",
    captions: int = 1,
    negatives: str = "cross",
    negatives_role: str | None = None,
    gallery: int = 15,
    images: bool = True,
    out: str | Path | None = None,
    store: str | Path | None = None,
    seed: int = 0,
    workers: int = 0,
    device: str = "cpu",
    batch_size: int = 64,
    replicates: int = 1000,
    overwrite: bool = False,
) -> Audit:
    """Scores how much better models align the pairs that they were trained on than models that never saw them.

    Args:
        targets: models trained on ``shared`` and ``candidates``, one or several trainings: each a specification such as
            ``"open_clip:models/f"`` or ``"embeddings:vectors/f"``, or an object that satisfies
            `memometer.encoders.Encoder`.
        references: models trained alike on ``shared`` and ``independent``.
        records: the folder of all pairs, or `Records`.
        candidates: the role of the pairs that the targets alone were trained on: those under test.
        external: the role of the pairs that no model was trained on.
        independent: the role of the pairs that the references alone were trained on; may be missing.
        shared: the role of the pairs that all models were trained on; may be missing.
        n_aug: views per image.
        augment: how views are drawn, a name of `memometer.data.augmentation.AUGMENTATIONS`.
        captions: how many of a record's captions count; the text's "augmentation" draws among them.
        negatives: ``"cross"`` takes off the mean similarity to held-out captions and images; ``"none"`` does not.
        negatives_role: the held-out pairs, which no model was trained on; ``external`` by default. A record that is one
            of them is never its own negative.
        gallery: how many of the most, and of the least, memorized candidates the report shows.
        images: False keeps thumbnails out of the run folder.
        out: the run folder; None keeps everything in memory.
        store: where embeddings are kept for the next audit; by default ``stages/`` in the run folder.
        seed: of the views and of the bootstrap.
        workers: processes that decode images; 0 decodes in this process. No number changes a result.
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: views per forward pass.
        replicates: bootstrap replicates per interval.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: embeddings that are missing, or towers that do not share a space.
    """
    started = timestamp()
    models = {"target": _several(targets), "reference": _several(references)}
    named = {"candidates": candidates, "external": external, "independent": independent, "shared": shared}
    roles = {name: role for name in SUBSETS if (role := named[name]) is not None}
    held_role = None if negatives == "none" else negatives_role or external
    source = open_records(records)
    config: dict[str, Any] = {
        "measure": "clipmem",
        "targets": [spec_of(model) for model in models["target"]],
        "references": [spec_of(model) for model in models["reference"]],
        "records": str(source.folder),
        **named,
        "n_aug": n_aug,
        "augment": augment,
        "captions": captions,
        "negatives": negatives,
        "negatives_role": held_role,
        "gallery": gallery,
        "images": images,
        "seed": seed,
        "batch_size": batch_size,
        "replicates": replicates,
    }
    _check_options(config, negatives_role=negatives_role)
    apart = {} if held_role is None or held_role == external else {"negatives": held_role}
    parts = {name: source.with_role(role) for name, role in {**roles, **apart}.items()}
    _check_disjoint(parts, {**roles, **apart})
    opened = {spec_of(model): open_two_towers(model, device=device) for side in models.values() for model in side}
    manifest: dict[str, Any] = {
        "seed": seed,
        **{side: [describe_model(opened[spec], spec) for spec in config[side]] for side in ("targets", "references")},
        "records": {name: describe_records(part, {**roles, **apart}[name]) for name, part in parts.items()},
        "planted": hash_file(path) if (path := source.folder / PLANTED_NAME).is_file() else None,
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    pairs = _pairs(source, parts, held="negatives" if apart else None if held_role is None else "external")
    planted = planted_kinds(source.folder, pairs.records.record_ids)
    with tempfile.TemporaryDirectory() as scratch:
        views = Views(
            augmentation=AUGMENTATIONS[augment],
            n_aug=n_aug,
            captions=captions,
            seed=seed,
            store=Path(store) if store is not None else Path(out or scratch) / "stages",
            workers=workers,
            batch_size=batch_size,
        )
        towers = {
            spec: embed_pairs(pairs, model, views, name=name, plain=spec in config["targets"])
            for (spec, model), name in zip(opened.items(), _names(config), strict=True)
        }
        scores = score_pairs(
            pairs,
            targets=[towers[spec] for spec in config["targets"]],
            references=[towers[spec] for spec in config["references"]],
            negatives=negatives == "cross",
        )
    samples = samples_table(pairs, scores, planted)
    numbers, curves = summarise(samples, pairs, scores, roles=roles, seed=seed, replicates=replicates)
    duplicates = duplicates_across_roles(parts)
    summary = {
        "measure": "clipmem",
        "schema": 1,
        "targets": config["targets"],
        "references": config["references"],
        "augment": augment,
        "n_aug": 1 if views.augmentation == PLAIN else n_aug,
        "captions": captions,
        "negatives": negatives,
        "negatives_role": held_role,
        "n_negatives": scores.n_negatives,
        **numbers,
        "duplicates_across_roles": duplicates,
        "notes": [
            *model_notes(manifest, opened, source, roles),
            *result_notes(scores, config=config, roles=roles, n_duplicates=duplicates["n"]),
        ],
    }
    for note in summary["notes"]:
        warn(note)
    audit = Audit(
        summary=summary,
        samples=samples,
        gallery=shown_items(samples, pairs, size=gallery, images=images),
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config=config,
        rejects=_rejects(pairs, scores),
        tables={"roc": curves},
    )
    return audit if out is None else save_audit(audit, Path(out))


def _several(models: str | TwoTowers | Sequence[str | TwoTowers]) -> list[str | TwoTowers]:
    if isinstance(models, str | Encoder | StoredVectors):
        return [models]
    return list(models)


def _check_options(config: dict[str, Any], *, negatives_role: str | None) -> None:
    for name in ("n_aug", "captions", "batch_size"):
        if config[name] < 1:
            raise InputError(f"{name} = {config[name]}; expected 1 or more")
    if config["augment"] not in AUGMENTATIONS:
        raise InputError(f"augment = '{config['augment']}'; expected one of {', '.join(AUGMENTATIONS)}")
    if config["negatives"] not in ("cross", "none"):
        raise InputError(f"negatives = '{config['negatives']}'; expected cross or none")
    if config["negatives"] == "none" and negatives_role is not None:
        raise InputError(f"without negatives, their role '{negatives_role}' has no use; leave one of the two out")
    for side in ("targets", "references"):
        if not config[side]:
            raise InputError(f"no {side} are given; CLIPMem compares at least one target with at least one reference")
        for spec in config[side]:
            if config[side].count(spec) > 1:
                raise InputError(f"{spec} is given twice among the {side}; name each training once")


def _check_disjoint(parts: dict[str, Records], roles: dict[str, str]) -> None:
    """Raises InputError when a record is in two subsets, or a model was trained on a negative."""
    for name, other in itertools.combinations(parts, 2):
        ids = parts[name].record_ids
        both = ids.filter(pc.is_in(ids, value_set=parts[other].record_ids))
        if not len(both) or (name, other) == ("external", "negatives"):  # negatives may be external pairs
            continue
        if other == "negatives":
            raise InputError(
                f"the negatives (role '{roles[other]}') are also {name}, e.g. '{both[0].as_py()}', so a model was "
                "trained on them; negatives must be held out: pass another --negatives-role, or leave it out to use the "
                "external set"
            )
        raise InputError(
            f"{len(both):,} records, e.g. '{both[0].as_py()}', are both {name} (role '{roles[name]}') and {other} "
            f"(role '{roles[other]}'); the subsets must be disjoint: assign roles with 'memometer data split', e.g. "
            "--roles shared=0.6,candidates=0.1,independent=0.1,external=rest"
        )


def _names(config: dict[str, Any]) -> list[str]:
    """What progress bars call the distinct models, in the order in which they are opened."""
    names: dict[str, str] = {}
    for side in ("target", "reference"):
        specs = config[f"{side}s"]
        for number, spec in enumerate(specs, start=1):
            names.setdefault(spec, side if len(specs) == 1 else f"{side} {number}")
    return list(names.values())


def _pairs(source: Records, parts: dict[str, Records], *, held: str | None) -> Pairs:
    """The records of all parts in the order of the folder; ``held`` is the part that the negatives are."""
    subset = np.full(len(source), None, object)
    used, negative = np.zeros(len(source), bool), np.zeros(len(source), bool)
    for name, part in parts.items():
        here = pc.is_in(source.record_ids, value_set=part.record_ids).to_numpy(zero_copy_only=False)
        used |= here
        if name == held:
            negative = here
        if name in SUBSETS:
            subset[here] = name
    kept = dataclasses.replace(source, table=source.table.filter(pa.array(used)))
    return Pairs(kept, pa.array(subset[used], pa.string()), negative[used])


def _rejects(pairs: Pairs, scores: Scores) -> pa.Table:
    places = pc.index_in(pa.array(list(scores.rejects), pa.string()), pairs.records.record_ids).to_pylist()
    sides = [pairs.subset[place].as_py() or "negatives" for place in places]
    rows = zip(scores.rejects.items(), sides, strict=True)
    return pa.Table.from_pylist(
        [{"record_id": record_id, "side": side, "reason": reason} for (record_id, reason), side in rows],
        schema=REJECTS_SCHEMA,
    )
