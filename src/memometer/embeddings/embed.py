"""Embedding of records in pieces that stream to disk, so that memory is bounded and a killed job goes on."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.data.augmentation import Augmentation
from memometer.data.records import IMAGE_COLUMNS, Records, hash_records
from memometer.embeddings.decoding import Batch
from memometer.embeddings.store import Span, VectorPieces, vectors_in_pieces
from memometer.embeddings.stored import StoredVectors
from memometer.embeddings.vectors import NO_DIRECTION, Embeddings, check_output, without_direction
from memometer.embeddings.views import view_batches
from memometer.encoders.base import (
    ImageEncoder,
    TextEncoder,
    UnfittedTextEncoder,
    image_tower,
    name_of,
    text_tower,
)
from memometer.errors import VectorError
from memometer.files import hash_json
from memometer.pieces import PIECE_SIZE
from memometer.storage.paths import AnyPath

__all__ = ["AnyEncoder", "Embedded", "embed_images", "embed_texts"]

AnyEncoder = ImageEncoder | TextEncoder | UnfittedTextEncoder | StoredVectors
"""What a specification may name; `memometer.encoders.has_tower` tells what it can embed."""


@dataclasses.dataclass(frozen=True)
class Embedded:
    """Embeddings, and the records that have none.

    Attributes:
        embeddings: one vector for each record that could be embedded, in record order.
        key: names what went in (model, records, their order); equal keys mean equal vectors.
        rejects: (record_id, reason) of the records left out.
    """

    embeddings: Embeddings
    key: str
    rejects: tuple[tuple[str, str], ...]


def embed_images(
    records: Records,
    encoder: AnyEncoder,
    *,
    store: AnyPath,
    workers: int = 0,
    batch_size: int = 64,
    label: str = "embedding images",
) -> Embedded:
    """Embeds every record's image; one that cannot be read, or whose vector has no direction, is a reject.

    The batches are cut from the records, never by the workers, so the bytes do not depend on their number.

    Args:
        records: n records with images.
        encoder: a model with an image tower, or vectors that exist already.
        store: a folder for the pieces; a second call with the same input reads them back.
        workers: processes that decode; 0 decodes in this process, in threads, between the forward passes.
        batch_size: images per forward pass.
        label: what the progress bar says.

    Raises:
        InputError: the model has no image tower.
        VectorError: the model's output is not (n, d), or no vector of it has a direction; or a record is missing among
            existing vectors.
    """
    columns = ("image_hash", "image_path", "image_offset", "image_row")
    what = f"images, batches of {batch_size}"
    if isinstance(encoder, StoredVectors):
        return Embedded(encoder.images(records.record_ids), _key(encoder.identity, records, (), what), ())
    tower = image_tower(encoder)
    key = _key(tower.identity, records, columns, what)

    batches = ImageBatches(records.select(IMAGE_COLUMNS), tower, batch_size, workers)
    pieces = vectors_in_pieces(store / key, records, batches, size=PIECE_SIZE, label=label, unit="images")
    return _collected(pieces, name=f"images of {name_of(tower)}", key=key)


def embed_texts(
    records: Records,
    encoder: AnyEncoder,
    *,
    store: AnyPath,
    caption: int = 1,
    batch_size: int = 256,
    label: str = "embedding captions",
) -> Embedded:
    """Embeds caption number ``caption`` (from 1) of every record; each record must have it.

    A caption whose vector has no direction, e.g. one without a word that TF-IDF knows, is a reject.

    Raises:
        InputError: the model has no text tower, or has to be fitted first.
        VectorError: as in `embed_images`.
    """
    what = f"caption {caption}, batches of {batch_size}"
    if isinstance(encoder, StoredVectors):
        stored = encoder.texts(records.record_ids, caption=caption)
        return Embedded(stored, _key(encoder.identity, records, (), what), ())
    tower = text_tower(encoder)
    key = _key(tower.identity, records, ("captions",), what)
    batches = CaptionBatches(records.select(["captions"]), tower, batch_size, caption)
    pieces = vectors_in_pieces(store / key, records, batches, size=PIECE_SIZE, label=label, unit="captions")
    return _collected(pieces, name=f"captions of {name_of(tower)}", key=key)


@dataclasses.dataclass(frozen=True)
class ImageBatches:
    """The vectors of images, a forward pass at a time; see `embed_images`."""

    records: Records
    tower: ImageEncoder
    batch_size: int
    workers: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """The batches of one span after another."""
        plain: dict[str, Any] = {"augmentation": Augmentation(), "draws": 1, "seed": 0, "workers": self.workers}
        for batch in view_batches(
            self.records, self.tower.preprocess, batch_size=self.batch_size, spans=spans, **plain
        ):
            found = None if batch.values is None else self.tower.encode_images(batch.values[:, 0])
            yield _batch(batch.rows, found, batch.rejects)


@dataclasses.dataclass(frozen=True)
class CaptionBatches:
    """The vectors of captions, a forward pass at a time; see `embed_texts`."""

    records: Records
    tower: TextEncoder
    batch_size: int
    caption: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """The batches of one span after another."""
        for start, stop in spans:
            captions = self.records.table["captions"].slice(start, stop - start)
            for first in range(start, stop, self.batch_size):
                rows = np.arange(first, min(first + self.batch_size, stop))
                several = captions.slice(first - start, len(rows)).to_pylist()
                texts = [each[self.caption - 1] for each in several]
                yield _batch(rows, self.tower.encode_texts(texts), ())


def _batch(
    rows: npt.NDArray[np.int64], output: npt.NDArray[np.float32] | None, rejects: tuple[tuple[int, str], ...]
) -> Batch:
    """What a model gave for ``rows``, None where there are none; a vector without direction becomes a reject."""
    if output is None:
        return Batch(rows, None, rejects)
    vectors = check_output(output, len(rows))
    bad = without_direction(vectors)
    kept = np.delete(np.arange(len(rows)), [place for place, _ in bad])
    every = tuple(sorted([*rejects, *((int(rows[place]), reason) for place, reason in bad)]))
    return Batch(rows[kept], vectors[kept] if len(kept) else None, every)


def _collected(pieces: VectorPieces, *, name: str, key: str) -> Embedded:
    embedded = Embedded(pieces.embeddings(name=name), key, pieces.rejected())
    without = [(record_id, reason) for record_id, reason in embedded.rejects if reason.startswith(NO_DIRECTION)]
    if without and not len(embedded.embeddings):
        record_id, reason = without[0]
        raise VectorError(
            f"{name}: not one of {len(without):,} vectors can be used, e.g. that of record '{record_id}' ({reason}); "
            "the model is damaged, or does not know such input: use another"
        )
    return embedded


def _key(identity: str, records: Records, columns: Sequence[str], what: str) -> str:
    """Hash of the model, the records in their order, and how they are batched."""
    return hash_json([identity, what, PIECE_SIZE, hash_records(records, ["record_id", *columns])])
