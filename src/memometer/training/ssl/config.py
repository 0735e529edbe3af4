"""What a self-supervised training is asked to do."""

import dataclasses
from typing import TYPE_CHECKING, Any

from pydantic import Field

from memometer.choices import Augment
from memometer.files import hash_json
from memometer.training.config import TrainingOptions

if TYPE_CHECKING:
    from memometer.data.augmentation import Augmentation

__all__ = ["SslConfig"]


class SslConfig(TrainingOptions):
    """Train an image encoder from scratch without labels.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train-ssl …

    The objectives' own numbers are their papers', but for the optimizer: AdamW, for batches that fit one machine.
    """

    objective: str = Field(default="vicreg", description="vicreg, simclr, barlow or dino.")
    model: str = Field(default="small", description="A preset (tiny, small) or a model name of timm, e.g. resnet18.")
    image_size: int = Field(default=64, ge=16, description="px, of the square images that enter the model.")
    epochs: int = Field(default=100, ge=1, description="Passes over the records.")
    weight_decay: float = Field(default=1e-4, ge=0, description="Of AdamW; not on norms and biases.")
    projector_width: int | None = Field(
        default=None,
        ge=1,
        description="Of the projector's layers. Default: the paper's, scaled to the backbone.",
    )
    augmentation: Augment = Field(default="ssl", description="What makes a view.")
    min_crop: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Least share of an image's area that a view keeps. Default: the augmentation's.",
    )
    temperature: float = Field(default=0.1, gt=0, description="Of simclr.")
    prototypes: int = Field(default=1024, ge=2, description="Of dino; 65,536 in its paper.")
    teacher_temperature: float = Field(default=0.04, gt=0, description="Of dino.")
    teacher_momentum: float = Field(default=0.996, ge=0, lt=1, description="Of dino, at the start; it rises to 1.")

    def views(self) -> "Augmentation":
        """What makes a view."""
        from memometer.data.augmentation import AUGMENTATIONS

        named = AUGMENTATIONS[self.augmentation]
        return named if self.min_crop is None else dataclasses.replace(named, min_area=self.min_crop)

    def key(self, *, records_hash: str, architecture: dict[str, Any]) -> str:
        """Names what the trained model depends on; equal keys mean the same model."""
        from memometer.data.augmentation import VIEWS

        return hash_json([self.key_options(), records_hash, architecture, repr(self.views()), VIEWS])
