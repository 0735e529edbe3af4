"""Croissant: the tables of a run with a description that MLCommons' tools read."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer import __version__
from memometer.catalogue import page_of
from memometer.exports.export import Asked
from memometer.files import write_json
from memometer.runs import Run
from memometer.tables import write_table

__all__ = ["export"]

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """``croissant.json`` and the tables that it describes; nested columns and pictures are in the files alone."""
    page = page_of(run.summary.measure)
    written, distribution, record_sets = [], [], []
    for name, table in run.tables.items():
        path = asked.out / f"{name}.parquet"
        if run.folder is not None:
            shutil.copyfile(run.folder / path.name, path)
        else:
            write_table(path, table)
        written.append(path)
        distribution.append(
            {
                "@type": "cr:FileObject",
                "@id": path.name,
                "name": path.name,
                "contentUrl": path.name,
                "encodingFormat": "application/x-parquet",
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        )
        fields = [_field(path.name, name, field) for field in table.schema if _kind(field.type) is not None]
        record_sets.append({"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields})
    key = str(run.manifest.get("key"))
    description = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"memometer-{run.summary.measure}-{key[:8]}",
        "description": f"{page.name}: {page.verdict(run.summary).sentence}",
        "creator": {"@type": "sc:Organization", "name": f"memometer {__version__}"},
        "datePublished": str(run.manifest.get("finished") or run.manifest.get("started") or "")[:10] or None,
        "identifier": key,
        "version": "1.0.0",
        "distribution": distribution,
        "recordSet": record_sets,
    }
    path = asked.out / "croissant.json"
    write_json(path, {name: value for name, value in description.items() if value is not None})
    return [path, *written]


def _field(file: str, table: str, field: pa.Field) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{field.name}",
        "name": field.name,
        "dataType": _kind(field.type),
        "source": {"fileObject": {"@id": file}, "extract": {"column": field.name}},
    }


def _kind(kind: pa.DataType) -> str | None:
    """Croissant's name of a type; None for what is nested, or a picture."""
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    if pa.types.is_floating(kind):
        return "sc:Float"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "sc:Text"
    return None
