"""The CLIPMem audit: from pairs and trainings with and without them to a run folder (METHODS, Section 5)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.calibration import check_null, null_coverage
from memometer.audits.clipmem_inputs import check_options, check_subsets, open_trainings, pairs_of, several
from memometer.audits.clipmem_notes import model_notes, result_notes
from memometer.audits.clipmem_scoring import PLAIN, Pairs, Scores, Views, embed_pairs, score_pairs
from memometer.audits.clipmem_summary import SUBSETS, samples_table, shown_items, summarise
from memometer.audits.guards import check_images, duplicates_across_roles
from memometer.audits.inputs import TwoTowers, open_records, spec_of
from memometer.audits.planted import planted_hash, planted_kinds
from memometer.audits.result import Audit, finished_audit, save_audit
from memometer.audits.small_sets import small_notes
from memometer.audits.stages import stages_of
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import Records
from memometer.encoders.untrained import untrained
from memometer.files import hash_json
from memometer.locking import writes
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_model, describe_records, reads_images
from memometer.software import describe_software, timestamp

__all__ = ["audit_clipmem"]


@writes("out")
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
    null: int = 0,
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
        null: so many further audits of untrained models on the same records: how often the intervals cover 0 where
            there is nothing to find; 0 for none, else 20 or more.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: embeddings that are missing, or towers that do not share a space.
    """
    started = timestamp()
    models = {"targets": several(targets), "references": several(references)}
    held_role = None if negatives == "none" else negatives_role or external
    options: dict[str, Any] = {
        "candidates": candidates,
        "external": external,
        "independent": independent,
        "shared": shared,
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
        "null": null,
    }
    roles: dict[str, str] = {name: options[name] for name in SUBSETS if options[name] is not None}
    source = open_records(records)
    config: dict[str, Any] = {
        "measure": "clipmem",
        **{side: [spec_of(model) for model in each] for side, each in models.items()},
        "records": str(source.folder),
        **options,
    }
    check_null(null)
    check_options(config, negatives_role=negatives_role)
    apart = {} if held_role is None or held_role == external else {"negatives": held_role}
    parts = {name: source.with_role(role) for name, role in {**roles, **apart}.items()}
    check_subsets(parts, {**roles, **apart})
    opened = open_trainings(models, device=device)
    looking = reads_images(model for side in opened.values() for model in side)
    manifest: dict[str, Any] = {
        "seed": seed,
        **{
            side: [describe_model(model, spec) for model, spec in zip(each, config[side], strict=True)]
            for side, each in opened.items()
        },
        "records": {
            name: describe_records(part, {**roles, **apart}[name], images=looking) for name, part in parts.items()
        },
        "planted": planted_hash(source.folder),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    pairs = pairs_of(source, parts, held="negatives" if apart else None if held_role is None else "external")
    planted = planted_kinds(source.folder, pairs.records.record_ids)
    with stages_of(out, store) as (place, scratch):
        views = Views(
            augmentation=AUGMENTATIONS[augment],
            n_aug=n_aug,
            captions=captions,
            seed=seed,
            store=place,
            workers=workers,
            batch_size=batch_size,
        )
        towers = {
            side: [
                embed_pairs(pairs, model, views, name=_name(side, place, len(each)), plain=side == "targets")
                for place, model in enumerate(each, start=1)
            ]
            for side, each in opened.items()
        }
        scores = score_pairs(pairs, **towers, negatives=negatives == "cross")
        coverage = None
        if null:
            check_images(parts)
            same = {name: value for name, value in options.items() if name not in ("gallery", "images", "seed", "null")}
            coverage = null_coverage(
                lambda seed: audit_clipmem(
                    targets=untrained(seed, "target", device=device),
                    references=untrained(seed, "reference", device=device),
                    records=source,
                    **{**same, "negatives_role": negatives_role},
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
        "null": coverage,
        "duplicates_across_roles": duplicates,
        "notes": [
            *model_notes(manifest, opened, source, roles),
            *result_notes(scores, config=config, roles=roles, n_duplicates=duplicates["n"]),
        ],
    }
    for note in summary["notes"]:
        warn(note)
    summary["notes"] += small_notes(summary)
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


def _name(side: str, place: int, n: int) -> str:
    """What progress bars call a model."""
    return side[:-1] if n == 1 else f"{side[:-1]} {place}"


def _null_intervals(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The candidates' differences, of expectation 0 whatever the models' quality; then their mean, which drifts."""
    tests = {
        f"{test['first']} less {test['second']}": {"value": test["difference"], **test}
        for test in summary["tests"]
        if test["first"] == "candidates"
    }
    return {**tests, "mean of the candidates": summary["subsets"]["candidates"]["clipmem"]}


def _rejects(pairs: Pairs, scores: Scores) -> pa.Table:
    places = pc.index_in(pa.array(list(scores.rejects), pa.string()), pairs.records.record_ids).to_pylist()
    sides = [pairs.subset[place].as_py() or "negatives" for place in places]
    rows = zip(scores.rejects.items(), sides, strict=True)
    return pa.Table.from_pylist(
        [{"record_id": record_id, "side": side, "reason": reason} for (record_id, reason), side in rows],
        schema=REJECTS_SCHEMA,
    )
