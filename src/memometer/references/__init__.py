"""What stands in for a second model in image-only déjà vu: Naive Bayes on the objects in a crop, a crop classifier."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use
from memometer.references.predictions import LabelPredictions

if TYPE_CHECKING:
    # These load torch or scipy, which the processes that decode crops do not need.
    from memometer.references.crop_classifier import CropClassifier, load_crop_classifier, train_crop_classifier
    from memometer.references.crop_config import CropClassifierConfig
    from memometer.references.crop_objects import CropObjects, objects_in_crops
    from memometer.references.naive_bayes import NaiveBayes, fit_naive_bayes

__all__ = [
    "CropClassifier",
    "CropClassifierConfig",
    "CropObjects",
    "LabelPredictions",
    "NaiveBayes",
    "fit_naive_bayes",
    "load_crop_classifier",
    "objects_in_crops",
    "train_crop_classifier",
]


__getattr__ = on_first_use(__name__)
