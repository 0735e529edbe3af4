"""Keys by shard: what users of open_clip and img2dataset leave out of a training, by the names in their shards."""

import posixpath
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.errors import InputError
from memometer.exports.export import Asked
from memometer.exports.scored import ranked, records_of
from memometer.files import write_text
from memometer.runs import Run
from memometer.tables import write_table

__all__ = ["export"]

SCHEMA = pa.schema(
    [
        ("shard", pa.string()),
        ("key", pa.string()),
        ("record_id", pa.string()),
        ("score", pa.float64()),
        ("rank", pa.int64()),
    ]
)


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """``keys.parquet``, one row per record, best first, and for each shard ``SHARD.txt`` with a key in each line.

    A shard is the tar or Parquet file of a record's image, or the folder of a plain file. The key of a record is its id
    without what stands for the shard before it, as WebDataset's ``__key__`` and img2dataset's ``key``.
    """
    chosen, records = ranked(run, asked), records_of(run, asked)
    places = pc.index_in(chosen["record_id"], value_set=records.record_ids).combine_chunks()
    paths = records.table["image_path"].take(places).to_pylist()
    offsets = records.table["image_offset"].take(places).to_pylist()
    rows = []
    for entry, path, offset in zip(chosen.to_pylist(), paths, offsets, strict=True):
        if path is None:
            raise InputError(f"record '{entry['record_id']}' has no image, so it stands in no shard")
        within = path if offset is not None or path.endswith(".parquet") else posixpath.dirname(path)
        rows.append({"shard": within, "key": _key(entry["record_id"], within), **entry})
    written = asked.out / "keys.parquet"
    write_table(written, pa.Table.from_pylist(rows, schema=SCHEMA))
    by_shard = defaultdict(list)
    for row in rows:
        by_shard[row["shard"]].append(row["key"])
    files = [written]
    for name, shard in zip(_names(list(by_shard)), by_shard, strict=True):
        files.append(asked.out / f"{name}.txt")
        write_text(files[-1], "".join(f"{key}\n" for key in sorted(by_shard[shard])))
    return files


def _key(record_id: str, shard: str) -> str:
    """The id without the shard before it, which import adds where two shards have one key."""
    stem = shard.removesuffix(".tar").removesuffix(".parquet")
    for prefix in (stem, posixpath.basename(stem)):
        if prefix and record_id.startswith(f"{prefix}/"):
            return record_id.removeprefix(f"{prefix}/")
    return record_id


def _names(shards: list[str]) -> list[str]:
    """A name of a file for each shard: its own, with its folders where two have one."""
    own = [posixpath.basename(shard).rsplit(".", 1)[0] or "folder" for shard in shards]
    if len(set(own)) == len(own):
        return own
    return [shard.strip("./").replace("/", "-").rsplit(".", 1)[0] or "folder" for shard in shards]
