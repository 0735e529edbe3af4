"""What a self-supervised training is asked to do."""

import dataclasses
from typing import Any

from pydantic import Field

from memometer.data.augmentation import AUGMENTATIONS, VIEWS, Augmentation
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.training.config import TrainingOptions

__all__ = ["SslConfig"]


class SslConfig(TrainingOptions):
    """Options of `memometer.training.train_ssl`; unknown keys are errors.

    The objectives' own numbers are their papers', but for the optimizer: AdamW, for batches that fit one machine.
    """

    objective: str = Field(default="vicreg", description="vicreg, simclr, barlow or dino")
    model: str = Field(default="small", description="tiny, small, or a model name of timm")
    image_size: int = Field(default=64, ge=16, description="px, of the square images that enter the model")
    epochs: int = Field(default=100, ge=1)
    weight_decay: float = Field(default=1e-4, ge=0, description="of AdamW; not on norms and biases")
    projector_width: int | None = Field(
        default=None, ge=1, description="of the projector's layers; in the papers' ratio to the backbone's without it"
    )
    augmentation: str = Field(default="ssl", description=f"one of {', '.join(AUGMENTATIONS)}")
    min_crop: float | None = Field(
        default=None, gt=0, le=1, description="least share of an image's area that a view keeps; the augmentation's own"
    )
    temperature: float = Field(default=0.1, gt=0, description="of simclr")
    prototypes: int = Field(default=1024, ge=2, description="of dino; 65,536 in its paper")
    teacher_temperature: float = Field(default=0.04, gt=0, description="of dino")
    teacher_momentum: float = Field(default=0.996, ge=0, lt=1, description="of dino, at the start; it rises to 1")

    def views(self) -> Augmentation:
        """What makes a view.

        Raises:
            InputError: there is no augmentation of this name.
        """
        if self.augmentation not in AUGMENTATIONS:
            raise InputError(
                f"there is no augmentation '{self.augmentation}'; expected one of {', '.join(AUGMENTATIONS)}"
            )
        named = AUGMENTATIONS[self.augmentation]
        return named if self.min_crop is None else dataclasses.replace(named, min_area=self.min_crop)

    def key(self, *, records_hash: str, architecture: dict[str, Any]) -> str:
        """Names what the trained model depends on; equal keys mean the same model."""
        return hash_json([self.key_options(), records_hash, architecture, repr(self.views()), VIEWS])
