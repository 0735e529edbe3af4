"""The image-only déjà vu audit with two models or one: from crops to a run folder (METHODS, Sections 3 and 4)."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from memometer.audits.calibration import check_null, null_coverage
from memometer.audits.guards import check_disjoint, check_images, duplicates_across_roles, warn_of_labels
from memometer.audits.image_direction import ImageDirection
from memometer.audits.image_gallery import shown_items
from memometer.audits.image_records import CropKind, LabelKind, labels_of, with_label
from memometer.audits.image_references import is_fitted_spec
from memometer.audits.image_run import ImageRun
from memometer.audits.image_summary import compare_references, notes, null_intervals, summarise
from memometer.audits.image_vectors import ImageSearch, Metric
from memometer.audits.inputs import Model, folder_of, open_records, spec_of
from memometer.audits.planted import find_planted, planted_hash, planted_kinds
from memometer.audits.result import Audit, finished_audit, save_audit
from memometer.audits.small_sets import small_notes
from memometer.audits.stages import stages_of
from memometer.data.records import Records
from memometer.embeddings import StoredVectors, load_encoder
from memometer.encoders import Features, ImageEncoder, has_tower
from memometer.encoders.untrained import untrained
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.neighbors.search import MAX_K
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.manifest import describe_model, describe_records
from memometer.software import describe_software, timestamp

__all__ = ["MIN_SIDE", "audit_image_dejavu"]

MIN_SIDE = 100 / 375
"""D keeps background crops of more than 100 px at ImageNet's sizes, whose shorter side is most often 375 px."""

Referent = str | Model


@writes("out")
def audit_image_dejavu(
    *,
    target: Referent,
    reference: Referent | Sequence[Referent],
    records: str | Path | Records,
    public: str | Path | Records,
    role: str | None = None,
    reference_role: str | None = None,
    control_role: str | None = None,
    public_role: str | None = None,
    fit_role: str | None = None,
    label: LabelKind = "given",
    crop: CropKind = "background",
    min_side: float = MIN_SIDE,
    fraction: float = 0.3,
    k: int = 100,
    features: Features = "projector",
    metric: Metric = "l2",
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
    """Audits an image encoder: does a crop without the foreground give the foreground's class away?

    Args:
        target: the model trained on ``records``: ``"ssl:models/a"``, ``"timm:…"``, ``"open_clip:…"``, or any object
            that satisfies `memometer.encoders.ImageEncoder`.
        reference: a model trained alike, but not on them. Or a classifier of what crops tell about classes anyway,
            fitted on ``fit_role``: ``"naive-bayes[:K]"``, ``"crop-classifier[:MODEL]"``. Several may be given: the
            first makes the headline, the others stand beside it with their agreement.
        records: the records under test, with boxes around the foreground; a folder or `Records`.
        public: the public images, with a class each; no model was trained on them.
        role: test the records of this role alone.
        reference_role: the reference model's own training records; the test runs with the roles swapped too, and the
            score is the mean of both directions, as in D.
        control_role: records that no model was trained on; their score is taken off (the controlled score).
        public_role: the public set is this role of ``public``.
        fit_role: the records that one-model references are fitted on, disjoint from those measured.
        label: the class of a record is the one ``given``, or that of its ``largest-box``, which makes one for detection
            data such as COCO; of the public images likewise.
        crop: ``background``, or ``corner``.
        min_side: a background crop's shorter side must exceed so many px, or below 1 such a share of the image's.
        fraction: of a corner crop, of the image's width and height.
        k: public images per crop.
        features: the ``projector``'s output, as in D, or the ``backbone``'s.
        metric: ``l2`` between unnormalised vectors, as in D, or ``cosine``.
        out: the run folder; None keeps everything in memory.
        store: where vectors and neighbours are kept for the next audit; by default ``stages/`` in the run folder.
        seed: of the bootstrap, and of a crop classifier's training.
        workers: processes that decode images; 0 decodes in this process. No number changes a result.
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: images per forward pass.
        gallery: how many memorized records the report shows.
        images: False keeps thumbnails out of the run folder.
        replicates: bootstrap replicates per interval.
        null: so many further audits of untrained models on the same records; 0 for none, else 20 or more.
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: vectors that are not finite.
    """
    started = timestamp()
    references: list[Referent] = [*reference] if isinstance(reference, list | tuple) else [reference]  # type: ignore[list-item]
    config: dict[str, Any] = {
        "measure": "image-dejavu",
        "target": spec_of(target),
        "reference": spec_of(references[0]) if references else "",
        "further_references": [spec_of(other) for other in references[1:]],
        "records": folder_of(records),
        "role": role,
        "reference_role": reference_role,
        "control_role": control_role,
        "public": folder_of(public),
        "public_role": public_role,
        "fit_role": fit_role,
        "crop": crop,
        "min_side": min_side,
        "fraction": fraction,
        "k": k,
        "features": features,
        "metric": metric,
        "seed": seed,
        "batch_size": batch_size,
        "gallery": gallery,
        "images": images,
        "replicates": replicates,
        "null": null,
        **({} if label == "given" else {"label": label}),  # runs of before it was an option keep their keys
    }
    _check_options(config, references)
    folder, public_folder = (with_label(open_records(each), label) for each in (records, public))
    named_roles = {"forward": role, "backward": reference_role, "control": control_role}
    parts = {
        name: folder.with_role(of_role)
        for name, of_role in named_roles.items()
        if name == "forward" or of_role is not None
    }
    public_records = public_folder.with_role(public_role)
    check_disjoint({**parts, "public": public_records})
    doubts = warn_of_labels([labels_of(part) for part in (*parts.values(), public_records)], what="labels")
    fit = None if fit_role is None else folder.with_role(fit_role)
    if fit is not None:
        check_disjoint({**parts, "fit": fit})
    models = _models([target, *references], device=device, features=features)
    specs = dict(zip(models, [config["target"], config["reference"], *config["further_references"]], strict=True))
    described = {
        name: {"spec": specs[name]} if model is None else describe_model(model, specs[name])
        for name, model in models.items()
    }
    describe = functools.partial(describe_records, with_boxes=True)
    manifest: dict[str, Any] = {
        "seed": seed,
        "target": described.pop("target"),
        "reference": described.pop("reference"),
        "further_references": list(described.values()),
        "records": describe(parts["forward"], role),
        "reference_records": describe(parts["backward"], reference_role) if "backward" in parts else None,
        "control_records": describe(parts["control"], control_role) if "control" in parts else None,
        "fit_records": None if fit is None else describe(fit, fit_role),
        "public": describe(public_records, public_role),
        "planted": planted_hash(folder.folder),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := finished_audit(Path(out), key, overwrite=overwrite)):
        return finished
    with stages_of(out, store) as (place, scratch):
        run = ImageRun(
            search=ImageSearch(k=k, metric=metric, store=place, workers=workers, batch_size=batch_size, device=device),
            models=models,
            specs=specs,
            config=config,
        )
        scored, rejects = run.score(parts, public_records, fit)
        directions = [each[0] for each in scored.values()]
        shown = shown_items(
            [part for part in directions if part.name != "control"],
            public=run.public,
            public_labels=run.public_names,
            size=gallery,
            images=images,
        )
        summary = summarise(config, directions, n_public=len(run.public), seed=seed, replicates=replicates)
        summary |= compare_references(scored, specs=specs, seed=seed, replicates=replicates)
        kinds = planted_kinds(folder.folder, directions[0].cropped.records.record_ids)
        summary["planted"], curves = _planted(directions[0], kinds)
        summary["null"] = None
        if null:
            check_images({**parts, "public": public_records})
            summary["null"] = null_coverage(
                lambda seed: audit_image_dejavu(
                    target=untrained(seed, "target", device=device),
                    reference=specs["reference"]
                    if models["reference"] is None
                    else untrained(seed, "reference", device=device),
                    records=folder,
                    public=public_folder,
                    role=role,
                    reference_role=reference_role,
                    control_role=control_role,
                    public_role=public_role,
                    fit_role=fit_role,
                    crop=crop,
                    min_side=min_side,
                    fraction=fraction,
                    k=k,
                    metric=metric,
                    store=scratch,
                    seed=seed if models["reference"] is not None else config["seed"],
                    workers=workers,
                    device=device,
                    batch_size=batch_size,
                    gallery=0,
                    images=False,
                    replicates=replicates,
                ),
                seeds=null,
                intervals=null_intervals,
            )
    summary["duplicates_across_roles"] = duplicates_across_roles({**parts, "public": public_records})
    remarks = notes(manifest, directions, summary, n_rejects=len(rejects))
    summary["notes"] = [*doubts, *remarks]
    for note in remarks:
        warn(note)
    summary["notes"] += small_notes(summary)
    audit = Audit(
        summary=summary,
        samples=pa.concat_tables([direction.samples() for direction in directions]),
        gallery=shown,
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config=config,
        rejects=pa.Table.from_pylist(rejects, schema=REJECTS_SCHEMA),
        tables={} if curves is None else {"roc": curves},
    )
    return audit if out is None else save_audit(audit, Path(out))


def _check_options(config: dict[str, Any], references: list[Referent]) -> None:
    if not references:
        raise InputError("no reference is given; name a second model, naive-bayes or crop-classifier")
    if not 1 <= config["k"] <= MAX_K:
        raise InputError(f"k = {config['k']}; expected 1 … {MAX_K}")
    choices = {"crop": ("background", "corner"), "metric": ("l2", "cosine"), "label": ("given", "largest-box")}
    for name, known in choices.items():
        if config.get(name, known[0]) not in known:
            raise InputError(f"{name} = '{config[name]}'; expected {' or '.join(known)}")
    if is_fitted_spec(config["target"]):
        raise InputError(f"'{config['target']}' is a reference, not a model; give the model under test as --target")
    if config["reference_role"] is not None and is_fitted_spec(config["reference"]):
        raise InputError(
            f"the reference '{config['reference']}' was trained on none of the records, so the roles cannot be "
            "swapped: give --control-role, records that the target never saw, in place of --reference-role"
        )
    check_null(config["null"])


def _models(referents: list[Referent], *, device: str, features: Features) -> dict[str, ImageEncoder | None]:
    """The target, the reference and further ones by name; None for a reference that is to be fitted."""
    names = ["target", "reference", *(f"reference {place}" for place in range(2, len(referents)))]
    models: dict[str, ImageEncoder | None] = {}
    for name, referent in zip(names, referents, strict=True):
        if is_fitted_spec(referent):
            models[name] = None
            continue
        model = load_encoder(referent, device=device, features=features) if isinstance(referent, str) else referent
        if isinstance(model, StoredVectors) or not has_tower(model, "image"):
            what = "vectors of whole images" if isinstance(model, StoredVectors) else "no image tower"
            raise InputError(
                f"the {name} '{spec_of(referent)}' has {what}, but this measure embeds crops; give a model: ssl:…, "
                "timm:…, torchvision:… or open_clip:…"
            )
        models[name] = cast("ImageEncoder", model)
    return models


def _planted(direction: ImageDirection, kinds: pa.Array) -> tuple[list[dict[str, Any]] | None, pa.Table | None]:
    if kinds.null_count == len(kinds):
        return None, None
    return find_planted(
        kinds,
        {"memorization": direction.ranking, "target's confidence": direction.target.confidence},
        groups=direction.groups,
    )
