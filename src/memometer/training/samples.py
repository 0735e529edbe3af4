"""Training samples: which records make a batch, how an image is cropped, what a model is fed."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import Dataset, Sampler

from memometer.data.augmentation import crop_box
from memometer.data.images import ImageRef, UnreadableImageError, open_image
from memometer.data.records import Records
from memometer.encoders.architectures import Tokenizer
from memometer.errors import JobError
from memometer.seeds import rng_for
from memometer.training.mitigations.base import Mitigation, those_with

__all__ = ["CachedImages", "EpochBatches", "Place", "TrainingSamples", "normalised", "random_crop", "random_view"]

Place = tuple[int, int]
"""(epoch, row of the records)."""

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
        self._cache: dict[int | str, Image.Image] = {}
        self._cache_left = cache_bytes

    def __len__(self) -> int:
        return len(self._records)

    def _image(self, row: int, record_id: str) -> Image.Image:
        if row in self._cache:
            return self._cache[row]
        ref = next(self._records.image_refs(row, row + 1))
        if ref is None:
            raise JobError(f"record '{record_id}' has no image; import the records again")
        return self._decoded(row, ref, record_id)

    def _decoded(self, key: int | str, ref: ImageRef, record_id: str) -> Image.Image:
        """A decoded image, kept under ``key`` while there is room."""
        try:
            image = open_image(ref)
        except UnreadableImageError as error:
            raise JobError(
                f"the image of record '{record_id}' cannot be read: {error}; import the records again, then train again"
            ) from error
        size = image.width * image.height * len(image.getbands())
        if size <= self._cache_left:
            self._cache[key] = image
            self._cache_left -= size
        return image


class TrainingSamples(CachedImages, Dataset[tuple[torch.Tensor, torch.Tensor]]):
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
        """
        super().__init__(records, cache_bytes=cache_bytes)
        self._captions = records.column("captions")
        self._tokenizer, self._size = tokenizer, size
        self._min_crop, self._seed = min_crop, seed
        self._of_refs, self._of_captions, self._of_tokens, self._of_images = (
            those_with(hook, mitigations) for hook in ("image_ref", "captions", "tokens", "image")
        )
        used = [*self._of_refs, *self._of_captions, *self._of_tokens, *self._of_images]
        self._streams = list(dict.fromkeys(name for name, _ in used))
        self._tokens: dict[str, torch.Tensor] = {}

    def __getitem__(self, place: Place) -> tuple[torch.Tensor, torch.Tensor]:
        """(3, height, width) uint8 pixels, and (context_length,) int64 tokens of the first caption.

        Raises:
            JobError: the image cannot be read any more.
        """
        epoch, row = place
        record_id = self._ids[row].as_py()
        rngs = {name: rng_for(self._seed, "mitigation", name, epoch, record_id) for name in self._streams}
        return self._pixels(epoch, row, record_id, rngs), self._caption(row, rngs)

    def _pixels(self, epoch: int, row: int, record_id: str, rngs: dict[str, np.random.Generator]) -> torch.Tensor:
        image = self._chosen_image(row, record_id, rngs) if self._of_refs else self._image(row, record_id)
        view = random_view(
            image, size=self._size, min_area=self._min_crop, rng=rng_for(self._seed, "crop", epoch, record_id)
        )
        for name, mitigation in self._of_images:
            view = mitigation.image(view, rng=rngs[name])
        return torch.from_numpy(_pixels_of(view))

    def _chosen_image(self, row: int, record_id: str, rngs: dict[str, np.random.Generator]) -> Image.Image:
        for name, mitigation in self._of_refs:
            ref = mitigation.image_ref(record_id, rng=rngs[name])
            if ref is not None:
                kept = self._cache.get(ref.path)
                return self._decoded(ref.path, ref, record_id) if kept is None else kept
        return self._image(row, record_id)

    def _caption(self, row: int, rngs: dict[str, np.random.Generator]) -> torch.Tensor:
        captions: Sequence[str] = self._captions[row].as_py()
        for name, mitigation in self._of_captions:
            captions = mitigation.captions(captions, rng=rngs[name])
        tokens = self._tokens.get(captions[0])
        if tokens is None:
            tokens = self._tokenizer([captions[0]])[0]
            if len(self._tokens) < CACHED_CAPTIONS:
                self._tokens[captions[0]] = tokens
        for name, mitigation in self._of_tokens:
            tokens = mitigation.tokens(tokens, rng=rngs[name])
        return tokens


def random_view(image: Image.Image, *, size: tuple[int, int], min_area: float, rng: np.random.Generator) -> Image.Image:
    """A random part of an image, resized: the distribution of torchvision's ``RandomResizedCrop``, as in open_clip.

    Args:
        image: of any mode.
        size: (height, width) of the result in px.
        min_area: least share of the area; the aspect ratio is drawn between 3/4 and 4/3.
        rng: where the randomness comes from.

    Returns:
        RGB, resized with an antialiased bicubic filter before the conversion.
    """
    left, top, width, height = crop_box(image.width, image.height, min_area=min_area, rng=rng)
    part = image.crop((left, top, left + width, top + height)).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return part.convert("RGB")


def random_crop(
    image: Image.Image, *, size: tuple[int, int], min_area: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """The pixels of a `random_view`, (3, height, width) uint8."""
    return _pixels_of(random_view(image, size=size, min_area=min_area, rng=rng))


def _pixels_of(view: Image.Image) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(view).transpose(2, 0, 1))


def normalised(pixels: torch.Tensor, preprocess: Mapping[str, Any]) -> torch.Tensor:
    """Pixels as a model sees them.

    Args:
        pixels: (…, 3, height, width) uint8.
        preprocess: its ``mean`` and ``std`` are per channel, on the scale 0 to 1.

    Returns:
        The same shape, float32.
    """
    mean, std = (torch.tensor(preprocess[key], device=pixels.device).view(3, 1, 1) for key in ("mean", "std"))
    return pixels.to(torch.float32).div_(255).sub_(mean).div_(std)
