"""Where the float32 products are computed and searched for candidates: on the CPU, or by torch on a device.

Both hand their candidates to the same compiled code, which computes similarities on the CPU; so the answer does not
depend on which of them ran.
"""

import threading
from typing import Protocol

import numpy as np
import torch

from memometer.neighbors import kernels
from memometer.neighbors.blocks import QueryBlock
from memometer.neighbors.tiles import Tile

__all__ = ["CpuProducts", "DeviceProducts", "Products"]


class Products(Protocol):
    """Takes the rows of a tile into the heaps of a block."""

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""


class CpuProducts:
    """Products of a few thousand rows at a time, whose scores stay in the core's cache until they are scanned."""

    def __init__(self, *, columns: int = 2048) -> None:
        self.columns = columns
        self._scratch = threading.local()

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""
        for first in range(0, len(tile), self.columns):
            rows = tile.scaled[first : first + self.columns]
            scores = self._scores(len(block.queries), len(rows))
            torch.mm(block.queries.scaled, rows.T, out=scores)
            block.scan(scores.numpy(), tile, first=first)

    def _scores(self, height: int, width: int) -> torch.Tensor:
        """Memory for scores that this thread uses again and again."""
        held: torch.Tensor | None = getattr(self._scratch, "scores", None)
        if held is None or held.numel() < height * width:
            held = self._scratch.scores = torch.empty(height * max(width, self.columns))
        return held[: height * width].view(height, width)


class DeviceProducts:
    """Products and candidates on one torch device; only the candidates come back."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def update(self, block: QueryBlock, tile: Tile) -> None:
        """Offers every row of the tile that may be among a query's k best."""
        # Copies come first: they give this thread its CUDA context; cuBLAS warns where it must do so itself.
        factors = torch.from_numpy(block.factors).to(self.device)
        norms = torch.from_numpy(tile.norms).to(self.device)
        scores = block.queries.scaled @ tile.scaled.T
        floors = block.floors(tile)
        reach = torch.addr(scores, factors, norms)
        inside = reach >= torch.from_numpy(floors).to(self.device)[:, None]
        k = block.heaps.rows.shape[1]
        if int(inside.sum()) > k * len(floors) and len(tile) >= k:
            seeds = torch.addr(scores, factors, norms, alpha=-1).topk(k, sorted=True).values[:, -1]
            kernels.raise_floors(seeds.cpu().numpy(), block.absolute(tile), floors)
            inside = reach >= torch.from_numpy(floors).to(self.device)[:, None]
        which, columns = inside.nonzero(as_tuple=True)
        counts = np.bincount(which.cpu().numpy(), minlength=len(floors))
        starts = np.concatenate([[0], np.cumsum(counts)])
        block.offer(starts, columns.cpu().numpy(), scores[which, columns].cpu().numpy(), tile)
