"""The options of the VL-Déjà-Vu audit."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from memometer.audits.options import SearchOptions
from memometer.choices import MAX_K
from memometer.options import Numbers
from memometer.runs.options import Model, Models, Place

__all__ = ["DEFAULT_SWEEP", "Search", "VLDejaVuOptions"]

DEFAULT_SWEEP = (1, 10, 100)
"""B's sweep over k; values above the size of the public set are left out."""

Search = Literal["t2i", "t2t"]


class VLDejaVuOptions(SearchOptions):
    """Déjà vu in a CLIP-like model: does a caption reveal its training image's unmentioned objects?

    Example:
    memometer audit vl-dejavu --target open_clip:models/a --reference open_clip:models/b --records records/ --role a
    --reference-role b --public records/ --public-role public --k 10 --out runs/first

    With one model, and no other one trained: --reference text:tfidf, or text:thenlper/gte-base, and --control-role for
    records that the model never saw.
    """

    measure: ClassVar[str] = "vl-dejavu"
    stand_ins: ClassVar[str] = "or a text encoder such as text:tfidf"

    target: Model = Field(
        description="The model trained on the records: open_clip:MODEL, open_clip:PATH or embeddings:DIR."
    )
    reference: Models = Field(
        description="A model trained alike, but not on the records; or a text encoder that never saw an image: "
        "text:tfidf, text:MODEL. Repeated, the first leads and the others stand beside it."
    )
    k: int = Field(default=10, ge=1, le=MAX_K, description="Public images per caption.")
    sweep: Numbers = Field(default=DEFAULT_SWEEP, description="Further k to report, at the cost of one search.")
    search: Search = Field(
        default="t2i", description="t2i looks captions up among public images, t2t among public captions."
    )
    caption: int = Field(default=1, ge=1, description="The number of the caption that is the query, from 1.")
    public_caption: int = Field(
        default=1, ge=1, description="The number of the public captions that are searched, from 1."
    )
    vocabulary: Place = Field(
        default=None,
        description="Terms and word forms that decide which objects a caption names; by default vocabulary.tsv beside "
        "the records, else the built-in ones.",
    )
    aucg_histogram: bool = Field(
        default=False, description="Also integrate AUCG by histogram, as the paper's code does."
    )

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml`` and the key."""
        return {**super().config(), "sweep": sorted(set(self.sweep))}
