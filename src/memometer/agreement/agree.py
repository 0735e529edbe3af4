"""From two folders of labelled records, and audits of them, to how far they agree."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.agreement.audits import audit_under_both
from memometer.agreement.labellings import Labelled, Labellings, join_labellings
from memometer.agreement.result import LabelAgreement
from memometer.agreement.schema import LabelAgreementSummary
from memometer.audits.result import load_audit
from memometer.comparison.compare import distinct_names
from memometer.data.records import RECORD_SCHEMA, hash_records
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.locking import writes
from memometer.progress import progress_bar, warn
from memometer.runs.items import group_names
from memometer.runs.manifest import made_of
from memometer.software import timestamp
from memometer.statistics.label_sets import per_label, per_record, set_agreement

__all__ = ["agree_labels"]

Integers = npt.NDArray[np.int64]
HASHED = [name for name in RECORD_SCHEMA.names if name != "image_path"]
"""What of the records the result may depend on; where images lie is nothing to it."""


@writes("out")
def agree_labels(
    one: str | Path,
    other: str | Path,
    *,
    runs: Sequence[str | Path] | None = None,
    names: Sequence[str] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    replicates: int = 1000,
    overwrite: bool = False,
) -> LabelAgreement:
    """Tells whether two labellings of the same records tell the same story, and whether an audit does under either.

    Args:
        one: the folder of records with the labels of the one labeller.
        other: the folder of the same records with those of the other.
        runs: a run folder of 'memometer audit vl-dejavu' on these records, scored again under either labelling from
            the neighbours that it keeps; repeated for several.
        names: what the report calls the labellings.
        out: the run folder to write; by default nothing is written.
        seed: of the bootstrap.
        replicates: bootstrap replicates per interval.
        overwrite: replace another comparison of labellings in OUT.

    Raises:
        InputError: the folders have no record in common, or an audit cannot be scored again.
    """
    started = timestamp()
    if replicates < 1:
        raise InputError(f"replicates = {replicates}; expected 1 or more")
    called = distinct_names([str(one), str(other)], names)
    paths = [str(run) for run in runs or ()]
    joined = join_labellings(one, other, names=(called[0], called[1]))
    audits = [load_audit(path) for path in paths]
    config: dict[str, Any] = {
        "one": str(one),
        "other": str(other),
        "names": called,
        "runs": paths,
        "seed": seed,
        "replicates": replicates,
    }
    made = {
        "labellings": {side.name: hash_records(side.whole, HASHED) for side in joined.sides},
        "vocabularies": {
            side.name: None if (terms := side.vocabulary) is None else hash_json(dict(terms.forms))
            for side in joined.sides
        },
        "audits": [audit.manifest.get("key") for audit in audits],
    }
    key = hash_json([config, made])
    if out is not None and (finished := LabelAgreement.finished(Path(out), key, overwrite=overwrite)):
        return finished
    resampling = {"seed": seed, "replicates": replicates}
    everything = np.arange(len(joined.labels))
    with progress_bar("comparing", total=2 + len(audits), unit="steps") as advance:
        overall = _overall(joined, everything, name="overall", **resampling)
        advance(1)
        shared = _overall(joined, joined.shared, name="shared", **resampling)
        advance(1)
        under_both = []
        for name, audit in zip(distinct_names(paths), audits, strict=True):
            under_both.append(audit_under_both(audit, joined, name=name, **resampling))
            advance(1)
    notes = [*_notes(joined), *(note for _, its in under_both for note in its)]
    for note in notes:
        warn(note)
    summary = LabelAgreementSummary.made(
        {
            "one": _described(joined.one, joined.other),
            "other": _described(joined.other, joined.one),
            "n_records": len(joined.one.records),
            "n_left_out": dict(Counter(joined.left_out["reason"].to_pylist())),
            "n_labels_shared": len(joined.shared),
            "overall": overall,
            "shared": shared,
            "audits": [audit for audit, _ in under_both],
            "notes": notes,
        }
    )
    found = LabelAgreement(
        summary=summary,
        tables={"samples": _samples(joined), "labels": _labels(joined), "rejects": joined.left_out},
        manifest=made_of({"seed": seed, **made}, started=started, key=key),
        config=config,
    )
    return found if out is None else found.save(out)


def _described(side: Labelled, its: Labelled) -> dict[str, Any]:
    counts = side.counts()
    return {
        "name": side.name,
        "folder": str(side.whole.folder),
        "annotator": side.annotator,
        "n_records": len(side.whole),
        "n_objects": len(side.sets.indices),
        "n_labels": int(np.count_nonzero(counts)),
        "n_labels_alone": int(np.count_nonzero((counts > 0) & (its.counts() == 0))),
        "n_without_objects": int(np.count_nonzero(side.sets.sizes == 0)),
    }


def _overall(joined: Labellings, label_ids: Integers, *, name: str, seed: int, replicates: int) -> dict[str, Any]:
    found = set_agreement(
        *(side.held(label_ids) for side in joined.sides),
        seed=seed,
        name=f"agree/{name}",
        groups=joined.one.records.groups,
        replicates=replicates,
    )
    numbers = {"jaccard": found.jaccard, "f1": found.f1, "kappa": found.kappa}
    return {"n_labels": len(label_ids), **{each: gap.as_dict() for each, gap in numbers.items()}}


def _labels(joined: Labellings) -> pa.Table:
    """A row per label, the commonest of either labelling first."""
    everything = np.arange(len(joined.labels))
    found = per_label(*(side.held(everything) for side in joined.sides))
    order = np.lexsort((everything, -np.maximum(found.one, found.other)))
    columns = {
        "label": joined.labels,
        "n_one": pa.array(found.one),
        "n_other": pa.array(found.other),
        "n_both": pa.array(found.both),
        **{name: pa.array(getattr(found, name), from_pandas=True) for name in ("jaccard", "f1", "kappa")},
    }
    return pa.table(columns).take(pa.array(order))


def _samples(joined: Labellings) -> pa.Table:
    """A row per record: how many labels it has under either, and under both."""
    both, index = per_record(*(side.held(np.arange(len(joined.labels))) for side in joined.sides))
    return pa.table(
        {
            "record_id": joined.one.records.record_ids,
            "group": group_names(joined.one.records),
            "n_one": pa.array(joined.one.sets.sizes),
            "n_other": pa.array(joined.other.sets.sizes),
            "n_both": pa.array(both),
            "jaccard": pa.array(index, from_pandas=True),
        }
    )


def _notes(joined: Labellings) -> list[str]:
    """What a reader must know before trusting the numbers."""
    notes = []
    counts = Counter(zip(*(joined.left_out[name].to_pylist() for name in ("side", "reason")), strict=True))
    notes += [f"{n:,} records are left out: {reason}; see rejects.parquet" for (_, reason), n in sorted(counts.items())]
    if spelled := joined.spelled_otherwise():
        notes.append(
            f"{len(spelled):,} labels differ in case or underscores alone, e.g. {', '.join(spelled[:3])}: they "
            "count as different ones; map them with 'memometer objects tidy --mapping'"
        )
    return notes
