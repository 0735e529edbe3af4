"""The VL-Déjà-Vu audit with two models: from records and models to a run folder (METHODS, Section 1)."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.direction import Direction, score_direction
from memometer.audits.gallery import build_gallery
from memometer.audits.guards import check_disjoint, duplicates_across_roles
from memometer.audits.manifest import describe_model, describe_records
from memometer.audits.result import REJECTS_SCHEMA, Audit, load_audit, save_audit
from memometer.audits.summary import leaking_objects, notes, summarise
from memometer.data.records import Records, load_records
from memometer.embeddings import Embedded, StoredVectors, embed_images, embed_texts, load_encoder
from memometer.encoders import Encoder
from memometer.errors import InputError
from memometer.files import atomic_path, hash_json
from memometer.neighbors import Neighbors, search
from memometer.neighbors.search import MAX_K
from memometer.objects.nouns import mentioned
from memometer.objects.sets import ObjectSets, label_union, object_sets
from memometer.objects.vocabulary import Vocabulary, load_vocabulary
from memometer.progress import notice, progress_bar, warn
from memometer.software import describe_software, timestamp

__all__ = ["DEFAULT_SWEEP", "audit_vl_dejavu"]

DEFAULT_SWEEP = (1, 10, 100)
"""B's sweep over k; values above the size of the public set are left out."""

Model = Encoder | StoredVectors


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What all parts of one audit share."""

    encoders: dict[str, Model]
    public: Records
    public_vectors: dict[str, Embedded]
    public_sets: ObjectSets
    vocabulary: Vocabulary | None
    store: Path
    k: int
    ks: tuple[int, ...]
    caption: int
    device: str


def audit_vl_dejavu(
    *,
    target: str | Model,
    reference: str | Model,
    records: str | Path | Records,
    public: str | Path | Records,
    role: str | None = None,
    reference_role: str | None = None,
    public_role: str | None = None,
    k: int = 10,
    sweep: Sequence[int] = DEFAULT_SWEEP,
    caption: int = 1,
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
    overwrite: bool = False,
) -> Audit:
    """Audits a CLIP-like model against one that was trained alike, but not on the records under test.

    Args:
        target: the model trained on ``records``: a specification such as ``"open_clip:models/a"`` or
            ``"embeddings:vectors/a"``, or any object that satisfies `memometer.encoders.Encoder`.
        reference: the model that was not trained on them.
        records: the records under test, a folder or `Records`.
        public: the public set that captions are searched against; neither model was trained on it.
        role: test the records of this role alone, e.g. ``"a"``.
        reference_role: the reference's own training records in the same folder. When given, the test also runs with
            the models' roles swapped, and the mean of both directions is the balanced gap: 0 in expectation
            without memorization, whatever the models' quality.
        public_role: the public set is this role of ``public``.
        k: public images per caption.
        sweep: further k to report, at the cost of the one search.
        caption: the number of the caption that is the query, from 1.
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
        overwrite: replace another audit in ``out``.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: embeddings that are missing, zero or non-finite.
    """
    started = timestamp()
    config: dict[str, Any] = {
        "measure": "vl-dejavu",
        "target": _spec(target),
        "reference": _spec(reference),
        "records": str(records.folder if isinstance(records, Records) else records),
        "role": role,
        "reference_role": reference_role,
        "public": str(public.folder if isinstance(public, Records) else public),
        "public_role": public_role,
        "k": k,
        "sweep": sorted(set(sweep)),
        "caption": caption,
        "vocabulary": None if vocabulary is None else str(vocabulary),
        "seed": seed,
        "batch_size": batch_size,
        "gallery": gallery,
        "images": images,
        "aucg_histogram": aucg_histogram,
        "replicates": replicates,
    }
    _check_options(k=k, caption=caption)
    folders = {"records": _load(records), "public": _load(public)}
    roles = {"forward": folders["records"].with_role(role)}
    if reference_role is not None:
        roles["backward"] = folders["records"].with_role(reference_role)
    public_records = folders["public"].with_role(public_role)
    check_disjoint({**roles, "public": public_records})
    encoders = {"target": _encoder(target, device), "reference": _encoder(reference, device)}
    manifest: dict[str, Any] = {
        "seed": seed,
        "target": describe_model(encoders["target"], config["target"]),
        "reference": describe_model(encoders["reference"], config["reference"]),
        "records": describe_records(roles["forward"], role),
        "reference_records": describe_records(roles["backward"], reference_role) if "backward" in roles else None,
        "public": describe_records(public_records, public_role),
    }
    key = hash_json([config, manifest])
    if out is not None and (finished := _finished(Path(out), key, overwrite=overwrite)):
        return finished
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(store) if store is not None else (Path(out) if out is not None else Path(scratch)) / "stages"
        words = _vocabulary(vocabulary, folders["records"].folder)
        vectors, usable, rejects = _embed_public(public_records, encoders, place, workers, batch_size)
        if k > len(usable):
            raise InputError(
                f"public set has {len(usable):,} images, fewer than k = {k}; "
                f"pass --k {max(len(usable), 1)} or fewer, or more public images"
            )
        labels = label_union([usable.table["objects"], *(part.table["objects"] for part in roles.values())])
        if not len(labels):
            raise InputError(
                "neither the records nor the public images hold any object; import them with labels, or take the nouns "
                "of the captions: memometer data import … --objects captions"
            )
        setting = _Setting(
            encoders=encoders,
            public=usable,
            public_vectors=vectors,
            public_sets=object_sets(usable.table["objects"], labels=labels, scores=usable.table["scores"]),
            vocabulary=words,
            store=place,
            k=k,
            ks=tuple(sorted({k, *(other for other in sweep if other <= min(len(usable), MAX_K))})),
            caption=caption,
            device=device,
        )
        directions = [_direction(setting, name, part) for name, part in roles.items()]
        duplicates = duplicates_across_roles({**roles, "public": public_records})
        shown = build_gallery(directions, public=usable, public_sets=setting.public_sets, size=gallery, images=images)
    summary = summarise(
        config, directions, n_public=len(usable), seed=seed, replicates=replicates, histogram=aucg_histogram
    )
    summary["duplicates_across_roles"] = duplicates
    summary["notes"] = notes(manifest, directions, duplicates, rejects)
    for note in summary["notes"]:
        warn(note)
    audit = Audit(
        summary=summary,
        samples=pa.concat_tables([direction.samples() for direction in directions]),
        tables={"objects": leaking_objects(directions, labels)},
        gallery=shown,
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config=config,
        rejects=pa.Table.from_pylist(rejects, schema=REJECTS_SCHEMA),
    )
    return audit if out is None else save_audit(audit, Path(out))


def _check_options(*, k: int, caption: int) -> None:
    if not 1 <= k <= MAX_K:
        raise InputError(f"k = {k}; expected 1 … {MAX_K}")
    if caption < 1:
        raise InputError(f"caption = {caption}; captions are counted from 1")


def _load(source: str | Path | Records) -> Records:
    return source if isinstance(source, Records) else load_records(source)


def _spec(model: str | Model) -> str:
    return model if isinstance(model, str) else str(getattr(model, "spec", None) or model.identity)


def _encoder(model: str | Model, device: str) -> Model:
    return load_encoder(model, device=device) if isinstance(model, str) else model


def _finished(out: Path, key: str, *, overwrite: bool) -> Audit | None:
    """The audit in ``out`` when it is this very one."""
    if not (out / "summary.json").exists():
        return None
    audit = load_audit(out)
    if audit.manifest.get("key") == key:
        notice(f"{out} holds this audit already; nothing to do")
        return audit
    if overwrite:
        return None
    raise InputError(f"{out} holds another audit; choose another --out, or pass --overwrite to replace it")


def _vocabulary(path: str | Path | None, folder: Path) -> Vocabulary | None:
    beside = folder / "vocabulary.tsv"
    if path is not None:
        return load_vocabulary(Path(path))
    return load_vocabulary(beside) if beside.is_file() else None


def _embed_public(
    public: Records, encoders: dict[str, Model], store: Path, workers: int, batch_size: int
) -> tuple[dict[str, Embedded], Records, list[dict[str, str]]]:
    """Both models' vectors of the public images that both could embed, and why the others are left out."""
    embedded = {
        name: embed_images(
            public, encoder, store=store, workers=workers, batch_size=batch_size, label=f"public images, {name}"
        )
        for name, encoder in encoders.items()
    }
    reasons = {record_id: reason for part in embedded.values() for record_id, reason in part.rejects}
    if reasons:
        kept = pc.invert(pc.is_in(public.table["record_id"], value_set=pa.array(list(reasons), pa.string())))
        public = dataclasses.replace(public, table=public.table.filter(kept))
    ids = public.record_ids
    same = {
        name: dataclasses.replace(part, embeddings=part.embeddings.select(ids)) if reasons else part
        for name, part in embedded.items()
    }
    rejects = [{"record_id": name, "side": "public", "reason": reason} for name, reason in reasons.items()]
    return same, public, rejects


def _direction(setting: _Setting, name: str, records: Records) -> Direction:
    """Scores the records of one role; backward swaps which model is the target."""
    captions = records.column("captions")
    counts = pc.fill_null(pc.list_value_length(captions), 0)
    queried: npt.NDArray[np.bool_] = pc.greater_equal(counts, setting.caption).to_numpy(zero_copy_only=False)
    asked = dataclasses.replace(records, table=records.table.filter(pa.array(queried)))
    if not len(asked):
        raise InputError(f"no record has a caption number {setting.caption}; pass a smaller --caption")
    queries = pc.list_element(asked.column("captions"), setting.caption - 1)
    labels = setting.public_sets.labels
    models = {"target": "target", "reference": "reference"}
    if name == "backward":
        models = {"target": "reference", "reference": "target"}

    def neighbors(side: str) -> Neighbors:
        return _neighbors(setting, asked, models[side], label=f"{name}, {side}")

    return score_direction(
        name=name,
        records=records,
        queried=queried,
        objects=object_sets(asked.table["objects"], labels=labels),
        named=mentioned(queries, labels=labels, vocabulary=setting.vocabulary),
        public=setting.public_sets,
        neighbors=neighbors,
        k=setting.k,
        ks=setting.ks,
        caption=setting.caption,
    )


def _neighbors(setting: _Setting, asked: Records, model: str, *, label: str) -> Neighbors:
    """The nearest public images of every caption under one model, kept on disk for the next run."""
    captions = embed_texts(
        asked, setting.encoders[model], store=setting.store, caption=setting.caption, label=f"captions, {label}"
    )
    public = setting.public_vectors[model]
    key = hash_json([captions.key, public.key, len(public.embeddings), setting.ks[-1]])
    path = setting.store / f"neighbors-{key}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return Neighbors(rows=stored["rows"], similarities=stored["similarities"])
    with progress_bar(f"searching, {label}", total=len(captions.embeddings), unit="captions") as advance:
        found = search(captions.embeddings, public.embeddings, setting.ks[-1], device=setting.device, progress=advance)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, rows=found.rows, similarities=found.similarities)
    return found
