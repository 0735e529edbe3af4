"""Vectors read a tile at a time, checked, and made ready for float32 products."""

import dataclasses
import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from memometer.errors import InputError, VectorError
from memometer.neighbors import kernels
from memometer.neighbors.metrics import INNER, Metric, Side
from memometer.neighbors.precision import MAX_DIM

__all__ = ["Coded", "Tile", "VectorSource", "check_norms", "norm_of_first", "read_rows", "read_tile", "shape_of"]

SMALLEST_NORM = 1e-100  # between it and the metric's largest no product or square over- or underflows in float64


class VectorSource(Protocol):
    """An array of vectors in memory or on disk: NumPy array, memory map, torch tensor, ``Embeddings``."""

    @property
    def shape(self) -> Any:
        """(n, d)."""

    def __getitem__(self, span: slice, /) -> Any:
        """(m, d) floats of the rows in ``span``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Coded:
    """Vectors as they are multiplied: vector i is about values[i] * scales[i], followed by last[i].

    Attributes:
        values: (m, d), or (m, d + 1) with the last component in it: float32, or whole numbers as int8, on the device
            that multiplies them.
        scales: (m,) float32.
        last: (m,) float32, a last component that is multiplied apart; 0 where there is none.
        residuals: (m,) float32, at most how far vectors and values * scales lie apart.
        rounding: how many times the error of float32 products theirs is at most.
    """

    values: torch.Tensor
    scales: npt.NDArray[np.float32]
    last: npt.NDArray[np.float32]
    residuals: npt.NDArray[np.float32]
    rounding: float = 1.0


class Coder(Protocol):
    """Makes vectors ready to be multiplied."""

    def coded(self, scaled: npt.NDArray[np.float32], last: npt.NDArray[np.float32] | None) -> Coded:
        """(m, d) scaled vectors, and their extra component (m,) where they have one."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tile:
    """Consecutive vectors of one side of a search.

    Attributes:
        first_row: the row of the first vector in its source.
        exact: (m, d) float32 or float64, the vectors as given.
        lengths: (m,) float64, their norms.
        exponent: the vectors, with their extra component where the metric has one, times 2^-exponent have norms of at
            most 8.
        dim: components of a scaled vector: d, or d + 1.
        coded: those scaled vectors, ready to be multiplied.
        norms: (m,) float32, the norms of the scaled vectors, rounded up.
    """

    first_row: int
    exact: npt.NDArray[np.floating]
    lengths: npt.NDArray[np.float64]
    exponent: int
    dim: int
    coded: Coded
    norms: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.exact)


def shape_of(source: VectorSource, *, side: str) -> tuple[int, int]:
    """(n, d) of a source; ``side`` names it in errors: ``"queries"`` or ``"bank"``.

    Raises:
        InputError: it has no shape, or another number of axes, or far too many components.
    """
    shape = tuple(getattr(source, "shape", ()))
    if len(shape) != 2:
        raise InputError(
            f"{side}: got {type(source).__name__} of shape {shape}; pass an array of vectors, shape (n, d)"
        )
    if not 1 <= shape[1] <= MAX_DIM:
        raise VectorError(f"{side}: vectors of {shape[1]:,} components; pass vectors of 1 to {MAX_DIM:,} components")
    return int(shape[0]), int(shape[1])


def read_tile(source: VectorSource, span: slice, *, dim: int, side: Side, coder: Coder, metric: Metric = INNER) -> Tile:
    """Reads, checks and scales the rows in ``span``.

    Raises:
        InputError: what was read is not an array of floats, or not of the shape that was asked for.
        VectorError: a vector is not finite, or (for inner products) zero, or too long or too short for float64; names
            the side and the row.
    """
    exact = read_rows(source, span, dim=dim, side=side)
    lengths = np.empty(len(exact))
    kernels.row_norms(exact, lengths)
    check_norms(lengths, exact, first_row=span.start, side=side, metric=metric)
    extra = metric.last_component(lengths, side=side)
    norms = lengths if extra is None else np.hypot(lengths, extra)
    largest = float(norms.max())
    exponent = 0 if 1 / 8 <= largest <= 8 else math.frexp(largest)[1]
    last = None if extra is None else np.ldexp(extra, -exponent).astype(np.float32)
    coded = coder.coded(_scaled(exact, exponent), last)
    upper = np.ldexp(norms, -exponent) * (1 + 2.0**-20)
    return Tile(span.start, exact, lengths, exponent, dim + (extra is not None), coded, upper.astype(np.float32))


def norm_of_first(source: VectorSource, *, dim: int, side: Side) -> float:
    """The l2 norm of the first vector of a source; 1 where it has none.

    Raises:
        InputError: what was read is not an array of floats, or not of the shape that was asked for.
    """
    n, _ = shape_of(source, side=side)
    norms = np.ones(1)
    if n:
        kernels.row_norms(read_rows(source, slice(0, 1), dim=dim, side=side), norms)
    return float(norms[0])


def _scaled(exact: npt.NDArray[np.floating], exponent: int) -> npt.NDArray[np.float32]:
    """The vectors times 2^-exponent, as float32."""
    if not exponent:
        return exact.astype(np.float32, copy=False)
    return np.ldexp(exact.astype(np.float64), -exponent).astype(np.float32)


def read_rows(source: VectorSource, span: slice, *, dim: int, side: str) -> npt.NDArray[np.floating]:
    """The rows in ``span`` as C-ordered, writeable float32 or float64 (torch warns of read-only memory)."""
    piece = source[span]
    if isinstance(piece, torch.Tensor):
        piece = piece.detach().cpu()
        piece = (piece.float() if piece.dtype == torch.bfloat16 else piece).numpy()
    array = np.asarray(piece)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(f"{side}: got values of type {array.dtype}; pass float16, float32 or float64")
    if array.shape != (span.stop - span.start, dim):
        raise InputError(
            f"{side}: rows {span.start} to {span.stop} gave an array of shape {array.shape}, "
            f"expected {(span.stop - span.start, dim)}; its shape and its rows must agree"
        )
    return np.require(array, np.float64 if array.dtype.itemsize == 8 else np.float32, ["C", "W"])


def check_norms(
    norms: npt.NDArray[np.float64], vectors: npt.NDArray[np.floating], *, first_row: int, side: str, metric: Metric
) -> None:
    """Refuses vectors (m, d) whose ``norms`` (m,) are not those of vectors that can be compared.

    Raises:
        VectorError: one is not finite, or (for inner products) zero, or too long or too short for float64.
    """
    bad = ~((norms >= SMALLEST_NORM) & (norms <= metric.largest))
    if metric.squared:
        bad &= vectors.any(axis=1)  # a zero vector has no direction, but its distances
    if not bad.any():
        return
    place = int(np.flatnonzero(bad)[0])
    if not np.isfinite(vectors[place]).all():
        kind = "is not finite"
    elif not vectors[place].any():
        kind = "is zero"
    else:
        kind = f"has norm {norms[place]:.3g}, outside {SMALLEST_NORM:g} to {metric.largest:g}"
    raise VectorError(
        f"{side}: the vector in row {first_row + place} {kind}; every vector needs finite values and a direction: "
        "leave such rows out, or embed them again"
    )
