"""What a user may say about a source, and for which formats each of it means something."""

import dataclasses
from pathlib import Path
from typing import Literal

from memometer.data.sources.base import Fields
from memometer.errors import InputError

__all__ = ["ReaderOptions", "RowUnit"]

RowUnit = Literal["caption", "image", "object"]


@dataclasses.dataclass(frozen=True)
class ReaderOptions:
    """What a user may say about a source.

    Attributes:
        format: one of `FORMATS`; None recognises it.
        fields: columns or JSON fields by name.
        separator: of delimited text; None recognises it.
        encoding: of delimited text, e.g. ``"latin-1"``; None is UTF-8, or what a byte order mark says.
        columns: names of the columns of delimited text without a header line; () takes the header's.
        quoting: whether ``"`` quotes cells of delimited text; None quotes in CSV and not in TSV.
        one_row_per: what a row of a table stands for; None is recognised: rows of one image make one record.
        images: folders in which images are looked for that a table or JSON names by paths of another machine.
        splits: of formats that have them, e.g. ``("train2017",)``; () takes all.
        label_from: ``"folder"`` takes the image's folder for its class, ``"none"`` never does; ``"auto"`` does where
            the layout can be nothing else.
        class_names: a file that names the classes that the source numbers, or gives by synset: a name a line,
            ``data.yaml``, ``LOC_synset_mapping.txt``.
        text: whether a text beside an image holds a caption a ``"line"``, or is one caption as a ``"whole"``.
        crowds: whether COCO's crowd regions are objects (``"keep"``) or left aside (``"drop"``).
        caption_template: of image folders.
        annotations: of image folders: a folder of annotations, whose folders mirror those of the images.
        captions: ``"required"`` or ``"optional"``, which keeps records without one.
    """

    format: str | None = None
    fields: Fields = dataclasses.field(default_factory=Fields)
    separator: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    quoting: bool | None = None
    one_row_per: RowUnit | None = None
    images: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    label_from: Literal["auto", "folder", "none"] = "auto"
    class_names: str | Path | None = None
    text: Literal["lines", "whole"] = "lines"
    crowds: Literal["keep", "drop"] = "keep"
    caption_template: str | None = None
    annotations: str | Path | None = None
    captions: Literal["required", "optional"] = "required"

    @property
    def captions_required(self) -> bool:  # noqa: D102 (its name says it)
        return self.captions == "required"

    def check(self) -> None:
        """Passes where every choice is one of those that there are.

        Raises:
            InputError: it is not.
        """
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                words = " or ".join(f"'{choice}'" for choice in choices if choice is not None)
                raise InputError(f"{_flag(name)} takes {words}; got '{getattr(self, name)}'")

    def check_meaning(self, kind: str, *, source: str | Path) -> None:
        """Passes where every option that was given means something for the format ``kind``.

        Raises:
            InputError: one does not; the user meant something, so it is not passed over in silence.
        """
        for field in dataclasses.fields(self):
            formats = _ONLY_FOR.get(field.name)
            if formats is None or kind in formats or getattr(self, field.name) == field.default:
                continue
            *others, last = formats
            known = f"{', '.join(others)} and {last}" if others else f"{last} alone"
            raise InputError(
                f"{source} is read as {kind}, where {_flag(field.name)} means nothing; it is for {known}; "
                "if the source is of another format, name it with --format"
            )


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "captions": ("required", "optional"),
    "label_from": ("auto", "folder", "none"),
    "text": ("lines", "whole"),
    "crowds": ("keep", "drop"),
    "one_row_per": (None, "caption", "image", "object"),
}

_DELIMITED = ("csv", "tsv")
_TABLES = (*_DELIMITED, "parquet", "arrow", "jsonl")

# Options that mean nothing for a format are mistakes of the user.
_ONLY_FOR = {
    "separator": _DELIMITED,
    "encoding": _DELIMITED,
    "columns": _DELIMITED,
    "quoting": _DELIMITED,
    "one_row_per": _TABLES,
    "images": (*_TABLES, "coco", "karpathy"),
    "splits": ("coco", "karpathy"),
    "label_from": ("folder",),
    "text": ("folder", "webdataset"),
    "crowds": ("coco",),
    "caption_template": ("folder",),
    "annotations": ("folder",),
}


def _flag(name: str) -> str:
    return "--split" if name == "splits" else f"--{name.replace('_', '-')}"
