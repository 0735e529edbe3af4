"""The options of the SSLMem and LayerMem audit."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from memometer.audits.options import Layers, ReferenceRole, Role, TowerOptions
from memometer.choices import Augment, Pool, TowerChoice
from memometer.runs.options import Model, Source

__all__ = ["SslMemOptions"]


class SslMemOptions(TowerOptions):
    """Memorization by layer of one tower: does a model hold the views of its records closer together?

    Example:
    memometer audit sslmem --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --tower both --out runs/sslmem
    """

    measure: ClassVar[str] = "sslmem"

    target: Model = Field(description="The model trained on the records, e.g. open_clip:PATH.")
    reference: Model = Field(description="A model of the same architecture, trained alike but not on them.")
    records: Source = Field(description="The folder of the records under test.")
    role: Role = None
    reference_role: ReferenceRole = None
    tower: TowerChoice = Field(default="image", description="both: which tower memorizes more.")
    draws: int = Field(default=5, ge=2, description="Views of each image; the most captions of a record that count.")
    augment: Augment = Field(default="ssl", description="How views are drawn.")
    pool: Pool = Field(default="mean", description="mean over a layer's tokens, or cls: the class token.")
    layers: Layers = Field(default=None, description="Modules to compare instead of the tower's blocks: 'name,name'.")

    @model_validator(mode="after")
    def _check_views(self) -> Self:
        if self.augment == "none" and self.tower != "text":
            raise ValueError("augment = 'none' draws the same view each time, so every distance is 0; choose another")
        return self
