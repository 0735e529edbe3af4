"""Training samples: views of one image."""

import torch
from torch.utils.data import Dataset

from memometer.data.augmentation import Augmentation
from memometer.data.records import Records
from memometer.encoders.preprocessing import ImagePreprocess
from memometer.encoders.views import draw_views
from memometer.seeds import rng_for
from memometer.training.samples import CachedImages, Place

__all__ = ["ViewSamples"]


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
        image = self._image(row, record_id)
        views = draw_views(
            image,
            preprocess=self._preprocess,
            augmentation=self._augmentation,
            draws=self._views,
            rng=rng_for(self._seed, "views", epoch, record_id),
        )
        return torch.from_numpy(views)
