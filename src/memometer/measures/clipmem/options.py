"""The options of the CLIPMem audit."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memometer.audits.options import AuditOptions
from memometer.choices import Augment
from memometer.options import Flag
from memometer.runs.options import Models, Source

__all__ = ["ClipMemOptions"]


class ClipMemOptions(AuditOptions):
    """Memorized pairs of a CLIP-like model: which does it align better than models that never saw them?

    Example:
    memometer audit clipmem --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --control-role public --out runs/clipmem

    The roles are those of the other audits; the paper's names for them, --candidates, --independent, --external and
    --shared, are understood too.
    """

    measure: ClassVar[str] = "clipmem"

    targets: Annotated[Models, Flag(names=("--target",))] = Field(
        description="A model trained on the shared pairs and the candidates: open_clip:MODEL, open_clip:PATH or "
        "embeddings:DIR. Several trainings are averaged; on the command line, repeat the option."
    )
    references: Annotated[Models, Flag(names=("--reference",))] = Field(
        description="A model trained alike on the shared and the independent pairs; may be several."
    )
    records: Source = Field(description="The folder of all pairs.")
    candidates: Annotated[str, Flag(names=("--role", "--candidates"))] = Field(
        description="The role of the pairs that the targets alone were trained on: those under test."
    )
    external: Annotated[str, Flag(names=("--control-role", "--external"))] = Field(
        description="The role of the pairs that no model was trained on."
    )
    independent: Annotated[str | None, Flag(names=("--reference-role", "--independent"))] = Field(
        default=None, description="The role of the pairs that the references alone were trained on."
    )
    shared: Annotated[str | None, Flag(names=("--shared-role", "--shared"))] = Field(
        default=None, description="The role of the pairs that all models were trained on."
    )
    n_aug: int = Field(default=5, ge=1, description="Views per image.")
    augment: Augment = Field(default="clip", description="How views are drawn.")
    captions: int = Field(default=1, ge=1, description="How many of a record's captions count.")
    negatives: Literal["cross", "none"] = Field(
        default="cross", description="cross: take off the mean similarity to held-out captions and images; or none."
    )
    negatives_role: str | None = Field(
        default=None, description="The role of the held-out pairs; the external ones by default."
    )
    gallery: int = Field(
        default=15, ge=0, description="How many of the most, and of the least, memorized candidates the report shows."
    )

    @model_validator(mode="after")
    def _check_sides(self) -> Self:
        if self.negatives == "none" and self.negatives_role is not None:
            raise ValueError(
                f"without negatives, their role '{self.negatives_role}' has no use; leave one of the two out"
            )
        for side in ("targets", "references"):
            if not getattr(self, side):
                raise ValueError(
                    f"no {side} are given; CLIPMem compares at least one target with at least one reference"
                )
        return self

    @property
    def held_role(self) -> str | None:
        """The role of the negatives; None without them."""
        return None if self.negatives == "none" else self.negatives_role or self.external

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml`` and the key."""
        return {**super().config(), "negatives_role": self.held_role}
