"""What a training run is asked to do."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memometer.errors import InputError
from memometer.files import hash_json

__all__ = ["TrainConfig"]

OUTSIDE_THE_KEY = ("records", "role", "without", "model", "out", "workers", "device")
"""Options that enter the key by their content, or that do not change the model."""


class TrainConfig(BaseModel):
    """Options of `memometer.training.train`; unknown keys are errors.

    The defaults are open_clip's and A's (Section 5), scaled to sets of a few thousand records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: Path = Field(description="folder with records.parquet")
    role: str | None = Field(default=None, description="train on the records of this role; all records without it")
    without: Path | None = Field(default=None, description="Parquet of record ids that are left out")
    out: Path = Field(description="folder of the model")
    model: str = Field(default="small", description="tiny, small, a model name of open_clip, or a model config in JSON")
    epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=128, ge=2, description="records per step, over all processes together")
    lr: float = Field(default=1e-3, gt=0, description="learning rate at its highest, after the warm-up")
    weight_decay: float = Field(default=0.1, ge=0, description="not on norms, biases and the logit scale")
    warmup: int | None = Field(default=None, ge=0, description="steps; a tenth of all, at most 2,000, without it")
    logit_scale_max: float = Field(default=100.0, gt=1, description="clamp of the logit scale, the inverse temperature")
    min_crop: float = Field(default=0.9, gt=0, le=1, description="least share of an image's area that a crop keeps")
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(
        default=None, ge=0, description="processes that decode; without it none on a CPU, up to 8 beside a GPU"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="auto: bf16 where a GPU has it")

    @classmethod
    def checked(cls, **options: object) -> Self:
        """A config from options.

        Raises:
            InputError: an unknown option, or a value out of its range.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc']))} = {problem['input']!r}: {problem['msg'].lower()}"
                for problem in error.errors()
            )
            raise InputError(f"the training options are not as expected: {problems}") from error

    def key(self, *, records_hash: str, model_config: dict[str, Any], mitigations: str) -> str:
        """Names what the trained model depends on; equal keys mean the same model."""
        options = self.model_dump(mode="json", exclude=set(OUTSIDE_THE_KEY))
        return hash_json([options, records_hash, model_config, mitigations])
