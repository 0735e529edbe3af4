"""The layers' answers to the views of records: augmented images, or several captions."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from memometer.activations.reader import TowerReader
from memometer.data.augmentation import VIEWS, Augmentation
from memometer.data.records import Records
from memometer.embeddings.views import view_batches

__all__ = ["ViewPlan", "Views", "read_views"]


@dataclasses.dataclass(frozen=True)
class ViewPlan:
    """Which views of a record there are, and how they are batched.

    Attributes:
        augmentation: makes the views of an image.
        draws: views of each image, and the most captions of a record that are read.
        seed: of the augmentations; equal for all models, so that they see the same pixels.
        batch_size: views per forward pass, rounded down to whole records.
        workers: processes that decode; see `memometer.embeddings.view_batches`.
    """

    augmentation: Augmentation
    draws: int
    seed: int
    batch_size: int
    workers: int = 0

    @property
    def records_per_batch(self) -> int:
        """Whole records of ``draws`` views each, at least one."""
        return max(1, self.batch_size // self.draws)

    @property
    def key(self) -> list[object]:
        """What the numbers depend on, as JSON; the number of workers changes none."""
        return [VIEWS, dataclasses.asdict(self.augmentation), self.draws, self.seed, self.batch_size]


@dataclasses.dataclass(frozen=True)
class Views:
    """What the layers answer to the views of a few records.

    Attributes:
        rows: (b,) int64, the rows of the records that could be read, ascending.
        starts: (b + 1,) int64, the first view of each, and the number of views.
        layers: for each layer of the reader, (views, width) float32.
        rejects: (row, reason) of the other records.
        seen: how many records these are, rejects included.
    """

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    layers: tuple[npt.NDArray[np.float32], ...]
    rejects: tuple[tuple[int, str], ...]
    seen: int


def read_views(
    records: Records, reader: TowerReader, plan: ViewPlan, *, span: tuple[int, int] | None = None
) -> Iterator[Views]:
    """The layers' answers to the views of each record, a batch at a time, in record order.

    The views of an image are ``plan.draws`` augmentations; those of a text tower are the record's distinct captions, in
    their order, ``plan.draws`` at most.

    Args:
        records: n records.
        reader: the tower and its layers.
        plan: the views.
        span: the rows to go through; all by default.
    """
    read: Callable[..., Iterator[Views]] = _of_images if reader.tower == "image" else _of_captions
    return read(records, reader, plan, span or (0, len(records)))


def _of_images(records: Records, reader: TowerReader, plan: ViewPlan, span: tuple[int, int]) -> Iterator[Views]:
    batches = view_batches(
        records,
        reader.encoder.preprocess,
        augmentation=plan.augmentation,
        draws=plan.draws,
        seed=plan.seed,
        batch_size=plan.records_per_batch,
        spans=[span],
        workers=plan.workers,
    )
    for batch in batches:
        layers: tuple[npt.NDArray[np.float32], ...] = ()
        if batch.values is not None:
            layers = tuple(reader.images(batch.values.reshape(-1, *batch.values.shape[2:])))
        starts = np.arange(len(batch.rows) + 1, dtype=np.int64) * plan.draws
        yield Views(batch.rows, starts, layers, batch.rejects, len(batch.rows) + len(batch.rejects))


def _of_captions(records: Records, reader: TowerReader, plan: ViewPlan, span: tuple[int, int]) -> Iterator[Views]:
    captions = records.column("captions")
    for first in range(*span, plan.records_per_batch):
        several = captions.slice(first, min(plan.records_per_batch, span[1] - first)).to_pylist()
        distinct = [list(dict.fromkeys(texts or []))[: plan.draws] for texts in several]
        rows = [first + place for place, texts in enumerate(distinct) if texts]
        rejects = tuple((first + place, "no caption") for place, texts in enumerate(distinct) if not texts)
        texts = [text for texts in distinct for text in texts]
        layers = tuple(reader.texts(texts)) if texts else ()
        starts = np.cumsum([0, *(len(texts) for texts in distinct if texts)], dtype=np.int64)
        yield Views(np.array(rows, np.int64), starts, layers, rejects, len(several))
