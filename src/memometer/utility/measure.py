"""From a model and records to what the model is good for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from memometer.audits.inputs import Model, open_records
from memometer.audits.options import folder_of, spec_of
from memometer.audits.small_sets import small_notes
from memometer.audits.stages import stages_of
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.software import describe_software, timestamp
from memometer.utility.describing import describe, notes_on, without_places
from memometer.utility.parts import CLASSES_SCHEMA, Part, Resampling, run_probe, run_retrieval, run_zero_shot
from memometer.utility.prompts import class_vectors, read_classes, read_templates
from memometer.utility.result import Utility, finished_utility, save_utility
from memometer.utility.schema import SCHEMA_VERSION, UtilitySummary
from memometer.utility.subject import Subject
from memometer.utility.truth import LabelKind
from memometer.utility.vectors import (
    Embedder,
    ProbeFeatures,
    Towers,
    open_towers,
    prompt_encoder,
    rejects_of,
    sorted_records,
)

__all__ = ["measure_utility"]


@writes("out")
def measure_utility(
    *,
    model: str | Model,
    records: str | Path | Records,
    role: str | None = None,
    retrieval: bool = False,
    zero_shot: str | Path | Sequence[str] | Mapping[str, str] | None = None,
    templates: str | Path | Sequence[str] | None = None,
    linear_probe: bool = False,
    probe_records: str | Path | Records | None = None,
    probe_role: str | None = None,
    features: ProbeFeatures = "projector",
    labels: LabelKind = "auto",
    captions: int = 5,
    micro: bool = False,
    out: str | Path | None = None,
    store: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 0,
    batch_size: int = 64,
    replicates: int = 1000,
    overwrite: bool = False,
) -> Utility:
    """Measures what a model is good for, on records that it was not trained on; parts not asked for are None.

    Args:
        model: a specification such as ``"open_clip:models/a"``, or an encoder.
        records: the folder of the records under test, or `Records`.
        role: the role of those under test; None takes all.
        retrieval: image ↔ text retrieval, recall@{1, 5, 10}.
        zero_shot: zero-shot classification by these classes: a file of names (see
            `memometer.utility.prompts.read_classes`), names, or names with the words for prompts.
        templates: of prompts: a file, or texts, each with one ``{}``; ``"a photo of a {}."`` by default.
        linear_probe: logistic regression on frozen image features.
        probe_records: the folder of the probe's training records; ``records`` by default.
        probe_role: their role; none of them may be under test.
        features: which features are probed, ``"projector"`` or ``"backbone"``, where the encoder has both.
        labels: ``"label"``, ``"objects"``, or ``"auto"``: the label where there is one, else the objects.
        captions: the most captions of an image that count.
        micro: also micro average precision, where images have several objects.
        out: the run folder; None keeps everything in memory.
        store: where embeddings are kept for the next run; by default ``stages/`` in the run folder.
        seed: of the bootstrap and of the probe's held-out records.
        device: ``"cpu"`` or ``"cuda"``.
        workers: processes that decode images; no number changes a result.
        batch_size: images per forward pass.
        replicates: bootstrap replicates per interval.
        overwrite: replace another run in ``out``.

    Raises:
        InputError: the input cannot be measured; the message says what to do.
        VectorError: embeddings that are missing, or towers that do not share a space.
    """
    started = timestamp()
    asked = {"--retrieval": retrieval, "--zero-shot": zero_shot is not None, "--linear-probe": linear_probe}
    _check_asked(asked, templates=templates, probe_role=probe_role, probe_records=probe_records)
    for name, value in (("captions", captions), ("batch_size", batch_size), ("replicates", replicates)):
        if value < 1:
            raise InputError(f"{name} = {value}; expected 1 or more")
    classes = None if zero_shot is None else read_classes(zero_shot)
    prompts = read_templates(templates)
    source = open_records(records)
    subject = Subject(
        records=sorted_records(source.with_role(role)),
        unsorted=source.with_role(role),
        train=open_records(source if probe_records is None else probe_records).with_role(probe_role)
        if linear_probe
        else None,
        classes=classes,
        labels=labels,
    )
    subject.check()
    towers = open_towers(model, asked, features=features, device=device)
    options = {
        "retrieval": retrieval,
        "linear_probe": linear_probe,
        "features": features if linear_probe else None,
        "labels": labels,
        "captions": captions,
        "micro": micro,
        "seed": seed,
        "batch_size": batch_size,
        "replicates": replicates,
    }
    manifest = describe(towers, subject, roles={"test": role, "probe": probe_role}, templates=prompts)
    key = hash_json([options, without_places(manifest)])
    if out is not None and (finished := finished_utility(Path(out), key, overwrite=overwrite)):
        return finished
    how = Resampling(seed, replicates, micro, subject.records.groups)
    with stages_of(out, store) as (place, _):
        embedder = Embedder(place, workers, batch_size)
        parts, rejects = _measure(
            subject, towers, embedder, how=how, captions=captions if retrieval else None, prompts=prompts, device=device
        )
    numbers = {name: part.numbers for name, part in parts.items()}
    notes = notes_on(towers, subject, numbers=numbers, source=source, role=role)
    notes += [note for part in parts.values() for note in part.notes]
    summary = {
        "measure": "utility",
        "schema": SCHEMA_VERSION,
        "model": spec_of(model),
        "role": role,
        "n_records": len(subject.records),
        **{name: numbers.get(name) for name in ("retrieval", "zero_shot", "linear_probe")},
        "duplicates_across_roles": subject.duplicates(),
        "notes": notes,
    }
    for note in notes:
        warn(note)
    summary["notes"] = [*notes, *small_notes(summary)]
    columns = {name: column for part in parts.values() for name, column in part.columns.items()}
    utility = Utility(
        summary=UtilitySummary.made(summary),
        samples=pa.table({"record_id": subject.records.record_ids, **columns}),
        classes=pa.Table.from_pylist([row for part in parts.values() for row in part.classes], schema=CLASSES_SCHEMA),
        manifest={**describe_software(), "started": started, "finished": timestamp(), **manifest, "key": key},
        config={
            "measure": "utility",
            "model": spec_of(model),
            "records": folder_of(records),
            "role": role,
            "zero_shot": _named(zero_shot),
            "templates": _named(templates),
            "probe_records": None if probe_records is None else folder_of(probe_records),
            "probe_role": probe_role,
            **options,
        },
        rejects=pa.Table.from_pylist(rejects, schema=REJECTS_SCHEMA),
    )
    return utility if out is None else save_utility(utility, Path(out))


def _measure(
    subject: Subject,
    towers: Towers,
    embedder: Embedder,
    *,
    how: Resampling,
    captions: int | None,
    prompts: tuple[str, ...],
    device: str,
) -> tuple[dict[str, Part], list[dict[str, str]]]:
    """The parts that were asked for, by name, and the records left out; ``captions`` is None without retrieval."""
    parts: dict[str, Part] = {}
    tested = [embedder.images(subject.unsorted, model, label="embedding images") for model in towers.opened]
    seen = [("test image", each) for each in tested]
    if captions is not None:
        texts = embedder.captions(subject.unsorted, towers.opened[0], n=captions)
        seen += [("test caption", each) for each in texts]
        parts["retrieval"] = run_retrieval(
            subject.records,
            tested[0].embeddings,
            [each.embeddings for each in texts],
            how=how,
            device="cuda" if device.startswith("cuda") else "cpu",
        )
    if subject.classes is not None:
        parts["zero_shot"] = run_zero_shot(
            subject.records,
            tested[0].embeddings,
            subject.classes,
            vectors=class_vectors(subject.classes, prompts, prompt_encoder(towers.opened[0]), store=embedder.store),
            task=subject.task,
            templates=prompts,
            how=how,
        )
    if subject.train is not None:
        model = towers.opened[-1]
        shown = embedder.images(subject.train, model, label="embedding the probe's images")
        seen.append(("probe image", shown))
        parts["linear_probe"] = run_probe(
            subject.records,
            tested[-1].embeddings,
            sorted_records(subject.train),
            shown.embeddings,
            subject.probed(),
            task=subject.task,
            features=getattr(model, "features", None),
            how=how,
        )
    return parts, rejects_of(seen)


def _check_asked(asked: dict[str, bool], *, templates: object, probe_role: object, probe_records: object) -> None:
    if not any(asked.values()):
        raise InputError(f"nothing is asked for; pass one or more of {', '.join(asked)}")
    if templates is not None and not asked["--zero-shot"]:
        raise InputError("templates have no use without classes; pass --zero-shot CLASSES too, or leave them out")
    given = probe_role is not None or probe_records is not None
    if asked["--linear-probe"] and not given:
        raise InputError(
            "the linear probe needs training records that are not under test; pass --probe-role, or --probe-records"
        )
    if given and not asked["--linear-probe"]:
        raise InputError("training records of a probe have no use without it; pass --linear-probe, or leave them out")


def _named(source: object) -> Any:
    """A file's path, or a list of what was given in its place; None for nothing."""
    return None if source is None else str(source) if isinstance(source, str | Path) else list(cast("Any", source))
