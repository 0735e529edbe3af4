"""The mean embedding of each record's views, and of its captions: what expectations over both towers need.

Views and captions stream through the model a batch at a time; only one vector per record is kept, in pieces on disk, so
that memory is bounded and a killed job goes on. Each view's embedding is l2-normalised before it enters the mean, which
is taken in float64 and kept in float32; the mean itself is not normalised.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.augmentation import VIEWS, Augmentation
from memometer.data.records import IMAGE_COLUMNS, Records, hash_records
from memometer.embeddings.decoding import Batch
from memometer.embeddings.store import Span, vectors_in_pieces
from memometer.embeddings.stored import StoredVectors
from memometer.embeddings.vectors import Embeddings, check_output, with_norms
from memometer.embeddings.views import view_batches
from memometer.encoders.base import Encoder, ImageEncoder, TextEncoder
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.pieces import PIECE_SIZE
from memometer.storage.paths import AnyPath

__all__ = ["MeanEmbeddings", "mean_captions", "mean_views"]

Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class MeanEmbeddings:
    """Mean embeddings, and the records that have none.

    Attributes:
        vectors: one mean for each record that has one, in record order. Read them with ``raw``: a slice would normalise
            them, and a normalised mean is no mean.
        rejects: (record_id, reason) of the records left out.
    """

    vectors: Embeddings
    rejects: tuple[tuple[str, str], ...]


def mean_views(
    records: Records,
    encoder: Encoder | StoredVectors,
    *,
    augmentation: Augmentation,
    draws: int,
    seed: int,
    store: AnyPath,
    workers: int = 0,
    batch_size: int = 64,
    label: str = "embedding views",
) -> MeanEmbeddings:
    """The mean embedding of random views of each record's image.

    Views depend on the seed, the record's id and their number alone, so all models see the same. Vectors that exist
    already have no views: the one image vector of a record, normalised, stands for the mean.

    Args:
        records: n records with images.
        encoder: a model, or vectors that exist already.
        augmentation: makes the views.
        draws: views per record; one is made where the augmentation leaves nothing to chance.
        seed: of the views.
        store: a folder for the pieces; a second call with the same input reads them back.
        workers: processes that decode; 0 decodes in threads of this process.
        batch_size: views per forward pass, rounded down to whole records.
        label: what the progress bar says.

    Raises:
        InputError: no views are asked for.
        VectorError: the model's output is not (n, d), or a record is missing among existing vectors.
    """
    if draws < 1:
        raise InputError(f"{draws} views per record are asked for; expected 1 or more")
    if isinstance(encoder, StoredVectors):
        key = hash_json([encoder.identity, "image", hash_records(records, ["record_id"])])
        stored = functools.partial(_stored_images, encoder, records)
        return _collect(records, key, stored, PIECE_SIZE, store=store, label=label)
    draws = 1 if augmentation == Augmentation() else draws
    per_batch = max(1, batch_size // draws)
    columns = ("record_id", "image_hash", "image_path", "image_offset", "image_row")
    what = ["views", VIEWS, dataclasses.asdict(augmentation), draws, seed, per_batch]
    key = hash_json([encoder.identity, what, hash_records(records, columns)])
    batches = ViewMeans(records.select(IMAGE_COLUMNS), encoder, augmentation, draws, seed, per_batch, workers)
    return _collect(records, key, batches, per_batch, store=store, label=label)


def mean_captions(
    records: Records,
    encoder: Encoder | StoredVectors,
    *,
    captions: int = 1,
    store: AnyPath,
    batch_size: int = 256,
    label: str = "embedding captions",
) -> MeanEmbeddings:
    """The mean embedding of the first ``captions`` captions of each record: the expectation over drawing one of them.

    A record with fewer captions uses what it has; one without any is a reject.

    Args:
        records: n records.
        encoder: a model, or vectors that exist already.
        captions: how many of each record's captions count.
        store: a folder for the pieces.
        batch_size: captions per forward pass, rounded down to whole records.
        label: what the progress bar says.

    Raises:
        InputError: no captions are asked for.
        VectorError: as in `mean_views`.
    """
    if captions < 1:
        raise InputError(f"{captions} captions per record are asked for; expected 1 or more")
    texts = records.column("captions")
    lengths = pc.fill_null(pc.list_value_length(texts), 0).to_numpy(zero_copy_only=False)
    counts: Rows = np.minimum(lengths, captions).astype(np.int64)
    per_batch = max(1, batch_size // captions)
    if isinstance(encoder, StoredVectors):
        key = hash_json([encoder.identity, "captions", counts.tolist(), hash_records(records, ["record_id"])])
        stored = functools.partial(_stored_captions, encoder, records, counts)
        return _collect(records, key, stored, PIECE_SIZE, store=store, label=label)
    what = ["captions", captions, per_batch]
    key = hash_json([encoder.identity, what, hash_records(records, ["record_id", "captions"])])

    batches = CaptionMeans(records.select(["captions"]), encoder, counts, per_batch)
    return _collect(records, key, batches, per_batch, store=store, label=label)


@dataclasses.dataclass(frozen=True)
class ViewMeans:
    """The means of the views of whole records, a forward pass at a time; see `mean_views`."""

    records: Records
    encoder: ImageEncoder
    augmentation: Augmentation
    draws: int
    seed: int
    per_batch: int
    workers: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """The batches of one span after another."""
        for batch in view_batches(
            self.records,
            self.encoder.preprocess,
            augmentation=self.augmentation,
            draws=self.draws,
            seed=self.seed,
            batch_size=self.per_batch,
            spans=spans,
            workers=self.workers,
        ):
            if batch.values is None:
                yield Batch(batch.rows, None, batch.rejects)
                continue
            views = batch.values.reshape(-1, *batch.values.shape[2:])
            vectors = check_output(self.encoder.encode_images(views), len(views))
            yield _batch(batch.rows, np.repeat(batch.rows, self.draws), vectors, batch.rejects)


@dataclasses.dataclass(frozen=True)
class CaptionMeans:
    """The means of the captions of whole records, a forward pass at a time; see `mean_captions`.

    Attributes:
        counts: (n,) how many of each record's captions count.
    """

    records: Records
    encoder: TextEncoder
    counts: Rows
    per_batch: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """The batches of one span after another."""
        counts, captions = self.counts, self.records.table["captions"]
        for start, stop in spans:
            for first in range(start, stop, self.per_batch):
                rows, none = _with_captions(counts, first, min(first + self.per_batch, stop))
                chosen = captions.slice(first, self.per_batch).to_pylist()
                flat = [text for row in rows.tolist() for text in chosen[row - first][: counts[row]]]
                vectors = check_output(self.encoder.encode_texts(flat), len(flat)) if flat else None
                yield _batch(rows, np.repeat(rows, counts[rows]), vectors, none)


def _stored_images(encoder: StoredVectors, records: Records, spans: Iterable[Span]) -> Iterator[Batch]:
    stored = encoder.images(records.record_ids)
    for start, stop in spans:
        rows = np.arange(start, stop)
        yield _batch(rows, rows, stored.raw(slice(start, stop)), ())


def _stored_captions(encoder: StoredVectors, records: Records, counts: Rows, spans: Iterable[Span]) -> Iterator[Batch]:
    numbered = []
    for number in range(1, int(counts.max(initial=0)) + 1):
        has = counts >= number
        embeddings = encoder.texts(records.record_ids.filter(pa.array(has)), caption=number)
        place: Rows = np.cumsum(has) - has
        numbered.append((has, place, embeddings))
    for start, stop in spans:
        rows, none = _with_captions(counts, start, stop)
        owners, found = [], []
        for has, place, embeddings in numbered:
            here = rows[has[rows]]
            if len(here):
                owners.append(here)
                found.append(embeddings.raw(slice(place[here[0]], place[here[-1]] + 1)))
        flat = np.concatenate(found) if found else None
        yield _batch(rows, np.concatenate(owners) if owners else rows, flat, none)


def _with_captions(counts: Rows, first: int, stop: int) -> tuple[Rows, tuple[tuple[int, str], ...]]:
    """The rows of a span that have a caption, and the rejects."""
    has = counts[first:stop] > 0
    return first + np.flatnonzero(has), tuple((first + int(row), "no caption") for row in np.flatnonzero(~has))


def _batch(rows: Rows, owners: Rows, vectors: npt.NDArray[Any] | None, rejects: tuple[tuple[int, str], ...]) -> Batch:
    """The mean of each row's normalised vectors; a row with a vector that has no direction is a reject.

    Args:
        rows: (b,) ascending.
        owners: (m,) the row that each vector belongs to; each of ``rows`` has at least one.
        vectors: (m, d) as the model gives them; None when m is 0.
        rejects: of the rows that have none.
    """
    if vectors is None:
        return Batch(rows, None, rejects)
    order = np.argsort(owners, kind="stable")
    wide, norms = with_norms(vectors[order])
    starts = np.searchsorted(owners[order], rows)
    worst = {"a vector that is not finite": ~np.isfinite(norms), "a zero vector": norms == 0}
    reasons = {
        int(rows[place]): reason
        for reason, flags in worst.items()
        for place in np.flatnonzero(np.logical_or.reduceat(flags, starts))
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        wide /= norms[:, None]
        means = np.add.reduceat(wide, starts) / np.diff(np.append(starts, len(wide)))[:, None]
    good = np.array([int(row) not in reasons for row in rows], bool)
    kept = means[good].astype(np.float32) if good.any() else None
    return Batch(rows[good], kept, tuple(sorted([*rejects, *reasons.items()])))


def _collect(
    records: Records,
    key: str,
    batches: Callable[[Iterable[Span]], Iterator[Batch]],
    per_batch: int,
    *,
    store: AnyPath,
    label: str,
) -> MeanEmbeddings:
    """The means, in pieces of whole batches; see `vectors_in_pieces`."""
    size = -(-PIECE_SIZE // per_batch) * per_batch
    pieces = vectors_in_pieces(store / key, records, batches, size=size, label=label, unit="records")
    return MeanEmbeddings(pieces.embeddings(name=label), pieces.rejected())
