"""How a search is cut to pieces."""

import dataclasses

import torch

from memometer.errors import InputError
from memometer.neighbors.few import AllSimilarities
from memometer.neighbors.fused import FusedProducts, fused_products_run
from memometer.neighbors.products import CpuProducts, DeviceProducts, Products, fastest_products

__all__ = ["Plan", "plan_for"]

FEW_QUERIES = 8
"""So few are compared with every row at once."""
FEW_BYTES = 32 << 20
"""Of the rows that they are compared with at a time, as float32."""
LEAST_QUERIES = 64
"""Fewer queries do not repay that the bank is coded for them."""
LEAST_PRODUCTS = 4_000_000_000
"""Of components: below, a search is shorter than the timing of what is fastest."""
MANY_NEIGHBORS = 32
"""From here on candidates wait for the end of longer tiles, by when fewer of them are left."""
TILE_BYTES = 64 << 20  # of such a tile as float32: 32,768 rows of 512 components
WAITING_PLACES = 1 << 21
"""Queries of a block times k, on a GPU; each takes about a hundred bytes of the host."""
HELD_BYTES = 512 << 20  # of queries as float32: 262,144 queries of 512 components


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a search is cut to pieces; it changes the time, never the answer.

    Attributes:
        tile_rows: bank rows read at once.
        block_rows: queries multiplied at once.
        held_rows: queries in memory at once; for each such lot the bank is read once.
        threads: workers that multiply and scan, each with one thread.
        products: what multiplies them, and where.
    """

    tile_rows: int
    block_rows: int
    held_rows: int
    threads: int
    products: Products


def plan_for(device: str | None, *, n: int, m: int, dim: int, k: int = 10) -> Plan:
    """The plan for n queries, their k neighbours and m bank rows of ``dim`` components on a device.

    None means CUDA where there is one.

    Raises:
        InputError: another kind of device, or one that is not here.
    """
    where = _device(device)
    held_rows = max(1024, HELD_BYTES // (4 * dim))
    if where.type == "cuda":
        threads = min(4, torch.get_num_threads())
        if fused_products_run(where):  # a launch of 1 TFLOP and more; room for candidates on the host bounds the block
            block_rows = max(1024, min(16384, WAITING_PLACES // k))
            return Plan(65536, min(block_rows, max(1, n)), held_rows, threads, FusedProducts(where))
        # Wide tiles suit the device; scores, bounds and masks of four workers take less than 2 GiB of it.
        return Plan(16384, min(1024, max(1, n)), held_rows, threads, DeviceProducts(where))
    # A worker's scores at a time are 512 × 2048 of 4 bytes, 4 MiB, near its core; every worker gets a block.
    threads = torch.get_num_threads()
    if n <= FEW_QUERIES:
        return Plan(max(1, FEW_BYTES // (4 * dim)), FEW_QUERIES, held_rows, threads, AllSimilarities())
    worth_timing = n >= LEAST_QUERIES and n * m * dim >= LEAST_PRODUCTS
    products = fastest_products(dim) if worth_timing else CpuProducts()
    tile_rows = 8192 if k < MANY_NEIGHBORS else min(65536, max(8192, TILE_BYTES // (4 * dim)))
    return Plan(tile_rows, max(1, min(512, -(-n // threads))), held_rows, threads, products)


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        kind = torch.device(name).type
    except RuntimeError:
        kind = "unknown"
    if kind not in {"cpu", "cuda"}:
        raise InputError(f"device is '{name}'; pass 'cpu' or 'cuda'")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is '{name}', but torch finds no CUDA device here; pass 'cpu'")
    return torch.device(name)
