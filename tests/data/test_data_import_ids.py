"""Ids: records of one name in different places are told apart by the shortest end of their paths that does."""

import numpy as np
import pyarrow as pa
import pytest

from memometer.data.identifying import id_hash, tell_apart


def told(ids, within):
    found = tell_apart(
        np.arange(len(ids)), pa.array(ids), pa.array(within), taken=np.array([id_hash(name) for name in ids], np.uint64)
    )
    names = list(ids)
    for row, name in zip(found.rows, found.ids.to_pylist(), strict=True):
        names[row] = name
    return [None if row in found.repeats else name for row, name in enumerate(names)]


@pytest.mark.parametrize(
    ("ids", "within", "expected"),
    [
        (["1", "1"], ["/d/train", "/d/test"], ["train/1", "test/1"]),
        (["1", "1"], ["/d/train/0000", "/d/test/0000"], ["train/0000/1", "test/0000/1"]),
        (["1", "2"], ["/d/train", "/d/test"], ["1", "2"]),
        (["1", "1"], ["/d/train", "/d/train"], ["1", None]),  # the same place: a repeat
        (["1", "1"], ["", ""], ["1", None]),  # the source's own ids
        (["1", "1", "1"], ["/d/a", "", "/d/b"], ["1", None, None]),
        (["1", "1", "1", "2"], ["/d/a", "/d/a", "/d/b", "/d/a"], ["a/1", None, "b/1", "2"]),
        (["1", "1"], ["/d", "/d/train"], ["d/1", "train/1"]),
        (["1", "1"], ["/x", "/y/x"], ["x/1", "y/x/1"]),  # the end of one path is the other
        (["1", "1", "a/1"], ["/d/a", "/d/b", "/d"], ["d/a/1", "d/b/1", "a/1"]),  # a/1 is taken
    ],
)
def test_as_much_of_the_path_as_tells_records_apart(ids, within, expected):
    assert told(ids, within) == expected


def test_new_ids_are_unique_whatever_the_paths():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(2, 12))
        ids = [f"{rng.integers(3)}" for _ in range(n)]
        within = ["/" + "/".join(rng.choice(["a", "b", "0"], int(rng.integers(1, 4)))) for _ in range(n)]
        found = told(ids, within)
        kept = [name for name in found if name is not None]
        assert len(set(kept)) == len(kept)
        assert len(kept) == len(set(zip(ids, within, strict=True)))
