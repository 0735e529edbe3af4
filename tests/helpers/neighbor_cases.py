"""Problems for the search, and plans that make it take every path."""

import numpy as np
import torch
from hypothesis import strategies as st

from memometer.neighbors import Neighbors, search_oracle
from memometer.neighbors.few import AllSimilarities
from memometer.neighbors.plan import Plan
from memometer.neighbors.products import CpuProducts, DeviceProducts, Int8Products
from memometer.neighbors.search import search_by

CPU = torch.device("cpu")


KINDS = {
    "float32": lambda columns: CpuProducts(columns=columns),
    "int8": lambda columns: Int8Products(columns=columns),
    "device": lambda _: DeviceProducts(CPU),
    "few": lambda _: AllSimilarities(),
}


def plan(*, tile_rows=7, block_rows=3, held_rows=1000, threads=2, columns=5, kind="float32"):
    return Plan(tile_rows, block_rows, held_rows, threads, KINDS[kind](columns))


def assert_same(found: Neighbors, expected: Neighbors) -> None:
    np.testing.assert_array_equal(found.rows, expected.rows)
    assert found.similarities.tobytes() == expected.similarities.tobytes()
    assert (found.rows.dtype, found.similarities.dtype) == (np.int64, np.float64)


def vectors(seed: int, *shape: int, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_exact(queries, bank, k, how=None, *, metric="inner"):
    """The search gives the bytes of its oracle; what it found."""
    how = how or plan(tile_rows=max(1, len(bank) // 3), block_rows=4, columns=100)
    found = search_by(how, queries, bank, k, metric=metric)
    assert_same(found, search_oracle(queries, bank, k, metric=metric))
    return found


plans = st.builds(
    plan,
    tile_rows=st.integers(1, 50),
    block_rows=st.integers(1, 9),
    held_rows=st.integers(1, 9),
    threads=st.integers(1, 3),
    columns=st.integers(1, 50),
    kind=st.sampled_from(list(KINDS)),
)


@st.composite
def problems(draw, component):
    """Queries, bank and k; zero vectors get a first component."""
    n, m, dim = draw(st.integers(1, 6)), draw(st.integers(1, 40)), draw(st.integers(1, 9))
    sides = []
    for rows in (n, m):
        values = draw(st.lists(component, min_size=rows * dim, max_size=rows * dim))
        side = np.array(values, np.float64).reshape(rows, dim)
        side[~side.any(axis=1), 0] = 1.0
        sides.append(side)
    return sides[0], sides[1], draw(st.integers(1, m))


single = st.builds(
    lambda x, e: np.float64(np.float32(np.ldexp(x, e))), st.floats(-1, 1, width=32), st.integers(-148, 127)
)
