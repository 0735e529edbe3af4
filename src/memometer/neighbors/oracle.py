"""Exact top-k, slow and obvious: it defines what ``search`` must return, byte for byte."""

import numpy as np
import numpy.typing as npt

from memometer.neighbors.metrics import MetricName
from memometer.neighbors.result import Neighbors

__all__ = ["LANES", "distances_oracle", "search_oracle", "similarities_oracle"]

LANES = 64  # partial sums of one inner product; part of the definition of a similarity, so never a matter of tuning


def similarities_oracle(query: npt.NDArray[np.floating], bank: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The similarity of one query (d,) and each row of a bank (m, d): (m,) float64.

    It is the inner product in float64, in one fixed order: component i of both vectors, as float64, is multiplied and
    added to partial sum i mod 64; the 64 partial sums are then folded in halves (0 + 32, 1 + 33, …; 0 + 16, …).
    """
    return _summed(bank.astype(np.float64) * query.astype(np.float64))


def distances_oracle(query: npt.NDArray[np.floating], bank: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The squared l2 distance of one query (d,) and each row of a bank (m, d): (m,) float64.

    It is the sum of the squared differences of components, all in float64, in the order of `similarities_oracle`.
    """
    return _summed((query.astype(np.float64) - bank.astype(np.float64)) ** 2)


def _summed(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(m,) the sum of each row, in the one order."""
    padding = -products.shape[1] % LANES
    products = np.pad(products, ((0, 0), (0, padding))).reshape(len(products), -1, LANES)
    lanes = np.zeros((len(products), LANES))
    for step in range(products.shape[1]):
        lanes += products[:, step]
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes[:, 0]


def search_oracle(
    queries: npt.NDArray[np.floating], bank: npt.NDArray[np.floating], k: int, *, metric: MetricName = "inner"
) -> Neighbors:
    """The k best bank rows of each query, by sorting all of them; checks nothing.

    Args:
        queries: (n, d) floats.
        bank: (m, d) floats, m >= k.
        k: neighbours per query.
        metric: as in ``search``.
    """
    rows = np.empty((len(queries), k), np.int64)
    similarities = np.empty((len(queries), k))
    for index, query in enumerate(queries):
        every = similarities_oracle(query, bank) if metric == "inner" else 0.0 - distances_oracle(query, bank)
        rows[index] = np.lexsort((np.arange(len(bank)), -every))[:k]
        similarities[index] = every[rows[index]]
    return Neighbors(rows, similarities)
