"""The VL-Déjà-Vu audit with two models or one: from records and models to a run folder (METHODS, Sections 1 and 2)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.audits.calibration import check_null, null_coverage
from memometer.audits.gallery import build_gallery
from memometer.audits.guards import check_disjoint, check_images, duplicates_across_roles, warn_of_labels
from memometer.audits.inputs import Model, folder_of, open_model, open_records, spec_of
from memometer.audits.planted import planted_hash
from memometer.audits.result import Audit, finished_audit, save_audit
from memometer.audits.searching import Search, fitted, prepare_public, searched_side
from memometer.audits.small_sets import small_notes
from memometer.audits.stages import stages_of
from memometer.audits.summary import compare_references, leaking_objects, notes, summarise
from memometer.audits.vl_direction import Setting, direction_of, labels_of
from memometer.audits.vl_planted import planted_among
from memometer.data.beside import vocabulary_beside
from memometer.data.records import Records
from memometer.encoders import has_tower
from memometer.encoders.untrained import untrained
from memometer.errors import InputError
from memometer.files import hash_file, hash_json
from memometer.locking import writes
from memometer.neighbors.search import MAX_K
from memometer.objects.sets import object_sets
from memometer.objects.vocabulary import load_vocabulary
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_model, describe_records, reads_images
from memometer.software import describe_software, timestamp

__all__ = ["DEFAULT_SWEEP", "audit_vl_dejavu"]

DEFAULT_SWEEP = (1, 10, 100)
"""B's sweep over k; values above the size of the public set are left out."""

Referent = str | Model


@writes("out")
def audit_vl_dejavu(
    *,
    target: Referent,
    reference: Referent | Sequence[Referent],
    records: str | Path | Records,
    public: str | Path | Records,
    role: str | None = None,
    reference_role: str | None = None,
    control_role: str | None = None,
    public_role: str | None = None,
    k: int = 10,
    sweep: Sequence[int] = DEFAULT_SWEEP,
    search: Search = "t2i",
    caption: int = 1,
    public_caption: int = 1,
    vocabulary: str | Path | None = None,
    out: str | Path | None = None,
    store: str | Path | None = None,
    seed: int = 0,
    workers: int = 0,
    device: str = "cpu",
    batch_size: int = 64,
    gallery: int = 30,
    images: bool = True,
    aucg_histogram: bool = False,
    replicates: int = 1000,
    null: int = 0,
    overwrite: bool = False,
) -> Audit:
    """Audits a CLIP-like model against one that was trained alike, but not on the records under test.

    Args:
        target: the model trained on ``records``: a specification such as ``"open_clip:models/a"`` or
            ``"embeddings:vectors/a"``, or any object that satisfies `memometer.encoders.Encoder`.
        reference: the model that was not trained on them. Or a text encoder that never saw an image (``"text:tfidf"``,
            ``"text:thenlper/gte-base"``), which is searched over the public captions: the one-model test, for a target
            that nobody will train again. Several may be given: the first makes the headline, the others stand beside
            it with their agreement.
        records: the records under test, a folder or `Records`.
        public: the public set that captions are searched against; neither model was trained on it.
        role: test the records of this role alone, e.g. ``"a"``.
        reference_role: the reference's own training records in the same folder. When given, the test also runs with
            the models' roles swapped, and the mean of both directions is the balanced gap: 0 in expectation
            without memorization, whatever the models' quality.
        control_role: records in the same folder that no model was trained on. When given, the test also runs on
            them, and the controlled gap is the target's records less these: 0 in expectation without memorization,
            whatever the reference, so it is what balances a one-model test.
        public_role: the public set is this role of ``public``.
        k: public images per caption.
        sweep: further k to report, at the cost of the one search.
        search: ``"t2i"`` looks captions up among public images, ``"t2t"`` among public captions. A model without an
            image tower always searches captions.
        caption: the number of the caption that is the query, from 1.
        public_caption: the number of the public captions that are searched, from 1.
        vocabulary: a file of terms and word forms that decides which objects a caption names; by default
            ``vocabulary.tsv`` in the records' folder, else the built-in one.
        out: the run folder; None keeps everything in memory.
        store: where embeddings and neighbours are kept for the next audit; by default ``stages/`` in the run folder.
        seed: for the bootstrap.
        workers: processes that decode images; 0 decodes in this process. No number changes a result.
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: images per forward pass.
        gallery: how many of the most memorized records the report shows.
        images: False keeps thumbnails out of the run folder.
        aucg_histogram: also integrate AUCG by histogram, as A's code does, to compare with published numbers.
        replicates: bootstrap replicates per interval.
        null: so many further audits of untrained models on the same records: how often the intervals cover 0 where
            there is nothing to find; 0 for none, else 20 or more.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: embeddings that are missing, zero or non-finite.
    """
    started = timestamp()
    references: list[Referent] = [*reference] if isinstance(reference, list | tuple) else [reference]  # type: ignore[list-item]
    if not references:
        raise InputError("no reference is given; name a second model, or a text encoder such as text:tfidf")
    config: dict[str, Any] = {
        "measure": "vl-dejavu",
        "target": spec_of(target),
        "reference": spec_of(references[0]),
        "further_references": [spec_of(other) for other in references[1:]],
        "records": folder_of(records),
        "role": role,
        "reference_role": reference_role,
        "control_role": control_role,
        "public": folder_of(public),
        "public_role": public_role,
        "k": k,
        "sweep": sorted(set(sweep)),
        "search": search,
        "caption": caption,
        "public_caption": public_caption,
        "vocabulary": None if vocabulary is None else str(vocabulary),
        "seed": seed,
        "batch_size": batch_size,
        "gallery": gallery,
        "images": images,
        "aucg_histogram": aucg_histogram,
        "replicates": replicates,
        "null": null,
    }
    check_null(null)
    _check_options(k=k, captions=(caption, public_caption), search=search)
    folders = {"records": open_records(records), "public": open_records(public)}
    roles = {"forward": folders["records"].with_role(role)}
    for name, of_role in (("backward", reference_role), ("control", control_role)):
        if of_role is not None:
            roles[name] = folders["records"].with_role(of_role)
    public_records = folders["public"].with_role(public_role)
    check_disjoint({**roles, "public": public_records})
    doubts = warn_of_labels([part.table["objects"] for part in (*roles.values(), public_records)], what="objects")
    specs = _named([spec_of(each) for each in (target, *references)])
    models = _named(
        [
            fitted(open_model(each, device=device), public_records, caption=public_caption)
            for each in (target, *references)
        ]
    )
    sides = {name: searched_side(model, asked=search, name=name, spec=specs[name]) for name, model in models.items()}
    if reference_role is not None and not has_tower(models["reference"], "image"):
        raise InputError(
            f"the reference '{specs['reference']}' has no image tower, so it was trained on no record and the roles "
            "cannot be swapped: give --control-role, records that the target never saw, in place of --reference-role"
        )
    described = {name: describe_model(model, specs[name]) for name, model in models.items()}
    looking = reads_images(model for name, model in models.items() if sides[name] == "images")
    terms = vocabulary_beside(folders["records"].folder) if vocabulary is None else Path(vocabulary)
    manifest: dict[str, Any] = {
        "seed": seed,
        "target": described.pop("target"),
        "reference": described.pop("reference"),
        "further_references": list(described.values()),
        "records": describe_records(roles["forward"], role, images=looking),
        "reference_records": describe_records(roles["backward"], reference_role, images=looking)
        if "backward" in roles
        else None,
        "control_records": describe_records(roles["control"], control_role, images=looking)
        if "control" in roles
        else None,
        "public": describe_records(public_records, public_role, images=looking),
        "planted": planted_hash(folders["records"].folder),
        "vocabulary": None if terms is None or not terms.is_file() else hash_file(terms),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    with stages_of(out, store) as (place, scratch):
        words = None if terms is None else load_vocabulary(terms)
        seen = prepare_public(
            public_records,
            models,
            sides=sides,
            caption=public_caption,
            store=place,
            workers=workers,
            batch_size=batch_size,
            device=device,
        )
        usable = seen.records
        labels = labels_of(usable, roles, k=k)
        setting = Setting(
            models=models,
            public=seen,
            public_sets=object_sets(usable.table["objects"], labels=labels, scores=usable.table["scores"]),
            vocabulary=words,
            k=k,
            ks=tuple(sorted({k, *(other for other in sweep if other <= min(len(usable), MAX_K))})),
            caption=caption,
        )
        scored = {name: direction_of(setting, name, part) for name, part in roles.items()}
        directions = [each[0] for each in scored.values()]
        duplicates = duplicates_across_roles({**roles, "public": public_records})
        shown = build_gallery(
            [part for part in directions if part.name != "control"],
            public=usable,
            public_sets=setting.public_sets,
            size=gallery,
            images=images,
        )
        summary = summarise(
            config, directions, n_public=len(usable), seed=seed, replicates=replicates, histogram=aucg_histogram
        )
        summary["searched"] = sides
        summary |= compare_references(scored, specs=specs, sides=sides, seed=seed, replicates=replicates)
        planted, curves = planted_among(
            directions[0], models["target"], store=place, workers=workers, batch_size=batch_size
        )
        if null:
            check_images({**roles, "public": public_records})
            summary["null"] = null_coverage(
                lambda seed: audit_vl_dejavu(
                    target=untrained(seed, "target", device=device),
                    reference=models["reference"]
                    if not has_tower(models["reference"], "image")
                    else untrained(seed, "reference", device=device),
                    records=folders["records"],
                    role=role,
                    reference_role=reference_role,
                    control_role=control_role,
                    public=folders["public"],
                    public_role=public_role,
                    k=k,
                    sweep=(),
                    search=search,
                    caption=caption,
                    public_caption=public_caption,
                    vocabulary=vocabulary,
                    store=scratch,
                    seed=seed,
                    workers=workers,
                    device=device,
                    batch_size=batch_size,
                    gallery=0,
                    images=False,
                    replicates=replicates,
                ),
                seeds=null,
                intervals=_null_intervals,
            )
    summary["planted"] = planted
    summary["duplicates_across_roles"] = duplicates
    remarks = notes(manifest, directions, duplicates, seen.rejects, sides=sides)
    summary["notes"] = [*doubts, *remarks]
    for note in remarks:
        warn(note)
    summary["notes"] += small_notes(summary)
    audit = Audit(
        summary=summary,
        samples=pa.concat_tables([direction.samples() for direction in directions]),
        tables={
            "objects": leaking_objects([part for part in directions if part.name != "control"], labels),
            **({} if curves is None else {"roc": curves}),
        },
        gallery=shown,
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config=config,
        rejects=pa.Table.from_pylist(list(seen.rejects), schema=REJECTS_SCHEMA),
    )
    return audit if out is None else save_audit(audit, Path(out))


def _named(values: list[Any]) -> dict[str, Any]:
    """The target's, the reference's, and those of further references, by name."""
    further = (f"reference {place}" for place in range(2, len(values)))
    return dict(zip(["target", "reference", *further], values, strict=True))


def _null_intervals(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The gaps of each design, those first whose expectation is 0 whatever the models' quality."""
    designs = {"balanced": summary["balanced"], "controlled": summary["controlled"], "one-way": summary["gaps"]}
    return {
        f"{design}/{over}/{gap}": found
        for design, scopes in designs.items()
        for over, gaps in (scopes or {}).items()
        for gap, found in gaps.items()
    }


def _check_options(*, k: int, captions: tuple[int, ...], search: str) -> None:
    if not 1 <= k <= MAX_K:
        raise InputError(f"k = {k}; expected 1 … {MAX_K}")
    for caption in captions:
        if caption < 1:
            raise InputError(f"caption = {caption}; captions are counted from 1")
    if search not in ("t2i", "t2t"):
        raise InputError(f"search = '{search}'; expected t2i (public images) or t2t (public captions)")
