"""What stands in for a second model in image-only déjà vu: Naive Bayes on the objects in a crop, a crop classifier."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memometer.references.predictions import LabelPredictions

if TYPE_CHECKING:
    from memometer.references.crop_classifier import CropClassifier, load_crop_classifier, train_crop_classifier
    from memometer.references.crop_config import CropClassifierConfig
    from memometer.references.crop_objects import CropObjects, objects_in_crops
    from memometer.references.naive_bayes import NaiveBayes, fit_naive_bayes

# These load torch or scipy, which the processes that decode crops do not need.
_HOMES = {
    "CropClassifier": "memometer.references.crop_classifier",
    "CropClassifierConfig": "memometer.references.crop_config",
    "CropObjects": "memometer.references.crop_objects",
    "NaiveBayes": "memometer.references.naive_bayes",
    "fit_naive_bayes": "memometer.references.naive_bayes",
    "load_crop_classifier": "memometer.references.crop_classifier",
    "objects_in_crops": "memometer.references.crop_objects",
    "train_crop_classifier": "memometer.references.crop_classifier",
}

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


def __getattr__(name: str) -> Any:
    """Imports the rest of the public names on their first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'memometer.references' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
