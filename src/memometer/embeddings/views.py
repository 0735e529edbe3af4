"""Random views of records' images, in the order of the records, whatever the workers."""

import concurrent.futures
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.data.augmentation import Augmentation
from memometer.data.images import ImageRef, UnreadableImageError, decode_image, name_images, read_or_reason
from memometer.data.records import Records
from memometer.encoders.base import Preprocess
from memometer.encoders.views import draw_views
from memometer.engines import default_workers, map_ordered
from memometer.seeds import rng_for

__all__ = ["ViewBatch", "view_batches"]

SMALL = 5_000
"""Bytes of an encoded image, on average, below which threads wait for one another longer than they work side by side:
some 80 × 80 px."""


@dataclasses.dataclass(frozen=True)
class ViewBatch:
    """The views of a few records.

    Attributes:
        rows: (b,) int64, the rows of the records whose image can be read, ascending.
        pixels: (b, draws, …) what ``preprocess`` makes of each view; None where no image can be read.
        rejects: (row, reason) of the others.
    """

    rows: npt.NDArray[np.int64]
    pixels: npt.NDArray[Any] | None
    rejects: tuple[tuple[int, str], ...]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """What a worker needs to make a batch of views."""

    start: int
    refs: tuple[ImageRef | None, ...]
    names: tuple[str, ...]
    preprocess: Preprocess
    augmentation: Augmentation
    draws: int
    seed: int


def view_batches(
    records: Records,
    preprocess: Preprocess,
    *,
    augmentation: Augmentation,
    draws: int,
    seed: int,
    batch_size: int,
    spans: Iterable[tuple[int, int]] | None = None,
    workers: int = 0,
) -> Iterator[ViewBatch]:
    """Decodes each image once and draws its views; a view depends on the seed, the record's id and its number alone.

    Args:
        records: n records with images.
        preprocess: of the encoder; applied to each view.
        augmentation: makes the views.
        draws: views of each record.
        seed: see `memometer.seeds`.
        batch_size: records per batch.
        spans: the rows to go through, e.g. [(2048, 4096)]; all by default.
        workers: processes that decode; 0 decodes in threads of this process.
    """
    ids = records.record_ids
    pieces = (
        _Piece(
            first,
            tuple(records.image_refs(first, min(first + batch_size, stop))),
            tuple(ids.slice(first, min(batch_size, stop - first)).to_pylist()),
            preprocess,
            augmentation,
            draws,
            seed,
        )
        for start, stop in ([(0, len(records))] if spans is None else spans)
        for first in range(start, stop, batch_size)
    )
    work = _views if workers else _views_in_threads
    yield from map_ordered(work, pieces, workers=workers, name=lambda piece: name_images(piece.refs))


def _views(piece: _Piece) -> ViewBatch:
    return _batch(piece, map, [read_or_reason(ref) for ref in piece.refs])


def _views_in_threads(piece: _Piece) -> ViewBatch:
    """`_views` on all cores of this process: Pillow lets other threads run while it decodes and resizes."""
    data = [read_or_reason(ref) for ref in piece.refs]
    if sum(map(len, data)) < SMALL * len(data):
        return _batch(piece, map, data)
    # decode_image sets warnings aside for a moment; threads undo that in any order; the outer context mends it.
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(default_workers()) as threads:
        return _batch(piece, threads.map, data)


def _of_one(piece: _Piece, place: int, data: bytes | str) -> npt.NDArray[Any] | str:
    """(draws, …) views of one record, or the reason why there are none."""
    if isinstance(data, str):
        return data
    try:
        image = decode_image(data)
    except UnreadableImageError as error:
        return str(error)
    return draw_views(
        image,
        preprocess=piece.preprocess,
        augmentation=piece.augmentation,
        draws=piece.draws,
        rng=rng_for(piece.seed, "views", piece.names[place]),
    )


def _batch(piece: _Piece, run: Callable[..., Iterable[npt.NDArray[Any] | str]], data: list[bytes | str]) -> ViewBatch:
    views = list(run(lambda place: _of_one(piece, place, data[place]), range(len(data))))
    good = [place for place, view in enumerate(views) if not isinstance(view, str)]
    return ViewBatch(
        rows=np.array(good, np.int64) + piece.start,
        pixels=np.stack([views[place] for place in good]) if good else None,
        rejects=tuple((piece.start + place, view) for place, view in enumerate(views) if isinstance(view, str)),
    )
