"""Products of bfloat16 on a GPU's tensor cores, searched for candidates by the kernel that computes them."""

import functools
import importlib.util

import numpy as np
import numpy.typing as npt
import torch

from memometer.neighbors import kernels
from memometer.neighbors.blocks import QueryBlock, TileScan
from memometer.neighbors.tiles import Coded, Tile

__all__ = ["FusedProducts", "fused_products_run"]

ROUNDING = 4.0
"""Tensor cores cut sums off instead of rounding them, after they have lined several products up."""
Singles = npt.NDArray[np.float32]
NEWEST_WITHOUT = (7, 5)
"""The last compute capability without tensor cores for bfloat16."""


class FusedProducts:
    """Bfloat16 products with float32 sums; only what survives the floors is written, and comes back.

    A score lies within the residuals of both vectors of their product (``precision``).
    """

    def __init__(self, device: torch.device, *, room: int = 512) -> None:
        """``room``: survivors of a query and a tile that there is room for, to begin with."""
        self.device = device
        self.name = f"bfloat16 on {device.type}"
        self.room = room

    def coded(self, scaled: Singles, last: Singles | None) -> Coded:
        """The vectors rounded to bfloat16 on the device; an extra component is kept apart."""
        given = torch.from_numpy(scaled).to(self.device)
        values = given.bfloat16()
        residuals = (given - values.float()).double().norm(dim=1).cpu().numpy()
        apart = np.zeros(len(scaled), np.float32) if last is None else last
        upper = (residuals * (1 + 2.0**-20) + 2.0**-120).astype(np.float32)  # the last: numbers that are flushed to 0
        return Coded(values, np.ones(len(scaled), np.float32), apart, upper, ROUNDING)

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""
        scan = block.scan(tile)
        k = block.best.rows.shape[1]
        if not np.isfinite(scan.pending.floors).all() and len(tile) >= k:
            self._raise_floors(block, tile, scan, k)
        counts, columns, scores = self._survivors(block, tile, scan)
        widest = int(counts.max())
        # Survivors come in any order, and the scan takes them by column.
        valid = torch.arange(widest, device=self.device) < counts[:, None]
        order = torch.where(valid, columns[:, :widest], len(tile)).argsort(dim=1)
        columns, scores = (each[:, :widest].gather(1, order)[valid] for each in (columns, scores))
        starts = np.concatenate([[0], np.cumsum(counts.cpu().numpy(), dtype=np.int64)])
        scan.candidates(starts, columns.cpu().numpy(), scores.cpu().numpy())
        scan.settle()

    def _raise_floors(self, block: QueryBlock, tile: Tile, scan: TileScan, k: int) -> None:
        """Floors from the first rows of the tile: without any, every row would survive."""
        some = slice(0, max(4 * k, 1024))
        put = self._put
        scores = block.queries.coded.values.float() @ tile.coded.values[some].float().T
        scores = torch.addr(scores, put(scan.scales.last_rows), put(scan.scales.last_columns[some]))
        lower = torch.addr(scores, put(scan.errors.factors), put(scan.errors.norms[some]), alpha=-1)
        seeds = lower.topk(k, sorted=True).values[:, -1]
        kernels.raise_floors(seeds.cpu().numpy(), scan.errors.absolute, scan.pending.floors)

    def _survivors(
        self, block: QueryBlock, tile: Tile, scan: TileScan
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """How many columns survive of each query (q,), which, and their scores: the first of each row of (q, room)."""
        from memometer.neighbors.survivors import survivors  # triton, where it is

        put = self._put
        known = {
            "queries": block.queries.coded.values,
            "bank": tile.coded.values,
            "factors": put(scan.errors.factors),
            "norms": put(scan.errors.norms),
            "floors": put(scan.pending.floors),
            "last_rows": put(scan.scales.last_rows),
            "last_columns": put(scan.scales.last_columns),
        }
        while True:
            shape, room = len(block.queries), min(self.room, len(tile))
            counts = torch.zeros(shape, dtype=torch.int32, device=self.device)
            columns = torch.empty(shape, room, dtype=torch.int32, device=self.device)
            scores = torch.empty(shape, room, dtype=torch.float32, device=self.device)
            survivors(**known, counts=counts, columns=columns, scores=scores)
            widest = int(counts.max())
            if widest <= room:
                return counts, columns, scores
            self.room = 2 * widest  # none is lost: the same floors once more, with room for all

    def _put(self, values: npt.NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


@functools.cache
def fused_products_run(device: torch.device) -> bool:
    """Whether the kernel's compiler is installed, and the device multiplies bfloat16."""
    if importlib.util.find_spec("triton") is None:
        return False
    try:
        return torch.cuda.get_device_capability(device) > NEWEST_WITHOUT and torch.version.hip is None
    except (RuntimeError, AssertionError):  # no such device, which is said elsewhere
        return False
