"""Images of records, decoded in batches and made into pixels, in the order asked for, whatever the workers."""

import concurrent.futures
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.images import ImageRef, UnreadableImageError, decode_image, name_images, read_or_reason
from memometer.engines import default_workers, map_ordered, processes_to_decode

__all__ = ["Batch", "Images", "Made", "image_batches"]

SMALL = 5_000
"""Bytes of an encoded image, on average, below which threads wait for one another longer than they work side by side:
some 80 × 80 px."""

Made = Any
"""The pixels of one image, or, as a text, the reason why there are none."""


@dataclasses.dataclass(frozen=True)
class Images:
    """What a worker needs to make a batch.

    Attributes:
        rows: (b,) int64, of the records.
        refs: where their images are.
        make: a decoded image and its place in the batch → its pixels; picklable.
        gather: what is made of the images of a batch that can be read; picklable.
    """

    rows: npt.NDArray[np.int64]
    refs: tuple[ImageRef | None, ...]
    make: Callable[[Image.Image, int], Made]
    gather: Callable[[list[Any]], Any] = np.stack


@dataclasses.dataclass(frozen=True)
class Batch:
    """What was made of a few records.

    Attributes:
        rows: (b,) int64, the records of which something was made, in the order asked for.
        values: (b, …) pixels or vectors, or what else was gathered; None where b is 0.
        rejects: (row, reason) of the others.
    """

    rows: npt.NDArray[np.int64]
    values: Any
    rejects: tuple[tuple[int, str], ...]


def image_batches(batches: Iterable[Images], *, workers: int) -> Iterator[Batch]:
    """Decodes each image once; one that cannot be read is a reject, not the end of the work.

    Args:
        batches: consumed lazily.
        workers: processes that decode; 0 decodes in threads of this process.
    """
    workers = processes_to_decode(workers)
    work = _made if workers else _made_in_threads
    yield from map_ordered(work, batches, workers=workers, name=lambda batch: name_images(batch.refs))


def _made(batch: Images) -> Batch:
    return _batch(batch, map, [read_or_reason(ref) for ref in batch.refs])


def _made_in_threads(batch: Images) -> Batch:
    """`_made` on all cores of this process: Pillow lets other threads run while it decodes and resizes.

    The bytes are read here, one image after another, as the threads would each read the same Parquet row group.
    """
    data = [read_or_reason(ref) for ref in batch.refs]
    if sum(map(len, data)) < SMALL * len(data):
        return _batch(batch, map, data)
    # decode_image sets warnings aside for a moment; threads undo that in any order; the outer context mends it.
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(default_workers()) as threads:
        return _batch(batch, threads.map, data)


def _batch(batch: Images, run: Callable[..., Iterable[Made]], data: list[bytes | str]) -> Batch:
    def one(place: int) -> Made:
        found = data[place]
        try:
            return found if isinstance(found, str) else batch.make(decode_image(found), place)
        except UnreadableImageError as error:
            return str(error)

    pixels, good, rejects = [], [], []
    for place, made in enumerate(run(one, range(len(data)))):
        if isinstance(made, str):
            rejects.append((int(batch.rows[place]), made))
        else:
            good.append(place)
            pixels.append(made)
    return Batch(batch.rows[good], batch.gather(pixels) if pixels else None, tuple(rejects))
