"""Columns beyond 2³¹ bytes of text and 2³¹ elements of lists, which one Arrow array of 32-bit offsets cannot hold.

They are made of chunks that share one buffer, so that the table takes a few megabytes; what must be one array takes its
2 GiB for a while.
"""

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memometer.audits.guards import check_disjoint, duplicates_across_roles
from memometer.columns import NARROW, fits_narrow, hash_columns, one_array, take_rows
from memometer.comparison.pairing import _joined
from memometer.data.checking import verify_records
from memometer.data.records import RECORD_SCHEMA, Records, load_records
from memometer.data.splits import split_records
from memometer.embeddings.embed import _key
from memometer.equal_texts import places_among, repeated_texts, text_hashes
from memometer.errors import InputError
from memometer.tables import open_table

pytestmark = pytest.mark.skipif(
    psutil.virtual_memory().total < 12 * 2**30, reason="takes 5 GiB of memory, and this machine has less than 12 in all"
)

N, LENGTH = 200_000, 11_000
CAPTIONS = ["cat " * (LENGTH // 4), "dog " * (LENGTH // 4)]


def records(folder, n=N):
    """Records whose captions hold 2.2 GB; ids and hashes are small."""
    chunk = pa.array([[caption] for caption in CAPTIONS] * 50, pa.list_(pa.string()))
    columns = {
        "record_id": pa.array([f"{row:07d}" for row in range(n)]),
        "captions": pa.chunked_array([chunk] * (n // len(chunk))),
        "image_hash": pa.array([f"{row // 2 * 2 if row < 10 else row:032x}" for row in range(n)]),
        "image_phash": pa.array(np.random.default_rng(0).integers(0, 2**64, n, np.uint64)),
        "role": pa.array(np.array(["a", "b"])[np.arange(n) % 2]),
    }
    every = [columns.get(field.name, pa.nulls(n, field.type)) for field in RECORD_SCHEMA]
    return Records(table=pa.table(every, schema=RECORD_SCHEMA), folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """On disk in one row group, as other tools write it."""
    path = tmp_path_factory.mktemp("large")
    table = records(path).table
    pq.write_table(table, path / "records.parquet", compression="zstd", row_group_size=N)
    return path


def test_records_are_loaded_hashed_and_taken(folder):
    made, loaded = records(folder), load_records(folder)
    assert not fits_narrow(loaded.table["captions"])
    assert len(loaded) == N
    assert loaded.table.schema == RECORD_SCHEMA
    key = _key("model", loaded, RECORD_SCHEMA.names[1:], "what")
    assert key == _key("model", made, RECORD_SCHEMA.names[1:], "what")
    assert loaded.have_caption(1).all()
    turned = loaded.take([N - 1, 0, 1])
    assert turned.table["captions"].to_pylist() == [[CAPTIONS[1]], [CAPTIONS[0]], [CAPTIONS[1]]]
    assert turned.table.schema == RECORD_SCHEMA
    first = loaded.where(np.arange(N) < 12)
    with pytest.raises(InputError, match="12 records, e.g. '0000000'"):  # noqa: RUF043
        check_disjoint({"target": first, "public": loaded})
    other = made.where(np.arange(N) % 2 == 1)
    found = duplicates_across_roles({"target": first.with_role("a"), "public": other})
    assert sorted(found["pairs"]) == [[f"{row:07d}", f"{row + 1:07d}"] for row in range(0, 10, 2)]


def test_a_column_is_one_array_of_wide_offsets(folder):
    captions = records(folder).column("captions")
    assert captions.type == pa.large_list(pa.large_string())
    assert captions.slice(N - 3).to_pylist() == [[CAPTIONS[1]], [CAPTIONS[0]], [CAPTIONS[1]]]


def test_records_in_one_row_group_are_split_and_verified(folder):
    summary = split_records(folder, {"x": 0.01, "y": "rest"}, reassign=True)
    assert summary.n_exact == 5
    assert len(load_records(folder, role="x")) == summary.counts["x"]
    with open_table(folder / "records.parquet") as file:
        assert file.num_row_groups == 1
    assert not verify_records(folder).files["records.parquet"].startswith("damaged")


# ── ids of their own that fill 2.2 GB: windows on one text, each a little further on ──

PER_CHUNK, CHUNKS, ID = 22, 1_000, 100_000
"""Their number, and the bytes of each."""


def long_ids():
    letters = np.random.default_rng(0).integers(97, 123, PER_CHUNK * ID + CHUNKS, np.uint8)
    offsets = pa.py_buffer((np.arange(PER_CHUNK + 1) * ID).astype(np.int32))
    windows = (pa.py_buffer(letters[start:]) for start in range(CHUNKS))
    return pa.chunked_array(
        [pa.StringArray.from_buffers(PER_CHUNK, offsets, window) for window in windows], pa.string()
    )


def test_ids_are_compared_joined_and_found():
    ids = long_ids()
    n = len(ids)
    assert sum(chunk.buffers()[1].size for chunk in ids.chunks) < 1e6
    whole = one_array(ids)
    assert whole.type == pa.large_string()
    hashes = text_hashes(ids)
    assert len(np.unique(hashes)) == n
    assert repeated_texts(whole, hashes) == []
    asked = whole.slice(5, 3)
    assert places_among(asked, whole).tolist() == [5, 6, 7]
    paired = _joined(pa.table({"record_id": ids}), pa.table({"record_id": asked}))
    assert sorted(paired.baseline["record_id"].to_pylist()) == sorted(asked.to_pylist())


def test_ids_are_hashed_and_turned_around():
    ids = long_ids()
    table = pa.table({"record_id": ids})
    back = take_rows(table, np.arange(len(ids))[::-1])
    assert back.schema == table.schema
    assert back["record_id"][len(ids) - 1].as_py() == ids[0].as_py()
    assert hash_columns(back, ["record_id"]) != hash_columns(table, ["record_id"])


def test_lists_of_more_elements_than_32_bits_count():
    """Of one bit each, so that they take a quarter of a gibibyte."""
    values = pa.array(np.zeros(2**20, bool))
    chunk = pa.ListArray.from_arrays(pa.array([0, 2**20], pa.int32()), values)
    lists = pa.chunked_array([chunk] * (NARROW // 2**20 + 1))
    assert not fits_narrow(lists)
    whole = one_array(lists)
    assert whole.type == pa.large_list(pa.bool_())
    assert len(whole.values) == NARROW + 1
    assert take_rows(pa.table({"a": lists}), [len(lists) - 1, 0]).schema == pa.schema([("a", lists.type)])
