"""The one way from a measure to a run folder: the same steps in the same order for every measure."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.audits.calibration import null_coverage
from memometer.audits.guards import check_annotators, check_images, duplicates_across_roles
from memometer.audits.measure import Measure
from memometer.audits.planted import planted_hash
from memometer.audits.result import Audit
from memometer.audits.stages import stages_of
from memometer.catalogue import summary_model
from memometer.files import hash_json
from memometer.progress import warn
from memometer.runs.folder import REJECTS_SCHEMA, check_not_foreign
from memometer.runs.manifest import made_of
from memometer.runs.schema import NullRow
from memometer.runs.tables import Batches
from memometer.software import timestamp
from memometer.statistics.small_sets import small_warning
from memometer.storage.paths import AnyPath

__all__ = ["run_audit"]


def run_audit(measure: Measure[Any, Any, Any]) -> Audit[Any]:
    """Runs a measure on its records and models.

    Raises:
        InputError: the input cannot be audited; the message says what to do.
        VectorError: embeddings that are missing, or not finite.
        ShardDone: this was a shard, which writes no run.
    """
    with measure.options.under_way() as out:
        return _run(measure, out)


def _run(measure: Measure[Any, Any, Any], out: Path | None) -> Audit[Any]:
    started, options, config = timestamp(), measure.options, measure.options.config()
    if out is not None:
        check_not_foreign(out, config, what="audit", overwrite=options.overwrite)
    parts = measure.parts()
    doubts = measure.check(parts)
    opened, described = measure.open(parts)
    check_annotators(described.get("target"), parts.values())
    manifest = {"seed": options.seed, **described, "planted": planted_hash(measure.source.folder)}
    key = hash_json([config, manifest])
    if out is not None and (finished := Audit.finished(out, key, overwrite=options.overwrite)):
        return finished
    options.agree(options.store, numbers=config, inputs=manifest)
    with stages_of(out, options.store, shared=options.sharing) as (store, scratch):
        scored = measure.score(parts, opened, store=store)
        coverage = _coverage(measure, parts, opened, scratch=scratch) if options.null else None
        options.end_shard(options.store)
        duplicates = duplicates_across_roles(parts, store=store)
        found = measure.results(parts, opened, scored, manifest=manifest, n_duplicates=duplicates["n"])
        for note in found.notes:
            warn(note)
        values = {
            **found.numbers,
            **({"null": coverage} if options.null or measure.says_no_null else {}),
            "duplicates_across_roles": duplicates,
            "notes": [*doubts, *found.notes],
        }
        summary = summary_model(options.measure).made(values)
        tables = {
            "samples": found.samples,
            "gallery": found.gallery,
            "rejects": pa.Table.from_pylist(found.rejects, schema=REJECTS_SCHEMA),
            **found.tables,
            **({} if found.curves is None else {"roc": found.curves}),
        }
        if out is None:
            tables = {name: each.whole() if isinstance(each, Batches) else each for name, each in tables.items()}
        audit = Audit(
            summary=summary.noted(small_warning(summary.sets())),
            tables=tables,
            manifest=made_of(manifest | measure.made(), started=started, key=key),
            config=config,
        )
        return audit if out is None else audit.save(out)


def _coverage(
    measure: Measure[Any, Any, Any], parts: dict[str, Any], opened: Any, *, scratch: AnyPath
) -> list[NullRow]:
    """How often the intervals cover 0 for models that were trained on nothing."""
    if measure.needs_images():
        check_images(parts)
    quiet: dict[str, Any] = {"null": 0, "gallery": 0, "images": False, "records": measure.source}
    quiet |= {"out": None, "store": scratch, "engine": None, "shard": None, "merge": False}

    def audit(seed: int) -> Audit:
        changes = {**quiet, "seed": seed, **measure.untrained(seed, parts, opened)}
        return run_audit(type(measure)(measure.options.changed(**changes)))

    return null_coverage(audit, seeds=measure.options.null, intervals=measure.null_intervals)
