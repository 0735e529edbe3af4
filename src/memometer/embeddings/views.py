"""Random views of records' images, in the order of the records, whatever the workers."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.augmentation import Augmentation
from memometer.data.records import Records
from memometer.embeddings.decoding import Batch, Images, image_batches
from memometer.encoders.base import Preprocess
from memometer.encoders.views import draw_views
from memometer.seeds import rng_for

__all__ = ["view_batches"]


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
) -> Iterator[Batch]:
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

    Returns:
        Batches of (b, draws, …) pixels.
    """
    views = functools.partial(_views, preprocess=preprocess, augmentation=augmentation, draws=draws, seed=seed)
    batches = (
        Images(
            np.arange(first, last),
            tuple(records.image_refs(first, last)),
            functools.partial(views, names=records.record_ids.slice(first, last - first).to_pylist()),
        )
        for start, stop in ([(0, len(records))] if spans is None else spans)
        for first in range(start, stop, batch_size)
        for last in [min(first + batch_size, stop)]
    )
    return image_batches(batches, workers=workers)


def _views(
    image: Image.Image,
    place: int,
    *,
    names: list[str],
    preprocess: Preprocess,
    augmentation: Augmentation,
    draws: int,
    seed: int,
) -> npt.NDArray[Any]:
    rng = rng_for(seed, "views", names[place])
    return draw_views(image, preprocess=preprocess, augmentation=augmentation, draws=draws, rng=rng)
