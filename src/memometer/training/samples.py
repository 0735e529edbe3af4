"""Training samples: which records make a batch, how an image is cropped, what a model is fed."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import Dataset, Sampler

from memometer.data.images import ImageRef, UnreadableImageError, open_image
from memometer.data.records import Records
from memometer.encoders.architectures import Tokenizer
from memometer.errors import JobError
from memometer.seeds import rng_for
from memometer.training.crops import Picture, prepared, random_crops
from memometer.training.mitigations.base import Mitigation, those_with
from memometer.training.resampling import Resizing

__all__ = ["CachedImages", "EpochBatches", "Place", "TrainingSamples"]

Place = tuple[int, int]
"""(epoch, row of the records)."""

Sample = tuple[torch.Tensor, torch.Tensor]
"""Pixels and tokens."""

Pixels = npt.NDArray[np.uint8]
"""(3, height, width)."""

PICTURES_BYTES = 64 << 20
"""Pictures beyond this are cropped before more of a batch are decoded."""

CACHED_CAPTIONS = 100_000
"""Captions whose tokens are kept in this process, each in about 1 KB."""


@dataclasses.dataclass(frozen=True)
class EpochBatches(Sampler[list[Place]]):
    """The rows of every batch, epoch after epoch, in an order that depends on the seed and the epoch alone.

    A batch is cut into equal spans, one for each process; records that do not fill the last batch of an epoch wait for
    the next one.

    Attributes:
        n: records.
        batch_size: records per batch over all processes.
        epochs: the epochs to go through, e.g. ``range(3, 40)`` after a resume.
        seed: see `memometer.seeds`.
        rank: this process.
        world_size: the number of processes; divides ``batch_size``.
    """

    n: int
    batch_size: int
    epochs: range
    seed: int
    rank: int = 0
    world_size: int = 1

    def __len__(self) -> int:
        return len(self.epochs) * (self.n // self.batch_size)

    def __iter__(self) -> Iterator[list[Place]]:
        share = self.batch_size // self.world_size
        for epoch in self.epochs:
            order = rng_for(self.seed, "order", epoch).permutation(self.n)
            for first in range(0, self.n - self.batch_size + 1, self.batch_size):
                start = first + self.rank * share
                yield [(epoch, int(row)) for row in order[start : start + share]]

    def left_over(self) -> npt.NDArray[np.int64]:
        """Rows that no batch of any process holds: they waited for a next epoch that never came."""
        drawn = np.zeros(self.n, bool)
        for epoch in self.epochs:
            drawn[rng_for(self.seed, "order", epoch).permutation(self.n)[: self.n - self.n % self.batch_size]] = True
            if drawn.all():
                break
        return np.flatnonzero(~drawn)


class CachedImages:
    """The decoded images of records."""

    def __init__(self, records: Records, *, cache_bytes: int) -> None:
        """Prepares the images.

        Args:
            records: n records with images.
            cache_bytes: decoded images are kept in this process up to so many bytes; small images take longer to decode
                than to crop. They are kept as decoded, so that the cache changes no pixel.
        """
        self._records = records
        self._ids = records.record_ids
        self._cache: dict[int | str, Any] = {}
        self._cache_left = cache_bytes

    def __len__(self) -> int:
        return len(self._records)

    def read(self, rows: Iterable[int]) -> None:
        """Reads the images of rows that no batch had, for the manifest vouches for the bytes of all records.

        Raises:
            JobError: an image cannot be read any more, or has changed since the import.
        """
        for row in rows:
            self._image(row, self._ids[row].as_py())

    def _prepared(self, image: Image.Image) -> Any:
        """The form in which an image is kept."""
        return image

    def _image(self, row: int, record_id: str) -> Any:
        if row in self._cache:
            return self._cache[row]
        ref = next(self._records.image_refs(row, row + 1))
        if ref is None:
            raise JobError(f"record '{record_id}' has no image; import the records again")
        return self._decoded(row, ref, record_id)

    def _decoded(self, key: int | str, ref: ImageRef, record_id: str) -> Any:
        """A decoded image as `_prepared` makes it, kept under ``key`` while there is room."""
        try:
            image = open_image(ref)
        except UnreadableImageError as error:
            raise JobError(
                f"the image of record '{record_id}' cannot be read: {error}; import the records again, then train again"
            ) from error
        form = self._prepared(image)
        size = getattr(form, "nbytes", image.width * image.height * len(image.getbands()))
        if size <= self._cache_left:
            self._cache[key] = form
            self._cache_left -= size
        return form


class TrainingSamples(CachedImages, Dataset[Sample]):
    """Records as pixels and tokens.

    A sample depends on the seed, the epoch and the record's id alone, so neither workers nor a resume change it.
    """

    def __init__(
        self,
        records: Records,
        *,
        tokenizer: Tokenizer,
        size: tuple[int, int],
        min_crop: float,
        seed: int,
        mitigations: Sequence[Mitigation] = (),
        cache_bytes: int = 0,
        resizing: Resizing = "loops",
    ) -> None:
        """Prepares the samples.

        Args:
            records: n records with images and captions.
            tokenizer: of the model.
            size: (height, width) in px.
            min_crop: least share of an image's area that a crop keeps.
            seed: see `memometer.seeds`.
            mitigations: applied in their order; those that act on tokens know the tokenizer.
            cache_bytes: see `CachedImages`.
            resizing: who resizes crops.
        """
        super().__init__(records, cache_bytes=cache_bytes)
        self._captions = records.column("captions")
        self._tokenizer, self._size = tokenizer, size
        self._min_crop, self._seed, self._resizing = min_crop, seed, resizing
        self._of_refs, self._of_captions, self._of_tokens, self._of_pixels = (
            those_with(hook, mitigations) for hook in ("image_ref", "captions", "tokens", "pixels")
        )
        used = [*self._of_refs, *self._of_captions, *self._of_tokens, *self._of_pixels]
        self._streams = list(dict.fromkeys(name for name, _ in used))
        self._tokens: dict[str, torch.Tensor] = {}

    def read(self, rows: Iterable[int]) -> None:
        """As `CachedImages.read`; all of them, where a mitigation trained on other images in place of some."""
        super().read(range(len(self)) if self._of_refs else rows)

    def __getitem__(self, place: Place) -> Sample:
        """(3, height, width) uint8 pixels, and (context_length,) int64 tokens of the first caption.

        Raises:
            JobError: the image cannot be read any more.
        """
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[Place]) -> list[Sample]:
        """The samples of a batch, which torch's loader asks for at once."""
        samples: list[Sample] = []
        drawn: list[_Drawn] = []
        size = 0
        for place in places:
            drawn.append(self._drawn(*place))
            size += drawn[-1].nbytes
            if size > PICTURES_BYTES:
                samples += self._made(drawn)
                drawn, size = [], 0
        return samples + self._made(drawn)

    def _drawn(self, epoch: int, row: int) -> "_Drawn":
        record_id = self._ids[row].as_py()
        rngs = {name: rng_for(self._seed, "mitigation", name, epoch, record_id) for name in self._streams}
        picture = self._chosen_image(row, record_id, rngs) if self._of_refs else self._image(row, record_id)
        return _Drawn(picture, rng_for(self._seed, "crop", epoch, record_id), rngs, self._caption(row, rngs))

    def _made(self, drawn: Sequence["_Drawn"]) -> list[Sample]:
        crops = random_crops(
            [sample.picture for sample in drawn],
            size=self._size,
            min_area=self._min_crop,
            rngs=[sample.rng for sample in drawn],
            by=self._resizing,
        )
        if self._of_pixels:
            crops = np.stack([self._changed(crop, sample.rngs) for crop, sample in zip(crops, drawn, strict=True)])
        return list(zip(torch.from_numpy(crops), [sample.tokens for sample in drawn], strict=True))

    def _changed(self, pixels: Pixels, rngs: dict[str, np.random.Generator]) -> Pixels:
        for name, mitigation in self._of_pixels:
            pixels = mitigation.pixels(pixels, rng=rngs[name])
        return pixels

    def _prepared(self, image: Image.Image) -> Picture:
        return prepared(image)

    def _chosen_image(self, row: int, record_id: str, rngs: dict[str, np.random.Generator]) -> Picture:
        for name, mitigation in self._of_refs:
            ref = mitigation.image_ref(record_id, rng=rngs[name])
            if ref is not None:
                kept: Picture | None = self._cache.get(ref.path)
                return self._decoded(ref.path, ref, record_id) if kept is None else kept
        return self._image(row, record_id)  # type: ignore[no-any-return]

    def _caption(self, row: int, rngs: dict[str, np.random.Generator]) -> torch.Tensor:
        caption = self._chosen_caption(row, rngs)
        tokens = self._tokens.get(caption)
        if tokens is None:
            tokens = self._tokenizer([caption])[0]
            if len(self._tokens) < CACHED_CAPTIONS:
                self._tokens[caption] = tokens
        for name, mitigation in self._of_tokens:
            tokens = mitigation.tokens(tokens, rng=rngs[name])
        return tokens

    def _chosen_caption(self, row: int, rngs: dict[str, np.random.Generator]) -> str:
        if not self._of_captions:
            return str(self._captions[row][0])
        captions: Sequence[str] = self._captions[row].as_py()
        for name, mitigation in self._of_captions:
            captions = mitigation.captions(captions, rng=rngs[name])
        return captions[0]


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """A sample whose picture is not cropped yet.

    Attributes:
        picture: the whole of it.
        rng: draws the crop.
        rngs: by mitigation.
        tokens: (context_length,).
    """

    picture: Picture
    rng: np.random.Generator
    rngs: dict[str, np.random.Generator]
    tokens: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Of the picture, about."""
        return 3 * math.prod(self.picture.size) if isinstance(self.picture, Image.Image) else self.picture.nbytes
