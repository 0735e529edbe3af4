"""From a model and records to what the model is good for."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from memometer.audits.inputs import Model, open_records
from memometer.audits.stages import stages_of
from memometer.embeddings import Embedded
from memometer.files import hash_json
from memometer.options import by_keyword
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA, check_not_foreign
from memometer.runs.manifest import made_of
from memometer.software import timestamp
from memometer.statistics.small_sets import small_warning
from memometer.storage.paths import AnyPath
from memometer.utility.describing import describe, notes_on, without_places
from memometer.utility.options import UtilityOptions
from memometer.utility.parts import CLASSES_SCHEMA, Part, Resampling, run_probe, run_retrieval, run_zero_shot
from memometer.utility.prompts import class_vectors, read_classes, read_templates
from memometer.utility.result import Utility
from memometer.utility.schema import UtilitySummary
from memometer.utility.subject import Subject
from memometer.utility.vectors import (
    Embedder,
    open_towers,
    prompt_encoder,
    rejects_of,
    sorted_records,
)

__all__ = ["measure_utility"]

KEYED = (
    *("retrieval", "linear_probe", "features", "labels", "captions", "micro"),
    *("seed", "batch_size", "replicates"),
)
"""Options that enter the key as they are; the others do so by their content."""


@by_keyword(UtilityOptions)
def measure_utility(options: UtilityOptions) -> Utility:
    """See `UtilityOptions`; parts not asked for are None.

    Raises:
        ShardDone: this was a shard, which writes no run.
    """
    with options.under_way() as out:
        return _run(options, out)


def _run(options: UtilityOptions, out: Path | None) -> Utility:
    started, config = timestamp(), options.config()
    if out is not None:
        check_not_foreign(out, config, names=KEYED, what=Utility.NOUN, overwrite=options.overwrite)
    prompts = read_templates(options.templates)
    source = open_records(options.records)
    probed = source if options.probe_records is None else open_records(options.probe_records)
    subject = Subject(
        records=sorted_records(source.with_role(options.role)),
        unsorted=source.with_role(options.role),
        train=probed.with_role(options.probe_role) if options.linear_probe else None,
        classes=None if options.zero_shot is None else read_classes(options.zero_shot),
        labels=options.labels,
    )
    subject.check()
    towers = open_towers(options)
    roles = {"test": options.role, "probe": options.probe_role}
    manifest = describe(towers, subject, roles=roles, templates=prompts)
    known = {name: config[name] for name in KEYED}
    key = hash_json([known, without_places(manifest)])
    if out is not None and (finished := Utility.finished(out, key, overwrite=options.overwrite)):
        return finished
    how = Resampling(options.seed, options.replicates, options.micro, subject.records.groups)
    options.agree(options.store, numbers=known, inputs=without_places(manifest))
    with stages_of(out, options.store, shared=options.sharing) as (place, _):
        embedder = Embedder(place, options.workers, options.batch_size)
        vectors = _embedded(subject, towers, embedder, captions=options.captions if options.retrieval else None)
        options.end_shard(options.store)
        parts = _measure(subject, towers, vectors, how=how, prompts=prompts, device=options.device, store=place)
    rejects = rejects_of(vectors.seen)
    numbers = {name: part.numbers for name, part in parts.items()}
    notes = notes_on(towers, subject, numbers=numbers, source=source, role=options.role)
    notes += [note for part in parts.values() for note in part.notes]
    values = {
        "model": config["model"],
        "role": options.role,
        "n_records": len(subject.records),
        **{name: numbers.get(name) for name in ("retrieval", "zero_shot", "linear_probe")},
        "duplicates_across_roles": subject.duplicates(),
        "notes": notes,
    }
    for note in notes:
        warn(note)
    summary = UtilitySummary.made(values)
    columns = {name: column for part in parts.values() for name, column in part.columns.items()}
    utility = Utility(
        summary=summary.noted(small_warning(summary.sets())),
        tables={
            "samples": pa.table({"record_id": subject.records.record_ids, **columns}),
            "classes": pa.Table.from_pylist(
                [row for part in parts.values() for row in part.classes], schema=CLASSES_SCHEMA
            ),
            "rejects": pa.Table.from_pylist(rejects, schema=REJECTS_SCHEMA),
        },
        manifest=made_of(manifest, started=started, key=key),
        config=config,
    )
    return utility if out is None else utility.save(out)


@dataclasses.dataclass(frozen=True)
class _Vectors:
    """The vectors of all records that are measured or learned from.

    Attributes:
        tested: of the images under test, by each tower.
        texts: first captions, second captions, …; None without retrieval.
        shown: of the images that the probe learns from; None without it.
    """

    tested: list[Embedded]
    texts: list[Embedded] | None
    shown: Embedded | None

    @property
    def seen(self) -> list[tuple[str, Embedded]]:
        """All of them, by what they are in ``rejects.parquet``."""
        probed = [] if self.shown is None else [("probe image", self.shown)]
        captions = [("test caption", each) for each in self.texts or ()]
        return [*(("test image", each) for each in self.tested), *captions, *probed]


def _embedded(subject: Subject, towers: Sequence[Model], embedder: Embedder, *, captions: int | None) -> _Vectors:
    """All that is embedded; ``captions`` is None without retrieval."""
    tested = [embedder.images(subject.unsorted, model, label="embedding images") for model in towers]
    texts = None if captions is None else embedder.captions(subject.unsorted, towers[0], n=captions)
    shown = None
    if subject.train is not None:
        shown = embedder.images(subject.train, towers[-1], label="embedding the probe's images")
    return _Vectors(tested, texts, shown)


def _measure(
    subject: Subject,
    towers: Sequence[Model],
    vectors: _Vectors,
    *,
    how: Resampling,
    prompts: tuple[str, ...],
    device: str,
    store: AnyPath,
) -> dict[str, Part]:
    """The parts that were asked for, by name."""
    parts: dict[str, Part] = {}
    tested = vectors.tested
    if vectors.texts is not None:
        parts["retrieval"] = run_retrieval(
            subject.records,
            tested[0].embeddings,
            [each.embeddings for each in vectors.texts],
            how=how,
            device="cuda" if device.startswith("cuda") else "cpu",
        )
    if subject.classes is not None:
        parts["zero_shot"] = run_zero_shot(
            subject.records,
            tested[0].embeddings,
            subject.classes,
            vectors=class_vectors(subject.classes, prompts, prompt_encoder(towers[0]), store=store),
            task=subject.task,
            templates=prompts,
            how=how,
        )
    if subject.train is not None and vectors.shown is not None:
        model = towers[-1]
        parts["linear_probe"] = run_probe(
            subject.records,
            tested[-1].embeddings,
            sorted_records(subject.train),
            vectors.shown.embeddings,
            subject.probed(),
            task=subject.task,
            features=getattr(model, "features", None),
            how=how,
        )
    return parts
