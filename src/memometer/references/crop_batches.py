"""Crops of records as pixels, in batches, whatever the workers."""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.augmentation import Augmentation
from memometer.data.records import IMAGE_COLUMNS, Records
from memometer.embeddings.decoding import Batch, Images, image_batches
from memometer.encoders.base import Preprocess
from memometer.encoders.views import draw_views
from memometer.errors import InputError
from memometer.seeds import rng_for

__all__ = ["check_crops", "crop_batches", "named_rejects"]


def crop_batches(
    records: Records,
    *,
    crops: npt.NDArray[np.int64],
    batches: Iterable[tuple[int | None, npt.NDArray[np.int64]]],
    preprocess: Preprocess,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    workers: int = 0,
) -> Iterator[Batch]:
    """Decodes the images of each batch and cuts out their crops.

    A view depends on the seed, the epoch and the record's id alone. An image that cannot be read, or does not hold its
    crop, is a reject, not the end of the work.

    Args:
        records: n records with images.
        crops: (n, 4) x, y, width, height in px.
        batches: (epoch, rows of the records) of each batch; crops of no epoch are not augmented.
        preprocess: applied to each crop.
        augmentation: applied before, in an epoch; None for none.
        seed: see `memometer.seeds`.
        workers: processes that decode; 0 decodes in threads of this process.
    """
    slim = records.select(IMAGE_COLUMNS)

    cut = functools.partial(_cut, preprocess=preprocess, augmentation=augmentation, seed=seed)

    def parts() -> Iterator[Images]:
        for epoch, rows in batches:
            part = slim.take(rows)
            given = {"boxes": crops[rows].tolist(), "names": part.record_ids.to_pylist(), "epoch": epoch}
            yield Images(rows, tuple(part.image_refs()), functools.partial(cut, **given))

    return image_batches(parts(), workers=workers)


def check_crops(crops: npt.NDArray[np.integer], *, n: int) -> npt.NDArray[np.int64]:
    """(n, 4) int64, checked.

    Raises:
        InputError: another shape or type, or a crop without an area.
    """
    if crops.shape != (n, 4) or not np.issubdtype(crops.dtype, np.integer):
        raise InputError(
            f"crops of shape {crops.shape} and type {crops.dtype} for {n:,} records; expected ({n}, 4) integers: "
            "x, y, width, height in px"
        )
    if n and crops[:, 2:].min() <= 0:
        row = int(np.flatnonzero(crops[:, 2:].min(axis=1) <= 0)[0])
        raise InputError(f"the crop of row {row} is {crops[row].tolist()}, without an area; leave such records out")
    return np.asarray(crops, np.int64)


def named_rejects(records: Records, batch: Batch) -> list[tuple[str, str]]:
    """(record_id, reason) of the rejects of a batch."""
    return [(records.record_ids[row].as_py(), reason) for row, reason in batch.rejects]


def _cut(
    image: Image.Image,
    place: int,
    *,
    boxes: list[list[int]],
    names: list[str],
    preprocess: Preprocess,
    augmentation: Augmentation | None,
    epoch: int | None,
    seed: int,
) -> npt.NDArray[np.generic] | str:
    """The pixels of one crop, or the reason why there are none."""
    x, y, width, height = boxes[place]
    if x < 0 or y < 0 or x + width > image.width or y + height > image.height:
        box = f"{width} × {height} px at ({x}, {y})"
        return f"crop outside the image: {box} of an image of {image.width} × {image.height} px"
    crop = image.crop((x, y, x + width, y + height))
    if augmentation is None or epoch is None:
        return preprocess(crop)
    rng = rng_for(seed, "crop", epoch, names[place])
    return np.asarray(draw_views(crop, preprocess=preprocess, augmentation=augmentation, draws=1, rng=rng)[0])
