"""The options of the UnitMem and ClassMem audit."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memometer.audits.options import Layers, Role, TowerOptions
from memometer.choices import Augment, TowerChoice
from memometer.runs.options import Model, Source

__all__ = ["Statistic", "UnitMemOptions"]

Statistic = Literal["mean", "median"]


class UnitMemOptions(TowerOptions):
    """Memorization by unit: which units does a single training record excite far more than all others?

    Example:
    memometer audit unitmem --target open_clip:models/a --records records/ --role a --control-role c --tower both
    --out runs/unitmem
    """

    measure: ClassVar[str] = "unitmem"

    target: Model = Field(description="The model trained on the records, e.g. open_clip:PATH.")
    records: Source = Field(description="The folder of the records.")
    role: Role = None
    control_role: Annotated[
        str | None, Field(description="Records that the model never saw: what of UnitMem is not memorization.")
    ] = None
    tower: TowerChoice = Field(default="image", description="Whose units.")
    draws: int = Field(default=10, ge=1, description="Views of each image; the most captions of a record that count.")
    augment: Augment = Field(default="ssl", description="How views are drawn.")
    statistic: Statistic = Field(
        default="mean",
        description="What stands for the other records: mean, or median, which keeps activations on disk.",
    )
    by_class: bool = Field(default=False, description="Also ClassMem, over the records' classes.")
    keep_negative: bool = Field(
        default=False, description="Take negative activations as they are; they count as 0 otherwise."
    )
    layers: Layers = Field(
        default=None, description="Modules whose outputs are the units, instead of the known ones: 'name,name'."
    )

    @model_validator(mode="after")
    def _check_control(self) -> Self:
        if self.null and self.control_role is None:
            raise ValueError("--null tells how often the difference to a control covers 0; pass --control-role with it")
        return self
