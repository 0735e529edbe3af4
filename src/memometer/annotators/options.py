"""The options of an annotation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from memometer.options import Flag
from memometer.runs.options import SHARED, EngineOptions, Source, place_of, spec_of

__all__ = ["AnnotateOptions"]


def _names_of(given: object) -> Any:
    """A word or a file's path; the names that were given in its place; None for nothing."""
    return given if given is None else str(given) if isinstance(given, str | Path) else list(given)  # type: ignore[call-overload]


if TYPE_CHECKING:
    from memometer.annotators.base import Annotator

    With: TypeAlias = str | Annotator
    NamesGiven: TypeAlias = str | Path | Sequence[str] | None
else:
    With = Annotated[Any, Flag(kind=str, names=("--with",), written=spec_of)]
    NamesGiven = Annotated[Any, Flag(kind=str | None, written=_names_of)]


class AnnotateOptions(EngineOptions):
    """Label the images of RECORDS with a detector or a tagger: records with objects, boxes and scores.

    Images stay where they are. What was killed goes on when the same command runs again; what is finished is not done
    twice. Records whose image cannot be read go to OUT/rejects.parquet with the reason.

    Example:
    memometer annotate records/ --with owlv2 --vocabulary lvis --threshold 0.3 --out labelled/
    """

    records: Source = Field(description="The folder of the records.")
    with_: With = Field(
        description="The annotator: owlv2, owlv2:NAME_OR_FOLDER, grounding-dino:FOLDER, omdet:FOLDER, rtdetr:FOLDER, "
        "timm:NAME@WEIGHTS, zero-shot:SPEC, python:MODULE:FUNCTION; or labels that are there: coco:FILE, lvis:FILE, "
        "openimages:CSV, voc:FOLDER, yolo:FOLDER, labelstudio:FILE, fiftyone:FOLDER, folders:FOLDER, table:FILE, "
        "captions. 'memometer models' lists all."
    )
    out: Annotated[str | Path, Flag(kind=Path, written=place_of)] = Field(
        description="The folder to write the labelled records to."
    )
    vocabulary: NamesGiven = Field(
        default=None,
        description="The names to look for: lvis, coco, or a file with one a line. A model with labels of its own "
        "gives those among them alone; by default it gives all.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="A label counts with a score above it. By default 0.3; of labels that are there, all count.",
    )
    templates: int | None = Field(
        default=None, description="Prompts per name whose mean is looked for: 1 or 7. By default 1."
    )
    temperature: float | None = Field(
        default=None, gt=0, description="Of a zero-shot tagger's softmax over cosines. By default 0.01, CLIP's."
    )
    probability: Literal["softmax", "sigmoid"] | None = Field(
        default=None, description="What a classifier's outputs become: softmax or sigmoid. By default softmax."
    )
    id_column: str | None = Field(default=None, description="Of table:, the column of record ids.")
    image_column: str | None = Field(default=None, description="Of table:, the column of image names.")
    label_column: str | None = Field(
        default=None,
        description="Of table:, the column of labels; of fiftyone: the field, of labelstudio: the control with them.",
    )
    scores_column: str | None = Field(default=None, description="Of table:, the column of scores.")
    boxes_column: str | None = Field(
        default=None,
        description="Of table:, the column of boxes (x, y, width, height), or four columns: x=A,y=B,width=C,height=D, "
        "or xmin=A,ymin=B,xmax=C,ymax=D.",
    )
    max_rejects: float = Field(
        default=0.05, ge=0, le=1, description="Share of records without labels beyond which the annotation fails."
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="Processes that decode and prepare images; 0 does it in this process. It changes no byte.",
    )
    device: str = Field(default="cpu", description="cpu or cuda.")
    precision: str = Field(default="fp32", description="fp32, or bf16 for autocast.")
    batch_size: int = Field(default=16, ge=1, description="Images per forward pass.")
    overwrite: bool = Field(default=False, description="Replace other records in OUT.")

    @classmethod
    def ordered(cls) -> list[str]:
        """All options, its own first."""
        return [*(name for name in cls.model_fields if name not in SHARED), *SHARED]

    @classmethod
    def names(cls) -> list[str]:
        """Those that labels depend on."""
        return [name for name in cls.ordered() if name not in PLACE]

    def config(self) -> dict[str, Any]:
        """The options as resolved, with what is in the vocabulary and the versions that results depend on."""
        from memometer.annotators.names import names_of
        from memometer.software import versions_of

        names = names_of(self.vocabulary)
        vocabulary = None if names is None else names.described()
        own = {name: self.written(name) for name in self.names() if name != "vocabulary"}
        return {**own, "vocabulary": vocabulary, "versions": versions_of(("transformers", "timm", "torchvision"))}


PLACE = ("out", "workers", "device", "overwrite", "max_rejects", *SHARED)
"""Options that change no label."""
