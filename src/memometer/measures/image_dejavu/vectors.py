"""Vectors of crops and of public images, as the image-only audit compares them."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from memometer.data.records import IMAGE_COLUMNS, Records, hash_records
from memometer.embeddings import Embeddings
from memometer.embeddings.decoding import Batch
from memometer.embeddings.store import vectors_in_pieces
from memometer.encoders import ImageEncoder
from memometer.files import hash_bytes, hash_json
from memometer.measures.image_dejavu.options import ImageDejaVuOptions
from memometer.neighbors import KeptNeighbors, kept_search
from memometer.pieces import PIECE_SIZE, Span
from memometer.references.crop_batches import crop_batches
from memometer.storage.paths import AnyPath

__all__ = ["ImageSearch"]

CONTENT = ("record_id", "image_hash", "image_path", "image_offset", "image_row")


@dataclasses.dataclass(frozen=True)
class _Stored:
    """Vectors as a model gives them, a tile at a time: what l2 distances are between."""

    embeddings: Embeddings

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.embeddings.shape

    def __getitem__(self, span: slice) -> npt.NDArray[np.floating]:
        return self.embeddings.raw(span)


@dataclasses.dataclass(frozen=True)
class CropBatches:
    """The vectors of crops, a forward pass at a time.

    Attributes:
        crops: (n, 4) x, y, width, height in px, one per record.
    """

    records: Records
    crops: npt.NDArray[np.int64]
    model: ImageEncoder
    batch_size: int
    workers: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """The batches of one span after another."""
        size = self.batch_size
        parts = (
            (None, np.arange(first, min(first + size, stop)))
            for start, stop in spans
            for first in range(start, stop, size)
        )
        for batch in crop_batches(
            self.records, crops=self.crops, batches=parts, preprocess=self.model.preprocess, workers=self.workers
        ):
            vectors = None if batch.values is None else self.model.encode_images(batch.values)
            yield Batch(batch.rows, vectors, batch.rejects)


@dataclasses.dataclass(frozen=True)
class ImageSearch:
    """How crops are looked up among public images.

    Attributes:
        options: of the audit.
        store: where vectors and neighbours are kept.
    """

    options: ImageDejaVuOptions
    store: AnyPath

    def crops(
        self, records: Records, model: ImageEncoder, *, crops: npt.NDArray[np.int64], label: str
    ) -> tuple[Embeddings, dict[str, str], str]:
        """The vectors of crops, likewise; kept in pieces, so that a killed job goes on."""
        size, workers = self.options.batch_size, self.options.workers
        content = [hash_records(records, CONTENT), hash_bytes(np.ascontiguousarray(crops).tobytes())]
        key = hash_json([model.identity, "crops", size, PIECE_SIZE, *content])

        batches = CropBatches(records.select(IMAGE_COLUMNS), crops, model, size, workers)
        pieces = vectors_in_pieces(self.store / key, records, batches, size=PIECE_SIZE, label=label, unit="crops")
        return (
            pieces.embeddings(name=f"crops under {getattr(model, 'spec', model.identity)}"),
            dict(pieces.rejected()),
            key,
        )

    def neighbors(self, crops: Embeddings, public: Embeddings, *, keys: tuple[str, str], label: str) -> KeptNeighbors:
        """The k public images nearest to every crop, kept on disk for the next run."""
        options, cosine = self.options, self.options.metric == "cosine"
        return kept_search(
            self.store,
            keys,
            crops if cosine else _Stored(crops),
            public if cosine else _Stored(public),
            options.k,
            metric="inner" if cosine else "l2",
            device=options.device,
            label=label,
            unit="crops",
        )
