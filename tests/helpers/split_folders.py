"""Folders of records to be split, and the roles that they got."""

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.data.records import load_records


def table(ids, **columns):
    """Records with ids and some more columns, one of which memometer does not know."""
    n = len(ids)
    types = {"image_hash": pa.string(), "image_phash": pa.uint64(), "group": pa.string(), "role": pa.string()}
    more = {name: pa.array(values, types[name]) for name, values in columns.items()}
    return pa.table({"record_id": ids, "licence": pa.array(range(n), pa.int16()), "captions": [["a dog"]] * n, **more})


def make(folder, ids, *, parts=1, **columns):
    whole = table(ids, **columns)
    folder.mkdir(parents=True, exist_ok=True)
    if parts == 1:
        pq.write_table(whole, folder / "records.parquet")
        return folder
    (folder / "records.parquet").mkdir(exist_ok=True)
    size = -(-len(ids) // parts)
    for part in range(parts):
        pq.write_table(whole.slice(part * size, size), folder / "records.parquet" / f"part-{part}.parquet")
    return folder


def names(n, start=0):
    return [f"r{number}" for number in range(start, start + n)]


def roles_of(folder):
    records = load_records(folder)
    return dict(zip(records.record_ids.to_pylist(), records.column("role").to_pylist(), strict=True))


def grow(folder, ids, *, name="part-9.parquet", **columns):
    """Adds a part, as a further import into a folder of parts would."""
    pq.write_table(table(ids, **columns), folder / "records.parquet" / name)
