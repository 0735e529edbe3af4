"""Training samples: views of one image."""

import dataclasses

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from memometer.data.augmentation import Augmentation, crop_box
from memometer.data.pixels import to_rgb
from memometer.data.records import Records
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.encoders.views import draw_views
from memometer.seeds import rng_for
from memometer.training.samples import CachedImages, Place

__all__ = ["LocalCrops", "MultiCropSamples", "ViewSamples"]


class ViewSamples(CachedImages, Dataset[torch.Tensor]):
    """Records as two views of their image.

    A view depends on the seed, the epoch, the record's id and the view's number alone, so neither workers nor a resume
    change it.
    """

    def __init__(
        self,
        records: Records,
        *,
        augmentation: Augmentation,
        preprocess: ImagePreprocess,
        seed: int,
        views: int = 2,
        cache_bytes: int = 0,
    ) -> None:
        """Prepares the samples.

        Args:
            records: n records with images.
            augmentation: makes a view of an image.
            preprocess: brings a view to the model's size.
            seed: see `memometer.seeds`.
            views: of each image.
            cache_bytes: see `CachedImages`.
        """
        super().__init__(records, cache_bytes=cache_bytes)
        self._augmentation, self._preprocess = augmentation, preprocess
        self._seed, self._views = seed, views

    def __getitem__(self, place: Place) -> torch.Tensor:
        """(views, 3, height, width) uint8 pixels.

        Raises:
            JobError: the image cannot be read any more.
        """
        epoch, row = place
        record_id = self._ids[row].as_py()
        return self._drawn(self._image(row, record_id), epoch, record_id)

    def _drawn(self, image: Image.Image, epoch: int, record_id: str) -> torch.Tensor:
        views = draw_views(
            image,
            preprocess=self._preprocess,
            augmentation=self._augmentation,
            draws=self._views,
            rng=rng_for(self._seed, "views", epoch, record_id),
        )
        return torch.from_numpy(views)


@dataclasses.dataclass(frozen=True)
class LocalCrops:
    """Small views of small parts of an image: DINO's multi-crop (Caron et al. 2021, after SwAV).

    Attributes:
        n: of each image.
        side: px.
        min_area: least share of the image's area.
        max_area: greatest share of it.
        augmentation: what is done to a crop.
    """

    n: int
    side: int
    min_area: float
    max_area: float
    augmentation: Augmentation

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> torch.Tensor:
        """(n, 3, side, side) uint8 of a decoded image of any mode; none of them depends on how many follow."""
        crops = np.empty((self.n, 3, self.side, self.side), np.uint8)
        image = to_rgb(image)
        for crop in crops:
            left, top, width, height = crop_box(
                image.width, image.height, min_area=self.min_area, max_area=self.max_area, rng=rng
            )
            box = (left, top, left + width, top + height)
            part = image.resize((self.side, self.side), Image.Resampling.BICUBIC, box=box)
            crop[:] = self.augmentation.retouched(np.asarray(part).transpose(2, 0, 1), rng)
        return torch.from_numpy(crops)


class MultiCropSamples(ViewSamples):
    """Records as global views of their image, those of `ViewSamples`, and local ones."""

    def __init__(
        self,
        records: Records,
        *,
        local: LocalCrops,
        augmentation: Augmentation,
        preprocess: ImagePreprocess,
        seed: int,
        cache_bytes: int = 0,
    ) -> None:
        """Prepares the samples; see `ViewSamples`, beside ``local``, which makes the local views."""
        super().__init__(records, augmentation=augmentation, preprocess=preprocess, seed=seed, cache_bytes=cache_bytes)
        self._local = local

    def __getitem__(self, place: Place) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """(2, 3, height, width) and (local, 3, side, side) uint8 pixels.

        Raises:
            JobError: the image cannot be read any more.
        """
        epoch, row = place
        record_id = self._ids[row].as_py()
        image = self._image(row, record_id)
        local = self._local(image, rng_for(self._seed, "local views", epoch, record_id))
        return self._drawn(image, epoch, record_id), local
