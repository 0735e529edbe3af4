"""Tables and notes of data sets as Hugging Face's libraries write them."""

import json

import pyarrow as pa
from import_sources import image_cells, write_rows

__all__ = ["N", "card", "parquet", "rows"]

N = 5


def rows(numbers, **columns):
    """A table as the library writes it: images as structs, features in the schema's metadata."""
    kept = {"image": image_cells(numbers, named=False), "text": [f"a picture {n}" for n in numbers], **columns}
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    note = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return pa.table(kept).replace_schema_metadata(note)


def parquet(numbers, folder, **columns):
    return write_rows(folder / "made.parquet", rows(numbers, **columns)).read_bytes()


def card(**content):
    """A README whose beginning is YAML, of which JSON is a part."""
    return f"---\n{json.dumps(content)}\n---\n# A data set\n"
