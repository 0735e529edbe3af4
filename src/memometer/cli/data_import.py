"""``memometer data import``: a source → a folder of records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from memometer.data import ImportSummary

__all__ = ["command"]

Objects = Literal["auto", "source", "captions"]
Captions = Literal["required", "optional"]
RowUnit = Literal["caption", "image", "object"]
LabelFrom = Literal["auto", "folder", "none"]
TextUnit = Literal["lines", "whole"]
Crowds = Literal["keep", "drop"]


def command(
    source: Annotated[
        str,
        typer.Argument(help="Tar shards, CSV, TSV, Parquet, COCO (folder or JSON), an image folder; a glob or {0..8}."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the records to.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help="webdataset, csv, tsv, parquet, coco or folder; recognised where not given."),
    ] = None,
    image_column: Annotated[str | None, typer.Option(help="Table column of image paths or bytes.")] = None,
    caption_column: Annotated[
        list[str] | None,
        typer.Option("--caption-column", "--caption-key", help="Column or JSON field of captions; may be repeated."),
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Table column of record ids.")] = None,
    label_column: Annotated[
        str | None,
        typer.Option("--label-column", "--label-key", help="Column or JSON field of the image's class. [usual: label]"),
    ] = None,
    objects_column: Annotated[
        str | None, typer.Option("--objects-column", "--objects-key", help="Column or JSON field of object labels.")
    ] = None,
    objects_separator: Annotated[
        str | None, typer.Option(help="What separates the labels where one text holds several, e.g. ';'.")
    ] = None,
    boxes_column: Annotated[
        str | None,
        typer.Option("--boxes-column", "--boxes-key", help="x, y, width, height in px per object. [usual: boxes]"),
    ] = None,
    scores_column: Annotated[
        str | None, typer.Option("--scores-column", "--scores-key", help="A number per object. [usual: scores]")
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option("--group-column", "--group-key", help="Column or JSON field; its groups always share a role."),
    ] = None,
    role_column: Annotated[
        str | None, typer.Option("--role-column", "--role-key", help="Column or JSON field of a ready-made split.")
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Column separator of delimited text; recognised where not given.")
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Encoding of delimited text, e.g. latin-1. [usual: UTF-8]"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Names of the columns, 'image,caption', of delimited text without a header line.")
    ] = None,
    quoting: Annotated[
        bool | None,
        typer.Option("--quoting/--no-quoting", help='Whether " quotes cells. [default: in CSV, not in TSV]'),
    ] = None,
    one_row_per: Annotated[
        RowUnit | None, typer.Option(help="What a row of a table is; recognised where not given.")
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(help="Folder of the images, where a table or JSON has other paths; may be repeated."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Split of COCO and its kin, e.g. train2017; may be repeated.")
    ] = None,
    label_from: Annotated[
        LabelFrom,
        typer.Option(help="An image's folder is its class: always, never, or (auto) where it can be nothing else."),
    ] = "auto",
    class_names: Annotated[
        Path | None,
        typer.Option(help="Names of numbered classes or synsets: a line each, data.yaml, LOC_synset_mapping.txt."),
    ] = None,
    text: Annotated[
        TextUnit, typer.Option(help="A text beside an image holds a caption a line, or is one caption as a whole.")
    ] = "lines",
    crowds: Annotated[Crowds, typer.Option(help="COCO's crowd regions are objects, or left aside.")] = "keep",
    caption_template: Annotated[
        str | None, typer.Option(help="Caption for image folders without texts, e.g. 'a photo of a {label}'.")
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="Folder of Pascal VOC .xml files, laid out as the image folder: ImageNet's boxes."),
    ] = None,
    captions: Annotated[
        Captions, typer.Option(help="Records without a caption are rejected (required) or kept (optional).")
    ] = "required",
    objects: Annotated[
        Objects,
        typer.Option(
            help="Objects are the source's labels, the nouns of the captions, or (auto) labels if it has any."
        ),
    ] = "auto",
    vocabulary: Annotated[
        Path | None,
        typer.Option(help="Terms and their word forms, to find objects in captions; kept with the records."),
    ] = None,
    max_rejects: Annotated[float, typer.Option(help="Share of rejected records beyond which the import stops.")] = 0.05,
    limit: Annotated[int | None, typer.Option(help="Import the first records only, for a first look.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that decode images; with 0, a library that crashes on an image ends the import without a "
            "word, where a process's end is a sentence that names the place. [default: cores]"
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the records in OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Import image-caption pairs from SOURCE, and say what was found and what was left out.

    Every image is decoded once. What cannot be used goes to OUT/rejects.parquet with its reason. A killed import goes
    on where it was when the same command runs again; a finished one is not done twice.
    """
    from memometer.data import Fields, ReaderOptions, import_records
    from memometer.engines.pool import default_workers

    fields = Fields(
        record_id=id_column,
        image=image_column,
        captions=tuple(caption_column or ()),
        label=label_column,
        objects=objects_column,
        group=group_column,
        role=role_column,
        objects_separator=objects_separator,
        boxes=boxes_column,
        scores=scores_column,
    )
    summary = import_records(
        source,
        out,
        options=ReaderOptions(
            format=format_,
            fields=fields,
            separator=separator,
            encoding=encoding,
            columns=tuple(name.strip() for name in columns.split(",")) if columns else (),
            quoting=quoting,
            one_row_per=one_row_per,
            images=tuple(images or ()),
            label_from=label_from,
            class_names=class_names,
            text=text,
            crowds=crowds,
            splits=tuple(split or ()),
            caption_template=caption_template,
            annotations=annotations,
            captions=captions,
        ),
        objects=objects,
        vocabulary=vocabulary,
        max_rejects=max_rejects,
        limit=limit,
        workers=default_workers() if workers is None else workers,
        overwrite=overwrite,
    )
    _print(summary, as_json=as_json)


def _print(summary: "ImportSummary", *, as_json: bool) -> None:
    import dataclasses
    import json

    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary), ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    console.print(_table(summary))
    console.print(f"records: {summary.folder}/records.parquet", markup=False, soft_wrap=True)
    if summary.n_rejected:
        console.print(f"rejects: {summary.folder}/rejects.parquet", markup=False, soft_wrap=True)
    split = f"memometer data split {summary.folder} --roles a=0.4,b=0.4,public=rest"
    console.print(f"next:    {split}", markup=False, soft_wrap=True)


def _table(summary: "ImportSummary") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    n_records = summary.n_records
    lacking = summary.n_without_captions
    without = f"; {lacking:,} records without any" if lacking else ""
    files = f"{summary.n_files:,} file" + ("s" if summary.n_files != 1 else "")
    rows = [
        ("source", f"{summary.source} ({summary.format}, {files})"),
        ("records", f"{n_records:,}"),
        ("captions", f"{summary.n_captions:,}, {summary.n_captions / n_records:.1f} per record{without}"),
        ("objects", _objects(summary)),
        ("image size", f"{_sides(summary.width)} × {_sides(summary.height)} px"),
        *([("boxes", f"{sum(summary.boxes.values()):,} are not as in the source")] if summary.boxes else []),
        *((f"  {treatment}", f"{count:,}") for treatment, count in summary.boxes.items()),
        *([("one colour", f"{summary.n_constant:,} images")] if summary.n_constant else []),
        ("rejected", f"{summary.n_rejected:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in summary.reasons.items()),
        *([("left aside", f"{sum(summary.left_aside.values()):,}")] if summary.left_aside else []),
        *((f"  {kind}", f"{count:,}") for kind, count in summary.left_aside.items()),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _objects(summary: "ImportSummary") -> str:
    if summary.objects_from is None:
        return "none; --objects captions takes the nouns of the captions"
    origin = "from the captions" if summary.objects_from == "captions" else "from the source's labels"
    per_record = summary.n_objects / summary.n_records
    without = f"; {summary.n_without_objects:,} records without any" if summary.n_without_objects else ""
    return f"{summary.n_objects:,} {origin}, {per_record:.1f} per record{without}"


def _sides(spread: tuple[int, int, int]) -> str:
    smallest, median, largest = spread
    return f"{median:,}" if smallest == largest else f"{median:,} ({smallest:,}–{largest:,})"
