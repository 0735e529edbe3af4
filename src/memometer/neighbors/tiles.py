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

__all__ = ["Tile", "VectorSource", "norm_of_first", "read_tile", "shape_of"]

SMALLEST_NORM = 1e-100  # between it and the metric's largest no product or square over- or underflows in float64


class VectorSource(Protocol):
    """An array of vectors in memory or on disk: NumPy array, memory map, torch tensor, ``Embeddings``."""

    @property
    def shape(self) -> Any:
        """(n, d)."""

    def __getitem__(self, span: slice, /) -> Any:
        """(m, d) floats of the rows in ``span``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tile:
    """Consecutive vectors of one side of a search.

    Attributes:
        first_row: the row of the first vector in its source.
        exact: (m, d) float32 or float64, the vectors as given.
        lengths: (m,) float64, their norms.
        exponent: the vectors, with their extra component where the metric has one, times 2^-exponent have norms of at
            most 8.
        scaled: (m, d) or (m, d + 1) float32, those scaled vectors, on the device that multiplies them.
        norms: (m,) float32, the norms of the scaled vectors, rounded up.
    """

    first_row: int
    exact: npt.NDArray[np.floating]
    lengths: npt.NDArray[np.float64]
    exponent: int
    scaled: torch.Tensor
    norms: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.exact)

    @property
    def dim(self) -> int:
        """Components of a vector that is multiplied."""
        return int(self.scaled.shape[1])


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


def read_tile(
    source: VectorSource, span: slice, *, dim: int, side: Side, device: torch.device, metric: Metric = INNER
) -> Tile:
    """Reads, checks and scales the rows in ``span``.

    Raises:
        InputError: what was read is not an array of floats, or not of the shape that was asked for.
        VectorError: a vector is not finite, or (for inner products) zero, or too long or too short for float64; names
            the side and the row.
    """
    exact = _read(source, span, dim=dim, side=side)
    lengths = np.empty(len(exact))
    kernels.row_norms(exact, lengths)
    _check_norms(lengths, exact, first_row=span.start, side=side, metric=metric)
    extra = metric.last_component(lengths, side=side)
    norms = lengths if extra is None else np.hypot(lengths, extra)
    largest = float(norms.max())
    exponent = 0 if 1 / 8 <= largest <= 8 else math.frexp(largest)[1]
    scaled = _scaled(exact, extra, exponent)
    upper = np.ldexp(norms, -exponent) * (1 + 2.0**-20)
    return Tile(span.start, exact, lengths, exponent, torch.from_numpy(scaled).to(device), upper.astype(np.float32))


def norm_of_first(source: VectorSource, *, dim: int, side: Side) -> float:
    """The l2 norm of the first vector of a source; 1 where it has none.

    Raises:
        InputError: what was read is not an array of floats, or not of the shape that was asked for.
    """
    n, _ = shape_of(source, side=side)
    norms = np.ones(1)
    if n:
        kernels.row_norms(_read(source, slice(0, 1), dim=dim, side=side), norms)
    return float(norms[0])


def _scaled(
    exact: npt.NDArray[np.floating], extra: npt.NDArray[np.float64] | None, exponent: int
) -> npt.NDArray[np.float32]:
    """The vectors and their extra component times 2^-exponent, as float32."""
    if extra is None and not exponent:
        return exact.astype(np.float32, copy=False)
    scaled = np.empty((len(exact), exact.shape[1] + (extra is not None)), np.float32)
    scaled[:, : exact.shape[1]] = np.ldexp(exact.astype(np.float64), -exponent)
    if extra is not None:
        scaled[:, -1] = np.ldexp(extra, -exponent)
    return scaled


def _read(source: VectorSource, span: slice, *, dim: int, side: str) -> npt.NDArray[np.floating]:
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


def _check_norms(
    norms: npt.NDArray[np.float64], vectors: npt.NDArray[np.floating], *, first_row: int, side: str, metric: Metric
) -> None:
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
