"""What a user may say about a source, and for which formats each of it means something."""

import dataclasses
from pathlib import Path
from typing import Literal, Self, get_args, get_origin

from memometer.data.sources.base import Fields
from memometer.errors import InputError

__all__ = ["ReaderOptions", "RowUnit"]

RowUnit = Literal["caption", "image", "object"]


@dataclasses.dataclass(frozen=True)
class ReaderOptions:
    """What a user may say about a source.

    Attributes:
        format: ``webdataset``, ``csv``, ``tsv``, ``parquet``, ``coco``, ``folder`` or another of `FORMATS`; recognised
            where not given.
        fields: columns or JSON fields by name.
        separator: column separator of delimited text; recognised where not given.
        encoding: encoding of delimited text, e.g. ``latin-1``; UTF-8, or what a byte order mark says, where not given.
        columns: names of the columns, ``'image,caption'``, of delimited text without a header line.
        quoting: whether quotation marks quote cells of delimited text; by default in CSV, not in TSV.
        one_row_per: what a row of a table is; recognised where not given: rows of one image make one record.
        images: folder of the images, where a table or JSON has paths of another machine; may be several.
        splits: split of COCO and its kin, of Karpathy's JSON or of a Hugging Face data set, e.g. ``train2017``; may be
            several, all by default.
        config: config of a Hugging Face data set; the only one, or the one called default, where not given.
        label_from: an image's folder is its class: always (``folder``), never (``none``), or (``auto``) where the
            layout can be nothing else.
        class_names: names of numbered classes or synsets: a file with a line each, ``data.yaml``,
            ``LOC_synset_mapping.txt``.
        text: whether a text beside an image holds a caption a line (``lines``), or is one caption as a whole.
        crowds: whether COCO's crowd regions are objects (``keep``) or left aside (``drop``).
        caption_template: caption for image folders without texts, e.g. ``'a photo of a {label}'``.
        annotations: folder of Pascal VOC .xml files, laid out as the image folder: ImageNet's boxes.
        uids: list of the records that are imported by their uid, as DataComp's: .npy (pairs of 64-bit numbers), Parquet
            or CSV with a column uid, or a text with a uid a line; all others are left aside.
        captions: records without a caption are rejected (``required``) or kept (``optional``).
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
    config: str | None = None
    label_from: Literal["auto", "folder", "none"] = "auto"
    class_names: str | Path | None = None
    text: Literal["lines", "whole"] = "lines"
    crowds: Literal["keep", "drop"] = "keep"
    caption_template: str | None = None
    annotations: str | Path | None = None
    uids: str | Path | None = None
    captions: Literal["required", "optional"] = "required"

    @property
    def captions_required(self) -> bool:  # noqa: D102 (its name says it)
        return self.captions == "required"

    def with_uid(self) -> Self:
        """These, with a name for the uids where some of them are chosen."""
        if self.uids is None or self.fields.uid is not None:
            return self
        return dataclasses.replace(self, fields=dataclasses.replace(self.fields, uid="uid"))

    def check(self) -> None:
        """Passes where every choice is one of those that there are.

        Raises:
            InputError: it is not.
        """
        for field in dataclasses.fields(self):
            kinds = [kind for kind in (field.type, *get_args(field.type)) if get_origin(kind) is Literal]
            choices = [choice for kind in kinds for choice in get_args(kind)]
            value = getattr(self, field.name)
            if choices and value not in (field.default, *choices):
                words = " or ".join(f"'{choice}'" for choice in choices)
                raise InputError(f"{_flag(field.name)} takes {words}; got '{value}'")

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
    "config": ("hf", "hf-disk"),
    "label_from": ("folder",),
    "text": ("folder", "webdataset"),
    "crowds": ("coco",),
    "caption_template": ("folder",),
    "annotations": ("folder",),
    "uids": (*_TABLES, "webdataset", "folder"),
}


def _flag(name: str) -> str:
    return "--split" if name == "splits" else f"--{name.replace('_', '-')}"
