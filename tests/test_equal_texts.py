"""Equal texts against Python's dictionaries, also where unequal texts have one hash."""

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from memometer import equal_texts
from memometer.equal_texts import places_among, repeated_codes, repeated_texts, text_hashes

TEXTS = st.lists(
    st.none() | st.text("ab\x00é", max_size=10) | st.sampled_from(["x" * 127, "x" * 128, "x" * 129]), max_size=12
)


@pytest.fixture(params=["good hashes", "one hash for all", "two hashes"])
def hashes(request, monkeypatch):
    """What the answers are must not depend on how good the hashes are."""
    if request.param != "good hashes":
        n_kinds = 1 if request.param == "one hash for all" else 2

        def poor(texts):
            return np.array([len(text or "") % n_kinds for text in texts.to_pylist()], np.uint64)

        monkeypatch.setattr(equal_texts, "text_hashes", poor)


def chunked(values, cut):
    array = pa.array([*values, "end"], pa.string()).slice(0, len(values))
    return pa.chunked_array([array.slice(0, cut), array.slice(cut)], pa.string())


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(0, 12))
def test_equal_texts_have_equal_hashes_and_others_do_not(values, cut):
    found = text_hashes(chunked(values, cut))
    assert found.dtype == np.uint64
    assert text_hashes(chunked(values, 0).cast(pa.large_string())).tolist() == found.tolist()
    by_text = {}
    for value, number in zip(values, found.tolist(), strict=True):
        assert by_text.setdefault(value or "", number) == number
    assert len(set(by_text.values())) == len(by_text)


def test_hashes_are_spread_evenly():
    found = text_hashes(pa.array([f"{row:09d}" for row in range(100_000)]))
    assert len(np.unique(found)) == len(found)
    for shift in range(0, 64, 8):
        counts = np.bincount((found >> np.uint64(shift)).astype(np.uint8), minlength=256)
        assert abs(counts - len(found) / 256).max() < 6 * np.sqrt(len(found) / 256)


@pytest.mark.usefixtures("hashes")
@pytest.mark.parametrize("seed", range(40))
def test_places_are_those_of_a_dictionary(seed):
    rng = np.random.default_rng(seed)
    bank, asked = (some_texts(rng) for _ in range(2))
    first = {}
    for place, value in enumerate(bank):
        first.setdefault(value, place)
    found = places_among(chunked(asked, len(asked) // 2), chunked(bank, len(bank) // 3))
    assert found.tolist() == [-1 if value is None else first.get(value, -1) for value in asked]


@pytest.mark.usefixtures("hashes")
@pytest.mark.parametrize("seed", range(40))
def test_repeated_texts_are_counted(seed):
    values = some_texts(np.random.default_rng(seed))
    counts = Counter(value for value in values if value is not None)
    rows, codes = repeated_codes(chunked(values, len(values) // 2))
    assert rows.tolist() == [row for row, value in enumerate(values) if counts[value] > 1]
    names = list(dict.fromkeys(values[row] for row in rows))
    assert codes.tolist() == [names.index(values[row]) for row in rows]


@pytest.mark.usefixtures("hashes")
@pytest.mark.parametrize("seed", range(20))
def test_repeated_texts_are_named_as_they_come(seed):
    values = [value for value in some_texts(np.random.default_rng(seed)) if value is not None]
    counts = Counter(values)
    column = chunked(values, len(values) // 2)
    assert (
        repeated_texts(column, equal_texts.text_hashes(column)) == [value for value in counts if counts[value] > 1][:3]
    )


def some_texts(rng):
    """Up to 30 texts of few kinds, with nulls."""
    kinds = np.array([None, "", "a", "b", "aa", "ab", "c" * 200, "d" * 200, *(f"id{row}" for row in range(20))], object)
    return kinds[rng.integers(0, len(kinds), rng.integers(0, 30))].tolist()
