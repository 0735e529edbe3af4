"""Embedding of records in pieces that stream to disk, so that memory is bounded and a killed job goes on."""

import concurrent.futures
import dataclasses
import hashlib
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.data.images import ImageRef, UnreadableImageError, decode_image, name_images, read_or_reason
from memometer.data.records import Records
from memometer.embeddings.store import VectorPieces
from memometer.embeddings.stored import StoredVectors
from memometer.embeddings.vectors import NO_DIRECTION, Embeddings, check_output, without_direction
from memometer.encoders.base import (
    ImageEncoder,
    Preprocess,
    TextEncoder,
    UnfittedTextEncoder,
    image_tower,
    text_tower,
)
from memometer.engines import default_workers, map_ordered
from memometer.errors import VectorError
from memometer.locking import one_writer
from memometer.pieces import PIECE_SIZE
from memometer.progress import progress_bar

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
    store: Path,
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
    with (
        one_writer(store / key, wait=True),
        progress_bar(label, total=len(records), unit="images") as advance,
    ):
        pieces = VectorPieces(store / key, records, size=PIECE_SIZE)
        advance(len(records) - sum(stop - start for start, stop in map(pieces.spans.__getitem__, pieces.missing)))
        batches = _batches(records, pieces, batch_size, tower.preprocess)
        decode = _decode if workers else _decode_in_threads
        for batch in map_ordered(decode, batches, workers=workers, name=lambda batch: name_images(batch.refs)):
            bad = {place for place, _ in batch.reasons}
            good = [batch.start + place for place in range(batch.size) if place not in bad]
            vectors = None if batch.pixels is None else check_output(tower.encode_images(batch.pixels), len(good))
            reasons = [(batch.start + place, reason) for place, reason in batch.reasons]
            _add(pieces, vectors, rows=good, reasons=reasons)
            advance(batch.size)
    return _collected(pieces, name=f"images of {_name(tower)}", key=key)


def embed_texts(
    records: Records,
    encoder: AnyEncoder,
    *,
    store: Path,
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
    captions = records.column("captions")
    with (
        one_writer(store / key, wait=True),
        progress_bar(label, total=len(records), unit="captions") as advance,
    ):
        pieces = VectorPieces(store / key, records, size=PIECE_SIZE)
        missing = set(pieces.missing)
        for piece, (start, stop) in enumerate(pieces.spans):
            if piece not in missing:
                advance(stop - start)
                continue
            for first in range(start, stop, batch_size):
                size = min(batch_size, stop - first)
                texts = [several[caption - 1] for several in captions.slice(first, size).to_pylist()]
                vectors = check_output(tower.encode_texts(texts), size)
                _add(pieces, vectors, rows=list(range(first, first + size)), reasons=[])
                advance(size)
    return _collected(pieces, name=f"captions of {_name(tower)}", key=key)


@dataclasses.dataclass(frozen=True)
class _Batch:
    """References on their way to a worker."""

    start: int
    refs: tuple[ImageRef | None, ...]
    preprocess: Preprocess


@dataclasses.dataclass(frozen=True)
class _Decoded:
    """Stacked pixels of the images that can be read, and (place in the batch, reason) of the others."""

    start: int
    size: int
    pixels: npt.NDArray[Any] | None
    reasons: tuple[tuple[int, str], ...]


def _batches(records: Records, pieces: VectorPieces, batch_size: int, preprocess: Preprocess) -> Iterator[_Batch]:
    for piece in pieces.missing:
        start, stop = pieces.spans[piece]
        refs = tuple(records.image_refs(start, stop))
        for first in range(0, len(refs), batch_size):
            yield _Batch(start + first, refs[first : first + batch_size], preprocess)


def _decode(batch: _Batch) -> _Decoded:
    return _stacked(batch, map(_pixels, map(read_or_reason, batch.refs), itertools.repeat(batch.preprocess)))


def _decode_in_threads(batch: _Batch) -> _Decoded:
    """`_decode` on all cores of this process: Pillow lets other threads run while it decodes and resizes.

    The bytes are read here, one image after another, as the threads would each read the same Parquet row group.
    """
    # decode_image sets warnings aside for a moment; threads undo that in any order; the outer context mends it.
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(default_workers()) as threads:
        return _stacked(
            batch, threads.map(_pixels, map(read_or_reason, batch.refs), itertools.repeat(batch.preprocess))
        )


def _pixels(data: bytes | str, preprocess: Preprocess) -> npt.NDArray[Any] | str:
    """What the model takes, or the reason why there is nothing."""
    if isinstance(data, str):
        return data
    try:
        return preprocess(decode_image(data))
    except UnreadableImageError as error:
        return str(error)


def _stacked(batch: _Batch, images: Iterable[npt.NDArray[Any] | str]) -> _Decoded:
    pixels: list[npt.NDArray[Any]] = []
    reasons: list[tuple[int, str]] = []
    for place, image in enumerate(images):
        if isinstance(image, str):
            reasons.append((place, image))
        else:
            pixels.append(image)
    stacked = np.stack(pixels) if pixels else None
    return _Decoded(batch.start, len(batch.refs), stacked, tuple(reasons))


def _add(
    pieces: VectorPieces,
    vectors: npt.NDArray[np.float32] | None,
    *,
    rows: list[int],
    reasons: list[tuple[int, str]],
) -> None:
    """Hands a batch to its piece; a vector without direction becomes a reject.

    Args:
        pieces: where it goes.
        vectors: (len(rows), d); None where ``rows`` is empty.
        rows: the records that the model embedded.
        reasons: (row, reason) of the others.
    """
    bad = () if vectors is None else without_direction(vectors)
    kept = np.delete(np.arange(len(rows)), [place for place, _ in bad])
    every = sorted([*reasons, *((rows[place], reason) for place, reason in bad)])
    found = None if vectors is None or not len(kept) else vectors[kept]
    pieces.add([rows[place] for place in kept], found, every)


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
    digest = hashlib.blake2b(f"{identity}\n{what}\n{PIECE_SIZE}\n".encode(), digest_size=16)
    for batch in records.table.select(["record_id", *columns]).combine_chunks().to_batches(max_chunksize=65_536):
        digest.update(repr(batch.to_pydict()).encode())
    return digest.hexdigest()


def _name(encoder: ImageEncoder | TextEncoder) -> str:
    return str(getattr(encoder, "spec", None) or encoder.identity)
