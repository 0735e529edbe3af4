"""Hashes of columns against the values themselves, and rows against Arrow's own taking of them."""

import hashlib
import itertools
import json

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from memometer import columns
from memometer.columns import fits_narrow, hash_columns, one_array, pieces_of, take_rows
from memometer.data.records import RECORD_SCHEMA

TEXTS = st.none() | st.text(max_size=3) | st.sampled_from(["x" * 253, "x" * 254, "x" * 255, "x" * 300])
KINDS = {
    pa.string(): TEXTS,
    pa.int64(): st.none() | st.integers(-2, 2),
    pa.bool_(): st.none() | st.booleans(),
    pa.list_(pa.string()): st.none() | st.lists(TEXTS, max_size=3),
    pa.list_(pa.list_(pa.float32(), 2)): st.none()
    | st.lists(st.none() | st.tuples(*[st.integers(0, 2)] * 2), max_size=2),
}


def chunked(values, kind, cuts):
    edges = [0, *sorted(cut % (len(values) + 1) for cut in cuts), len(values)]
    padded = pa.array([values[0], *values, values[0]] if values else [], kind)
    return pa.chunked_array([padded.slice(1 + a, b - a) for a, b in itertools.pairwise(edges)], kind)


def hashed(column):
    return hash_columns(pa.table({"a": column}), ["a"])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_hash_tells_values_apart_and_nothing_else(data):
    kind = data.draw(st.sampled_from(list(KINDS)))
    one, other = (data.draw(st.lists(KINDS[kind], max_size=6)) for _ in range(2))
    cuts = data.draw(st.lists(st.integers(0, 6), max_size=3))
    column = chunked(one, kind, cuts)
    same = [chunked(one, kind, []), column.cast(columns._wide(kind))]
    if not pa.types.is_nested(kind):
        same.append(column.dictionary_encode())
    assert {hashed(each) for each in same} == {hashed(column)}
    plain = [json.dumps(pa.array(values, kind).to_pylist()) for values in (one, other)]
    assert (plain[0] == plain[1]) == (hashed(column) == hashed(chunked(other, kind, cuts)))


def test_bytes_behind_a_null_are_not_hashed():
    hidden = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x02"), *pa.array(["ab", "c"]).buffers()[1:]])
    assert hidden.to_pylist() == [None, "c"]
    assert hashed(pa.chunked_array([hidden])) == hashed(pa.chunked_array([[None, "c"]]))


def test_names_kinds_and_numbers_of_rows_are_hashed():
    table = pa.table({"a": ["x"], "b": ["x"], "c": pa.array([b"x"]), "none": pa.nulls(1)})
    found = {hash_columns(table, names) for names in (["a"], ["b"], ["c"], ["a", "b"], ["b", "a"], ["none"], [])}
    assert len(found) == 7
    assert hash_columns(table.slice(1), ["none"]) != hash_columns(table, ["none"])


def test_every_column_of_records_can_be_hashed():
    row = {"record_id": "r", "captions": ["c", None], "boxes": [[1, 2, 3, 4]], "scores": [0.5], "image_phash": 2**63}
    table = pa.Table.from_pylist([row, {"record_id": "s"}], schema=RECORD_SCHEMA)
    assert len({hash_columns(table, [name]) for name in RECORD_SCHEMA.names}) == len(RECORD_SCHEMA)


def test_the_hash_is_what_its_docstring_says():
    """Lengths plus one in a byte each, and what is long apart; values as they are."""

    def digest(data):
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    parts = {
        "lengths": digest(b"\x03\x00\xff"),
        "long": digest(np.int64(254).tobytes()),
        "values": digest(b"ab" + b"x" * 254),
    }
    whole = json.dumps([3, ["a", "string", parts]], sort_keys=True)
    assert hashed(pa.chunked_array([["ab", None, "x" * 254]])) == digest(whole.encode())


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXTS, min_size=1, max_size=9), st.lists(st.integers(0, 9), max_size=3), st.data())
def test_rows_are_those_that_arrow_takes(values, cuts, data):
    rows = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=12))
    for kind, held in ((pa.string(), values), (pa.list_(pa.string()), [[value, "y"] for value in values])):
        table = pa.table({"a": chunked(held, kind, cuts)})
        taken = take_rows(table, rows)
        assert taken.schema == table.schema
        assert taken.to_pydict() == table.take(pa.array(rows, pa.int64())).to_pydict()


@pytest.mark.parametrize("rows", [[3], [-1], [0, 3, 1]])
def test_rows_that_are_not_there_are_an_error(rows):
    with pytest.raises(IndexError, match="of a table of 3"):
        take_rows(pa.table({"a": [1, 2, 3]}), rows)


def test_pieces_are_the_column():
    column = pa.chunked_array([["a", "b", "c"], [], ["d"]])
    assert [piece.to_pylist() for piece in pieces_of(column, 2)] == [["a", "b"], ["c"], ["d"]]


def test_what_fits_keeps_its_type():
    column = pa.chunked_array([[["a"]], [["b"]]])
    assert fits_narrow(column)
    assert one_array(column).type == pa.list_(pa.string())
