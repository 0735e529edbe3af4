"""Crops of records as pixels, in batches, whatever the workers."""

import concurrent.futures
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from memometer.data.augmentation import Augmentation
from memometer.data.images import ImageRef, UnreadableImageError, decode_image, name_images, read_or_reason
from memometer.data.records import Records
from memometer.encoders.base import Preprocess
from memometer.encoders.views import draw_views
from memometer.engines import default_workers, map_ordered
from memometer.errors import InputError
from memometer.seeds import rng_for

__all__ = ["CropBatch", "check_crops", "crop_batches"]

NEEDED = ("record_id", "image_path", "image_offset", "image_length", "image_row", "image_column", "image_hash")


@dataclasses.dataclass(frozen=True)
class CropBatch:
    """The crops of a few records.

    Attributes:
        rows: (b,) int64 rows of the records whose image can be read, in the order asked for.
        pixels: (b, …) what ``preprocess`` makes of each crop; None where no image can be read.
        rejects: (record_id, reason) of the others.
    """

    rows: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.generic] | None
    rejects: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """What a worker needs to make one batch."""

    rows: npt.NDArray[np.int64]
    refs: tuple[ImageRef | None, ...]
    names: tuple[str, ...]
    crops: npt.NDArray[np.int64]
    preprocess: Preprocess
    augmentation: Augmentation | None
    epoch: int | None
    seed: int


def crop_batches(
    records: Records,
    *,
    crops: npt.NDArray[np.int64],
    batches: Iterable[tuple[int | None, npt.NDArray[np.int64]]],
    preprocess: Preprocess,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    workers: int = 0,
) -> Iterator[CropBatch]:
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
    slim = dataclasses.replace(records, table=records.table.select(list(NEEDED)))

    def pieces() -> Iterator[_Piece]:
        for epoch, rows in batches:
            part = slim.take(rows)
            refs, names = tuple(part.image_refs()), tuple(part.record_ids.to_pylist())
            yield _Piece(rows, refs, names, crops[rows], preprocess, augmentation, epoch, seed)

    work = _cut if workers else _cut_in_threads
    yield from map_ordered(work, pieces(), workers=workers, name=lambda piece: name_images(piece.refs))


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


def _cut(piece: _Piece) -> CropBatch:
    return _batch(piece, map, [read_or_reason(ref) for ref in piece.refs])


def _cut_in_threads(piece: _Piece) -> CropBatch:
    """`_cut` on all cores of this process: Pillow lets other threads run while it decodes and resizes."""
    data = [read_or_reason(ref) for ref in piece.refs]
    # decode_image sets warnings aside for a moment; threads undo that in any order; the outer context mends it.
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(default_workers()) as threads:
        return _batch(piece, threads.map, data)


def _batch(
    piece: _Piece, run: Callable[..., Iterable[npt.NDArray[np.generic] | str]], data: list[bytes | str]
) -> CropBatch:
    pixels, good, rejects = [], [], []
    for place, made in enumerate(run(lambda place: _of_one(piece, place, data[place]), range(len(data)))):
        if isinstance(made, str):
            rejects.append((piece.names[place], made))
        else:
            good.append(place)
            pixels.append(made)
    return CropBatch(piece.rows[good], np.stack(pixels) if pixels else None, tuple(rejects))


def _of_one(piece: _Piece, place: int, data: bytes | str) -> npt.NDArray[np.generic] | str:
    """The pixels of one crop, or the reason why there are none."""
    if isinstance(data, str):
        return data
    try:
        image = decode_image(data)
    except UnreadableImageError as error:
        return str(error)
    x, y, width, height = piece.crops[place].tolist()
    if x < 0 or y < 0 or x + width > image.width or y + height > image.height:
        box = f"{width} × {height} px at ({x}, {y})"
        return f"crop outside the image: {box} of an image of {image.width} × {image.height} px"
    crop = image.crop((x, y, x + width, y + height))
    if piece.augmentation is None or piece.epoch is None:
        return piece.preprocess(crop)
    rng = rng_for(piece.seed, "crop", piece.epoch, piece.names[place])
    views = draw_views(crop, preprocess=piece.preprocess, augmentation=piece.augmentation, draws=1, rng=rng)
    return np.asarray(views[0])
