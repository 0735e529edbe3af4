"""The options of a measurement of utility."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from memometer.choices import Features
from memometer.options import Flag
from memometer.runs.options import PLACE, Model, RunOptions, Source, folder_of

__all__ = ["LabelKind", "UtilityOptions"]

LabelKind = Literal["auto", "label", "objects"]


def names_of(given: object) -> Any:
    """A file's path, or a list of what was given in its place; None for nothing."""
    return given if given is None else str(given) if isinstance(given, str | Path) else list(given)  # type: ignore[call-overload]


if TYPE_CHECKING:
    Classes: TypeAlias = str | Path | Sequence[str] | Mapping[str, str] | None
    Templates: TypeAlias = str | Path | Sequence[str] | None
    ProbeRecords: TypeAlias = Source | None
else:
    ProbeRecords = Annotated[Any, Flag(kind=Path | None, written=lambda given: given and folder_of(given))]
    Classes = Templates = Annotated[Any, Flag(kind=Path | None, written=names_of)]


class UtilityOptions(RunOptions):
    """What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval.

    Example:
    memometer utility --model open_clip:models/a --records records/ --role public --retrieval --zero-shot classes.txt
    --linear-probe --probe-role probe --out runs/utility
    """

    model: Model = Field(description="The model: open_clip:PATH, timm:NAME, embeddings:DIR, …")
    records: Source = Field(description="The folder of the records under test.")
    role: str | None = Field(
        default=None, description="Test the records of this role alone: some that the model was not trained on."
    )
    retrieval: bool = Field(default=False, description="Image ↔ text retrieval: recall@1, 5 and 10, both ways.")
    zero_shot: Classes = Field(
        default=None,
        description="Zero-shot classification by the classes in this file, one per line; in Python also names, or "
        "names with their words in prompts.",
    )
    templates: Templates = Field(
        default=None, description="Prompt templates, one per line with {}. Default: 'a photo of a {}.'"
    )
    linear_probe: bool = Field(default=False, description="Logistic regression on frozen image features.")
    probe_records: ProbeRecords = Field(
        default=None, description="The folder of the probe's training records; --records by default."
    )
    probe_role: str | None = Field(default=None, description="Their role; none of them may be under test.")
    features: Features = Field(
        default="projector",
        description="What is probed: projector, or backbone, the features before the last projection.",
    )
    labels: LabelKind = Field(
        default="auto", description="What an image shows: label, objects, or auto: its label, else its objects."
    )
    captions: int = Field(default=5, ge=1, description="The most captions of an image that count in retrieval.")
    micro: bool = Field(default=False, description="Also micro average precision, where images have several objects.")

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml``."""
        own = [name for name in self.ordered() if name not in PLACE]
        features = self.features if self.linear_probe else None
        return {"measure": "utility", **{name: self.written(name) for name in own}, "features": features}

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        zero_shot = self.zero_shot is not None
        asked = {"--retrieval": self.retrieval, "--zero-shot": zero_shot, "--linear-probe": self.linear_probe}
        if not any(asked.values()):
            raise ValueError(f"nothing is asked for; pass one or more of {', '.join(asked)}")
        if self.templates is not None and not zero_shot:
            raise ValueError("templates have no use without classes; pass --zero-shot CLASSES too, or leave them out")
        probed = self.probe_role is not None or self.probe_records is not None
        if self.linear_probe and not probed:
            raise ValueError(
                "the linear probe needs training records that are not under test; pass --probe-role, or --probe-records"
            )
        if probed and not self.linear_probe:
            raise ValueError(
                "training records of a probe have no use without it; pass --linear-probe, or leave them out"
            )
        return self
