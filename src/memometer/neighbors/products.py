"""How vectors are multiplied and searched for candidates: on the CPU in float32 or as whole numbers, or on a device.

All hand their candidates to the same compiled code, which computes similarities on the CPU; so the answer does not
depend on which of them ran.
"""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from memometer.neighbors import kernels
from memometer.neighbors.blocks import QueryBlock
from memometer.neighbors.coding import quantise
from memometer.neighbors.tiles import Coded, Tile

__all__ = ["CpuProducts", "DeviceProducts", "Int8Products", "Products", "fastest_products"]

ROWS = 512
"""Of the matrices that are timed."""
PAYS = 0.7
"""Whole numbers are taken where they need at most this part of the time of float32: vectors have to be coded first."""
MAX_INT8_DIM = 1 << 16
"""So that sums of products of two whole numbers up to 127 stay within 32 bits."""

Singles = npt.NDArray[np.float32]


class Products(Protocol):
    """Takes the rows of a tile into the best of a block.

    Attributes:
        name: of the numbers that are multiplied.
        device: where.
    """

    name: str
    device: torch.device

    def coded(self, scaled: Singles, last: Singles | None) -> Coded:
        """Vectors ready to be multiplied, as `Coder` says."""

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""


class CpuProducts:
    """Float32 products of a few thousand rows at a time, which stay in the core's cache until they are scanned."""

    name = "float32"
    device = torch.device("cpu")
    product: Callable[..., torch.Tensor] = staticmethod(torch.mm)
    result = torch.float32

    def __init__(self, *, columns: int = 2048) -> None:
        self.columns = columns
        self._scratch = threading.local()

    def coded(self, scaled: Singles, last: Singles | None) -> Coded:
        """The vectors themselves, with their extra component."""
        return _as_they_are(scaled, last, device=self.device)

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""
        scan = block.scan(tile)
        for first in range(0, len(tile), self.columns):
            rows = tile.coded.values[first : first + self.columns]
            products = self._products(len(block.queries), len(rows))
            self.product(block.queries.coded.values, rows.T, out=products)
            scan.products(products.numpy(), first=first)
        scan.settle()

    def _products(self, height: int, width: int) -> torch.Tensor:
        """Memory for products that this thread uses again and again."""
        held: torch.Tensor | None = getattr(self._scratch, "products", None)
        if held is None or held.numel() < height * width:
            held = self._scratch.products = torch.empty(height * max(width, self.columns), dtype=self.result)
        return held[: height * width].view(height, width)


class Int8Products(CpuProducts):
    """Exact products of whole numbers that stand for the vectors, for processors that multiply these faster.

    A score lies within the residuals of both vectors of their product (``precision``), so more rows are candidates.
    """

    name = "int8"
    product: Callable[..., torch.Tensor] = staticmethod(torch._int_mm)  # noqa: SLF001 (the one product of whole numbers that torch has)
    result = torch.int32

    def coded(self, scaled: Singles, last: Singles | None) -> Coded:
        """The vectors as whole numbers of -127 to 127 times a scale of each; an extra component is kept apart."""
        codes = np.empty(scaled.shape, np.int8)
        scales, residuals = np.empty((2, len(scaled)), np.float32)
        quantise(np.ascontiguousarray(scaled), codes, scales, residuals)
        apart = np.zeros(len(scaled), np.float32) if last is None else last
        return Coded(torch.from_numpy(codes), scales, apart, residuals)


class DeviceProducts:
    """Float32 products and candidates on one torch device; only the candidates come back."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.name = f"float32 on {device.type}"

    def coded(self, scaled: Singles, last: Singles | None) -> Coded:
        """The vectors themselves on the device, with their extra component."""
        return _as_they_are(scaled, last, device=self.device)

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""
        # Copies come first: they give this thread its CUDA context; cuBLAS warns where it must do so itself.
        scan = block.scan(tile)
        floors = scan.pending.floors
        factors = torch.from_numpy(block.factors).to(self.device)
        norms = torch.from_numpy(scan.errors.norms).to(self.device)
        scores = block.queries.coded.values @ tile.coded.values.T
        reach = torch.addr(scores, factors, norms)
        inside = reach >= torch.from_numpy(floors).to(self.device)[:, None]
        k = block.best.rows.shape[1]
        if int(inside.sum()) > k * len(floors) and len(tile) >= k:
            seeds = torch.addr(scores, factors, norms, alpha=-1).topk(k, sorted=True).values[:, -1]
            kernels.raise_floors(seeds.cpu().numpy(), scan.errors.absolute, floors)
            inside = reach >= torch.from_numpy(floors).to(self.device)[:, None]
        which, columns = inside.nonzero(as_tuple=True)
        counts = np.bincount(which.cpu().numpy(), minlength=len(floors))
        starts = np.concatenate([[0], np.cumsum(counts)])
        scan.candidates(starts, columns.cpu().numpy(), scores[which, columns].cpu().numpy())
        scan.settle()


def _as_they_are(scaled: Singles, last: Singles | None, *, device: torch.device) -> Coded:
    values = scaled if last is None else np.concatenate([scaled, last[:, None]], axis=1)
    ones, zeros = np.ones(len(scaled), np.float32), np.zeros(len(scaled), np.float32)
    return Coded(torch.from_numpy(values).to(device), ones, zeros, zeros)


@functools.cache
def fastest_products(dim: int) -> CpuProducts:
    """The products that one thread of this processor computes in the least time, found out by a short timing."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as alone:
        before = torch.get_num_threads()
        try:
            return Int8Products() if dim <= MAX_INT8_DIM and alone.submit(_int8_pays, dim).result() else CpuProducts()
        finally:
            torch.set_num_threads(before)


def _int8_pays(dim: int) -> bool:
    """Whether products of whole numbers are exact here, and clearly faster than those of float32."""
    codes = torch.full((ROWS, dim), 127, dtype=torch.int8)
    codes[1::2, ::2] = -127
    floats = codes.float()
    try:
        exact = Int8Products.product(codes, codes.T)
    except RuntimeError:  # a torch, or a processor, without them
        return False
    if not torch.equal(exact.double(), codes.double() @ codes.T.double()):  # sums of pairs cut off at 16 bits
        return False
    runs: dict[str, Callable[[], object]] = {
        "int8": lambda: Int8Products.product(codes, codes.T),
        "float32": lambda: torch.mm(floats, floats.T),
    }
    best = dict.fromkeys(runs, np.inf)
    for _ in range(5):
        for name, run in runs.items():
            started = time.thread_time()
            run()
            best[name] = min(best[name], time.thread_time() - started)
    return best["int8"] < PAYS * best["float32"]
