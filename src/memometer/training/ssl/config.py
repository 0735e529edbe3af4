"""What a self-supervised training is asked to do."""

import dataclasses
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from memometer.choices import Augment
from memometer.files import hash_json
from memometer.training.config import TrainingOptions

if TYPE_CHECKING:
    from memometer.data.augmentation import Augmentation

__all__ = ["SslConfig"]

LOCAL_SHARE, LOCAL_STEP = 96 / 224, 16
"""The side of DINO's local crops beside the global ones', in steps of a transformer's patches."""

OF_DINO = (
    *("teacher_temperature_end", "teacher_warmup"),
    *("local_crops", "local_size", "local_min_crop", "local_max_crop"),
)
"""Options that enter the key of DINO alone: keys of the others are as they were before there were these."""


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
        description="Least share of an image's area that a view keeps. Default: the augmentation's; of dino with local "
        "crops no less than --local-max-crop.",
    )
    temperature: float = Field(default=0.1, gt=0, description="Of simclr.")
    prototypes: int = Field(default=1024, ge=2, description="Of dino; 65,536 in its paper.")
    teacher_temperature: float = Field(default=0.04, gt=0, description="Of dino, at the start.")
    teacher_temperature_end: float = Field(default=0.07, gt=0, description="Of dino, after its teacher's warm-up.")
    teacher_warmup: int = Field(
        default=30, ge=0, description="Of dino: epochs over which the teacher's temperature rises, on a line."
    )
    teacher_momentum: float = Field(default=0.996, ge=0, lt=1, description="Of dino, at the start; it rises to 1.")
    local_crops: int = Field(
        default=8,
        ge=0,
        description="Of dino: small views of each image, beside the two large ones, that the student alone sees.",
    )
    local_size: int | None = Field(
        default=None,
        ge=8,
        description="px, of local crops. Default: 96/224 of --image-size, to the nearest multiple of 16.",
    )
    local_min_crop: float = Field(
        default=0.05, gt=0, lt=1, description="Least share of an image's area that a local crop keeps."
    )
    local_max_crop: float = Field(
        default=0.4, gt=0, le=1, description="Greatest share of an image's area that a local crop keeps."
    )

    @model_validator(mode="after")
    def _check_local_crops(self) -> Self:
        if self.local_min_crop > self.local_max_crop:
            raise ValueError(
                f"local_min_crop = {self.local_min_crop:g} is above local_max_crop = {self.local_max_crop:g}; expected "
                "the least share of an image's area, then the greatest"
            )
        return self

    @property
    def local_side(self) -> int:
        """px of local crops."""
        return self.local_size or max(LOCAL_STEP, round(self.image_size * LOCAL_SHARE / LOCAL_STEP) * LOCAL_STEP)

    @property
    def has_local_crops(self) -> bool:
        """Whether views of two sizes enter the model."""
        return self.objective == "dino" and self.local_crops > 0

    def views(self) -> "Augmentation":
        """What makes a view; with local crops, a global one."""
        from memometer.data.augmentation import AUGMENTATIONS

        named = AUGMENTATIONS[self.augmentation]
        least = self.min_crop
        if least is None and self.has_local_crops:
            least = max(named.min_area, self.local_max_crop)
        return named if least is None else dataclasses.replace(named, min_area=least)

    def key_options(self) -> dict[str, Any]:
        """The options that the trained model depends on."""
        options = super().key_options()
        if self.objective != "dino":
            options = {name: value for name, value in options.items() if name not in OF_DINO}
        return options

    def key(self, *, records_hash: str, architecture: dict[str, Any]) -> str:
        """Names what the trained model depends on; equal keys mean the same model."""
        from memometer.data.augmentation import VIEWS

        return hash_json([self.key_options(), records_hash, architecture, repr(self.views()), VIEWS])
