"""The options of the image-only déjà vu audit."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memometer.audits.options import SearchOptions
from memometer.choices import MAX_K, Features
from memometer.options import Flag
from memometer.runs.options import Model, Models, Source, several

__all__ = ["FITTED", "MIN_SIDE", "CropKind", "ImageDejaVuOptions", "LabelKind", "Metric", "is_fitted_spec"]

MIN_SIDE = 100 / 375
"""D keeps background crops of more than 100 px at ImageNet's sizes, whose shorter side is most often 375 px."""

FITTED = ("naive-bayes", "crop-classifier")
"""References that are fitted on records."""

CropKind = Literal["background", "corner"]
LabelKind = Literal["given", "largest-box"]
Metric = Literal["l2", "cosine"]


def is_fitted_spec(spec: object) -> bool:
    """Whether a specification names a reference that is fitted on records."""
    return isinstance(spec, str) and spec.partition(":")[0] in FITTED


class ImageDejaVuOptions(SearchOptions):
    """Image-only déjà vu: does a crop without the foreground give the foreground's class away?

    Example:
    memometer audit image-dejavu --target ssl:models/a --reference ssl:models/b --records records/ --role a
    --reference-role b --public records/ --public-role public --out runs/image

    With one model: --reference naive-bayes --fit-role fit --control-role c
    """

    measure: ClassVar[str] = "image-dejavu"
    stand_ins: ClassVar[str] = "naive-bayes or crop-classifier"

    target: Model = Field(
        description="The model trained on the records: ssl:DIR, timm:MODEL, torchvision:MODEL, open_clip:…."
    )
    reference: Models = Field(
        description="A model trained alike, but not on the records; or naive-bayes[:K], crop-classifier[:MODEL]. "
        "Repeated, the first leads and the others stand beside it."
    )
    records: Source = Field(description="The folder of the records under test, with labels and boxes.")
    fit_role: str | None = Field(
        default=None,
        description="The records that naive-bayes and crop-classifier are fitted on; none of those measured.",
    )
    crop: CropKind = Field(
        default="background", description="The largest box-free rectangle, or a free corner, which needs no boxes."
    )
    min_side: Annotated[float, Flag(default="100 px of 375")] = Field(
        default=MIN_SIDE,
        description="A background crop's shorter side must exceed so many px, or below 1 such a share of the image's; "
        "the default is that of ImageNet's images.",
    )
    fraction: float = Field(default=0.3, description="Of a corner crop, of the image's width and height.")
    k: int = Field(default=100, ge=1, le=MAX_K, description="Public images per crop.")
    features: Features = Field(default="projector", description="Which output of the model is compared.")
    metric: Metric = Field(default="l2", description="How it is compared; l2 takes unnormalised vectors.")
    label: LabelKind = Field(
        default="given",
        description="A record's class: its own, or that of its largest box (detection data such as COCO).",
    )

    @model_validator(mode="after")
    def _check_models(self) -> Self:
        if is_fitted_spec(self.target):
            raise ValueError(f"'{self.target}' is a reference, not a model; give the model under test as --target")
        first = several(self.reference)[0]
        if self.reference_role is not None and is_fitted_spec(first):
            raise ValueError(
                f"the reference '{first}' was trained on none of the records, so the roles cannot "
                "be swapped: give --control-role, records that the target never saw, in place of --reference-role"
            )
        return self

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml`` and the key."""
        config = super().config()
        if config["label"] == "given":
            del config["label"]  # runs of before it was an option keep their keys
        return config
