"""Vectors in other shapes and kinds for the search."""

import numpy as np

from memometer.neighbors.products import CpuProducts


class Counted:
    """A bank that remembers which rows were read."""

    def __init__(self, values):
        self.values, self.shape, self.spans = values, values.shape, []

    def __getitem__(self, span):
        self.spans.append((span.start, span.stop))
        return self.values[span]


def changed(values, row, to, dtype=np.float32):
    out = values.astype(dtype)
    out[row] = to
    return out


class Imprecise(CpuProducts):
    """Products with the precision of bfloat16."""

    def update(self, block, tile):
        low = (block.queries.coded.values.bfloat16() @ tile.coded.values.bfloat16().T).float()
        scan = block.scan(tile)
        scan.products(low.numpy(), first=0)
        scan.settle()
