"""The three parts of a measurement of utility: each takes vectors and gives numbers, and columns for the samples."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.embeddings import Embeddings
from memometer.errors import InputError
from memometer.utility.classification import Classified, classify, zero_shot_scores
from memometer.utility.probe import fit_probe, held_out, probe_classes
from memometer.utility.prompts import Classes
from memometer.utility.retrieval import join_captions, rank_pairs, recalls
from memometer.utility.truth import Task, Truth, truth_of

__all__ = ["CLASSES_SCHEMA", "Part", "Resampling", "run_probe", "run_retrieval", "run_zero_shot"]

CLASSES_SCHEMA = pa.schema(
    [
        pa.field("part", pa.string()),
        pa.field("class", pa.string()),
        pa.field("n", pa.int64()),  # records under test of this class
        pa.field("value", pa.float64()),  # share of them that are right, or average precision
    ]
)


@dataclasses.dataclass(frozen=True)
class Resampling:
    """How intervals are drawn.

    Attributes:
        seed: of the bootstrap.
        replicates: of it.
        micro: also the micro average of several objects per image.
        groups: (n,) which of the records under test, by id, belong together: `memometer.data.records.Records.groups`.
    """

    seed: int
    replicates: int
    micro: bool
    groups: npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the measurement.

    Attributes:
        numbers: for the summary.
        columns: for the samples, each parallel to all records under test, by id.
        classes: rows of `CLASSES_SCHEMA`.
        notes: what a reader must know, in sentences.
    """

    numbers: dict[str, Any]
    columns: dict[str, pa.Array]
    classes: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


def run_retrieval(
    records: Records, images: Embeddings, captions: list[Embeddings], *, how: Resampling, device: str
) -> Part:
    """Recall@k of both directions.

    Args:
        records: all n records under test, by id.
        images: of those whose image could be embedded, by id.
        captions: first captions, second captions, ….
        how: of the intervals.
        device: where the search runs.
    """
    joined, owners = join_captions(captions, images)
    if not len(owners):
        raise InputError(f"no record in {records.folder} has both an image and a caption that can be embedded")
    ranks = rank_pairs(images, joined, owners, device=device)
    rows = _rows(records, images)
    sizes = ranks.n_captions
    n_texts = sum(len(part) for part in captions)
    numbers: dict[str, Any] = {
        "captions": len(captions),
        "n_images": len(images),
        "n_captions": len(owners),
        "n_shared_captions": _shared(records, rows, len(captions)),
        "n_skipped": _counted(
            {
                "no image that can be embedded": len(records) - len(images),
                "image without a caption": int((sizes == 0).sum()),
                "caption without an image": n_texts - len(owners),
            }
        ),
        **recalls(ranks, seed=how.seed, replicates=how.replicates, groups=how.groups[rows]),
    }
    starts = np.concatenate(([0], np.cumsum(sizes)))
    lists = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), _nullable(ranks.text_to_image))
    columns = {
        "n_captions": _spread(pa.array(sizes, pa.int64()), rows, len(records)),
        "image_to_text_rank": _spread(_nullable(ranks.image_to_text), rows, len(records)),
        "text_to_image_ranks": _spread(lists, rows, len(records)),
    }
    return Part(numbers, columns)


def run_zero_shot(
    records: Records,
    images: Embeddings,
    classes: Classes,
    *,
    vectors: npt.NDArray[np.float32],
    task: Task,
    templates: tuple[str, ...],
    how: Resampling,
) -> Part:
    """Zero-shot classification by class vectors (c, d)."""
    rows = _rows(records, images)
    truth = truth_of(records, classes.names, task=task)
    scored, own = _scored(truth, rows)
    scores = zero_shot_scores(images, vectors)[scored]
    part = _classified(scores, own, classes.names, name="zero_shot", how=how, rows=rows[scored], n=len(records))
    return dataclasses.replace(
        part, numbers={**part.numbers, "templates": list(templates), "n_skipped": _skipped(truth, rows)}
    )


def run_probe(
    records: Records,
    images: Embeddings,
    train_records: Records,
    train_images: Embeddings,
    classes: Sequence[str],
    *,
    task: Task,
    features: str | None,
    how: Resampling,
) -> Part:
    """A linear probe of the classes that the training records have often enough, on the features of ``images``.

    Args:
        records: all records under test, by id.
        images: of those that could be embedded, by id.
        train_records: the training records, by id.
        train_images: likewise.
        classes: names.
        task: one label per image, or several objects.
        features: what the image tower gave.
        how: of the intervals.
    """
    train_rows = _rows(train_records, train_images)
    names, rare = probe_classes(train_records.take(train_rows), classes, task=task)
    places, train = _scored(truth_of(train_records, names, task=task), train_rows)
    ids = train_images.record_ids.take(pa.array(places))
    probe = fit_probe(train_images.raw(slice(None))[places], train, held_out(ids, seed=how.seed))
    rows = _rows(records, images)
    truth = truth_of(records, names, task=task)
    scored, own = _scored(truth, rows)
    scores = probe.scores(images.raw(slice(None))[scored])
    part = _classified(scores, own, names, name="linear_probe", how=how, rows=rows[scored], n=len(records))
    numbers = {
        **part.numbers,
        "features": features,
        "c": probe.c,
        "held_out": probe.held_out,
        "n_train": probe.n_train,
        "n_held_out": probe.n_held_out,
        "classes_too_rare": rare,
        "n_skipped": _skipped(truth, rows),
    }
    notes = [] if probe.converged else ["linear probe: a logistic regression did not come to its end in 1,000 steps"]
    return dataclasses.replace(part, numbers=numbers, notes=notes)


def _classified(
    scores: npt.NDArray[np.float32],
    truth: Truth,
    names: tuple[str, ...],
    *,
    name: str,
    how: Resampling,
    rows: npt.NDArray[np.int64],
    n: int,
) -> Part:
    found: Classified = classify(
        scores,
        truth,
        seed=how.seed,
        name=name,
        replicates=how.replicates,
        micro=how.micro,
        groups=how.groups[rows],
    )
    counts = truth.positive.sum(axis=0)
    without = [names[place] for place in np.flatnonzero(counts == 0)]
    numbers = {"task": truth.task, **found.numbers, "n_classes": len(names), "classes_without_positives": without}
    prefix = name.removeprefix("linear_")
    labels = pa.array(names, pa.string())
    columns = {
        f"{prefix}_predicted": _spread(labels.take(pa.array(found.predicted)), rows, n),
        f"{prefix}_correct": _spread(pa.array(found.correct), rows, n),
        f"{prefix}_rank": _spread(_nullable(found.rank), rows, n),
    }
    table = [
        {"part": name, "class": label, "n": int(count), "value": None if np.isnan(value) else float(value)}
        for label, count, value in zip(names, counts, found.of_class, strict=True)
    ]
    return Part(numbers, columns, table)


def _rows(records: Records, images: Embeddings) -> npt.NDArray[np.int64]:
    """(m,) the row among the records of each vector."""
    places = pc.index_in(images.record_ids, value_set=records.record_ids)
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64)


def _scored(truth: Truth, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Truth]:
    """The vectors, of those of ``rows``, whose records can be scored; and what is known of these records."""
    scored = np.flatnonzero(np.isin(rows, truth.scored))
    if not len(scored):
        raise InputError("no record with an image that can be embedded has one of the classes; name other classes")
    chosen = rows[scored]
    return scored, Truth(truth.task, truth.positive[chosen], truth.reasons[chosen])


def _skipped(truth: Truth, rows: npt.NDArray[np.int64]) -> dict[str, int]:
    """Reason → records under test that are not scored."""
    lost = len(truth.reasons) - len(rows)
    reasons = [reason for reason in truth.reasons[rows] if reason is not None]
    return _counted(
        {"no image that can be embedded": lost} | {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    )


def _counted(counts: dict[str, int]) -> dict[str, int]:
    return {reason: n for reason, n in counts.items() if n}


def _shared(records: Records, rows: npt.NDArray[np.int64], captions: int) -> int:
    """Captions whose words, whatever their case, are also a caption of another image: no model can tell them apart."""
    lists = records.column("captions").take(pa.array(rows))
    kept = pc.list_slice(lists, 0, captions)
    owners, texts = pc.list_parent_indices(kept), pc.utf8_lower(pc.utf8_trim_whitespace(pc.list_flatten(kept)))
    pairs = pa.table({"owner": owners, "text": texts}).filter(pc.is_valid(texts))
    images = pairs.group_by("text").aggregate([("owner", "count_distinct"), ("owner", "count")])
    many = images.filter(pc.greater(images["owner_count_distinct"], 1))
    return int(pc.sum(many["owner_count"]).as_py() or 0)


def _nullable(ranks: npt.NDArray[np.int64]) -> pa.Array:
    """Ranks with null in place of 0."""
    return pa.array(ranks, pa.int64(), mask=ranks == 0)


def _spread(values: pa.Array, rows: npt.NDArray[np.int64], n: int) -> pa.Array:
    """(n,) values at their ``rows``, null elsewhere."""
    place = np.full(n, -1, np.int64)
    place[rows] = np.arange(len(rows))
    return values.take(pa.array(place, mask=place < 0))
