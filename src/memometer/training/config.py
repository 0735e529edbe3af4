"""What a training run is asked to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from memometer.data.augmentation import VIEWS
from memometer.errors import InputError
from memometer.files import hash_json
from memometer.validation import problems

__all__ = ["TrainConfig", "TrainingOptions"]

OUTSIDE_THE_KEY = (
    *("records", "role", "without", "deduplicate", "image_variants", "early_stop", "model"),
    *("out", "workers", "device"),
)
"""Options that enter the key by their content, or that do not change the model."""

ABSENT_BY_DEFAULT = (
    *("text_mask", "caption_sampling", "text_noise", "text_noise_at", "label_smoothing", "loss", "flip"),
    "color_jitter",
)
"""Options that enter the key where they are not at their defaults: keys are as they were before there were these."""


class TrainingOptions(BaseModel):
    """Options that every training takes; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: Path = Field(description="folder with records.parquet")
    role: str | None = Field(default=None, description="train on the records of this role; all records without it")
    without: Path | None = Field(default=None, description="Parquet of record ids that are left out")
    out: Path = Field(description="folder of the model")
    model: str
    epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=128, ge=2, description="records per step, over all processes together")
    lr: float = Field(default=1e-3, gt=0, description="learning rate at its highest, after the warm-up")
    weight_decay: float = Field(ge=0, description="of AdamW; not on norms and biases")
    warmup: int | None = Field(default=None, ge=0, description="steps; a tenth of all, at most 2,000, without it")
    seed: int = Field(default=0, ge=0)
    checkpoint_epochs: tuple[int, ...] = Field(
        default=(), description="epochs after which a copy of the model is kept, under epoch-0005/ and so on"
    )
    workers: int | None = Field(
        default=None, ge=0, description="processes that decode; without it none on a CPU, up to 16 beside a GPU"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="auto: bf16 where a GPU has it")

    @field_validator("checkpoint_epochs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A list as the command line has it, ``5,20,80``."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_checkpoints(self) -> Self:
        outside = [epoch for epoch in self.checkpoint_epochs if not 1 <= epoch <= self.epochs]
        if outside:
            raise ValueError(
                f"checkpoint_epochs has {', '.join(map(str, outside))}; expected epochs from 1 to {self.epochs}, "
                "the last"
            )
        return self

    @classmethod
    def checked(cls, **options: object) -> Self:
        """A config from options.

        Raises:
            InputError: an unknown option, or a value out of its range.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise InputError(problems(error, of=cls, noun="option", most=10)) from error

    def key_options(self) -> dict[str, Any]:
        """The options that the trained model depends on."""
        options = self.model_dump(mode="json", exclude=set(OUTSIDE_THE_KEY))
        if not self.checkpoint_epochs:
            del options["checkpoint_epochs"]  # keys are as they were before there was this option
        return options


class TrainConfig(TrainingOptions):
    """Options of `memometer.training.train`; unknown keys are errors.

    The defaults are open_clip's and A's (Section 5), scaled to sets of a few thousand records.
    """

    model: str = Field(default="small", description="tiny, small, a model name of open_clip, or a model config in JSON")
    weight_decay: float = Field(default=0.1, ge=0, description="not on norms, biases and the logit scale")
    logit_scale_max: float = Field(default=100.0, gt=1, description="clamp of the logit scale, the inverse temperature")
    min_crop: float = Field(default=0.9, gt=0, le=1, description="least share of an image's area that a crop keeps")
    flip: float = Field(default=0.0, ge=0, le=1, description="probability that an image is mirrored")
    color_jitter: float = Field(
        default=0.0, ge=0, lt=1, description="greatest relative change of brightness, contrast and saturation"
    )
    image_variants: Path | None = Field(
        default=None,
        description="Parquet of record_id and path: further images of records, one drawn per epoch",
    )
    text_mask: float = Field(default=0.0, ge=0, lt=1, description="share of a caption's tokens that is dropped")
    caption_sampling: bool = Field(default=False, description="draw one of a record's captions each epoch")
    text_noise: float = Field(default=0.0, ge=0, description="deviation of Gaussian noise on the text embedding")
    text_noise_at: Literal["normalised", "raw"] = Field(
        default="normalised", description="add the noise after or before the embedding is normalised"
    )
    loss: Literal["clip", "siglip"] = "clip"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="of the loss 'clip'")
    deduplicate: bool = Field(default=False, description="train on one record of those that show the same picture")
    early_stop: str | None = Field(
        default=None, description="role of held-out pairs; the epoch at which their loss is least becomes the model"
    )

    @model_validator(mode="after")
    def _check_loss(self) -> Self:
        if self.label_smoothing and self.loss != "clip":
            raise ValueError(
                f"label_smoothing = {self.label_smoothing:g} goes with loss = clip, whose labels are classes; "
                f"the loss is {self.loss}: leave one of the two out"
            )
        return self

    def key_options(self) -> dict[str, Any]:
        """The options that the trained model depends on."""
        options = super().key_options()
        defaults = type(self).model_fields
        if not self.text_noise:
            options["text_noise_at"] = defaults["text_noise_at"].default  # says nothing without noise
        for name in ABSENT_BY_DEFAULT:
            if options[name] == defaults[name].default:
                del options[name]
        return options

    def key(
        self,
        *,
        records_hash: str,
        model_config: dict[str, Any],
        mitigations: str,
        contents: Sequence[str] = (),
    ) -> str:
        """Names what the trained model depends on; equal keys mean the same model.

        Args:
            records_hash: of the records to train on.
            model_config: of the architecture.
            mitigations: those that are no options.
            contents: hashes of other data that the model depends on.
        """
        options = {**self.key_options(), **({"views": VIEWS} if self.color_jitter else {})}
        parts = [options, records_hash, model_config, mitigations]
        return hash_json([*parts, list(contents)] if contents else parts)
