"""Columns of lists as compressed rows: the entries of list i are ``indptr[i]`` to ``indptr[i + 1]`` of all entries."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["lengths", "pointers"]

Integers = npt.NDArray[np.int64]


def lengths(lists: pa.Array | pa.ChunkedArray) -> Integers:
    """(n,) lengths, 0 for a null list."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(), np.int64)


def pointers(sizes: npt.NDArray[np.integer]) -> Integers:
    """(n + 1,) where each of n lists of ``sizes`` begins, and where the last ends."""
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts
