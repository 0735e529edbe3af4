"""What a training run is asked to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from memometer.files import hash_json
from memometer.options import Flag, Numbers, Options

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


class TrainingOptions(Options):
    """Options that every training takes."""

    records: Path = Field(description="Folder of the records to train on.")
    role: str | None = Field(
        default=None, description="Train on the records of this role, or of several: shared,candidates."
    )
    without: Path | None = Field(
        default=None, description="Leave out the records in this file, as 'memometer remove' writes it."
    )
    out: Path = Field(description="Folder of the model to write.")
    model: str
    epochs: int = Field(default=40, ge=1, description="Passes over the records.")
    batch_size: int = Field(default=128, ge=2, description="Records per step, over all processes together.")
    lr: float = Field(default=1e-3, gt=0, description="Learning rate after the warm-up; a cosine takes it down.")
    weight_decay: float = Field(ge=0)
    warmup: int | None = Field(
        default=None, ge=0, description="Steps of warm-up. Default: a tenth of all, at most 2,000."
    )
    seed: int = Field(default=0, ge=0, description="Of the first weights, the order of the records and the views.")
    checkpoint_epochs: Annotated[Numbers, Flag(default=False)] = Field(
        default=(), description="Also keep the model as it is after these epochs, e.g. 5,20,80."
    )
    workers: int | None = Field(
        default=None, ge=0, description="Processes that decode. Default: none on a CPU, up to 16 beside a GPU."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="cpu, cuda, or auto.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="fp32, bf16, or auto: bf16 where a GPU has it."
    )

    @classmethod
    def ordered(cls) -> list[str]:
        """All options, as ``--help`` lists them: what a training is, then where it runs."""
        last = ("checkpoint_epochs", "seed", "workers", "device", "precision")
        return [*(name for name in cls.model_fields if name not in last), *last]

    @model_validator(mode="after")
    def _check_checkpoints(self) -> Self:
        outside = [epoch for epoch in self.checkpoint_epochs if not 1 <= epoch <= self.epochs]
        if outside:
            raise ValueError(
                f"checkpoint_epochs has {', '.join(map(str, outside))}; expected epochs from 1 to {self.epochs}, "
                "the last"
            )
        return self

    def key_options(self) -> dict[str, Any]:
        """The options that the trained model depends on."""
        options = self.model_dump(mode="json", exclude=set(OUTSIDE_THE_KEY))
        if not self.checkpoint_epochs:
            del options["checkpoint_epochs"]  # keys are as they were before there was this option
        return options


class TrainConfig(TrainingOptions):
    """Train a CLIP model from scratch.

    A training that was stopped goes on where it was when the same command is run again. On several GPUs:
    accelerate launch -m memometer train …

    The defaults are open_clip's and A's (Section 5), scaled to sets of a few thousand records.
    """

    model: str = Field(
        default="small", description="A preset (tiny, small), a model name of open_clip, or a model config in JSON."
    )
    weight_decay: float = Field(default=0.1, ge=0, description="Of AdamW; not on norms, biases and the logit scale.")
    logit_scale_max: float = Field(
        default=100.0, gt=1, description="Clamp of the logit scale, the inverse temperature."
    )
    min_crop: float = Field(
        default=0.9, gt=0, le=1, description="Least share of an image's area that a random crop keeps."
    )
    flip: float = Field(default=0.0, ge=0, le=1, description="Probability that an image is mirrored.")
    color_jitter: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Greatest relative change of brightness, contrast, saturation, e.g. 0.4.",
    )
    image_variants: Path | None = Field(
        default=None,
        description="Parquet of record_id and path: further images of records; one of all is drawn each epoch.",
    )
    text_mask: float = Field(
        default=0.0, ge=0, lt=1, description="Share of a caption's tokens that is dropped, anew each epoch, e.g. 0.3."
    )
    caption_sampling: bool = Field(default=False, description="Draw one of a record's captions each epoch.")
    text_noise: float = Field(
        default=0.0, ge=0, description="Deviation of Gaussian noise on the text embedding, e.g. 0.15."
    )
    text_noise_at: Literal["normalised", "raw"] = Field(
        default="normalised", description="Add the noise to the 'normalised' embedding, or to the 'raw' one."
    )
    loss: Literal["clip", "siglip"] = Field(default="clip", description="What is made small.")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Of the loss clip, e.g. 0.1.")
    deduplicate: bool = Field(default=False, description="Train on one record of those that show the same picture.")
    early_stop: str | None = Field(
        default=None, description="Role of held-out pairs; the epoch with their least loss becomes the model."
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
        from memometer.data.augmentation import VIEWS

        options = {**self.key_options(), **({"views": VIEWS} if self.color_jitter else {})}
        parts = [options, records_hash, model_config, mitigations]
        return hash_json([*parts, list(contents)] if contents else parts)
