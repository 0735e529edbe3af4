"""Runs the kernel of GPU searches in triton's interpreter, which has to be asked for before triton is imported."""

import os
import sys

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch
from neighbor_cases import assert_exact, vectors

from memometer.neighbors import survivors
from memometer.neighbors.fused import FusedProducts
from memometer.neighbors.plan import Plan

CPU = torch.device("cpu")


def check(queries, bank, k, metric, *, room=64, tile_rows=300, block_rows=140):
    products = FusedProducts(CPU, room=room)
    how = Plan(tile_rows, block_rows, 1000, 1, products)  # the interpreter takes one thread at a time
    assert_exact(queries, bank, k, how, metric=metric)
    assert products.room >= room


def count_by_hand(n, m, dim, room):
    """The kernel alone: which pairs survive, their scores, and counts that tell of those without room."""
    rng = np.random.default_rng(n)
    queries, bank = (
        torch.from_numpy(rng.standard_normal((rows, dim)).astype(np.float32)).bfloat16() for rows in (n, m)
    )
    factors, norms, last_rows, last_columns = (torch.from_numpy(rng.random(rows, np.float32)) for rows in (n, m, n, m))
    floors = torch.from_numpy(rng.standard_normal(n).astype(np.float32)) * dim**0.5
    floors[0], floors[-1] = float("inf"), -float("inf")
    counts = torch.zeros(n, dtype=torch.int32)
    columns, scores = torch.full((n, room), -1, dtype=torch.int32), torch.zeros(n, room)
    survivors.survivors(
        queries=queries,
        bank=bank,
        factors=factors,
        norms=norms,
        floors=floors,
        last_rows=last_rows,
        last_columns=last_columns,
        counts=counts,
        columns=columns,
        scores=scores,
    )
    wanted = queries.double() @ bank.double().T + torch.outer(last_rows, last_columns)
    reach = wanted + torch.outer(factors, norms)
    for row in range(n):
        kept = min(int(counts[row]), room)
        found = columns[row, :kept].long()
        assert len(set(found.tolist())) == kept
        assert (columns[row, kept:] == -1).all()
        assert torch.allclose(scores[row, :kept].double(), wanted[row, found], atol=1e-4)
        assert (reach[row, found] >= floors[row] - 1e-4).all()
        clear = int((reach[row] >= floors[row] + 1e-4).sum()), int((reach[row] >= floors[row] - 1e-4).sum())
        assert clear[0] <= int(counts[row]) <= clear[1]
        assert row or not kept
    assert counts[-1] == m


def main():
    for shape in ((2, 1, 1, 1), (3, 700, 70, 9), (150, 257, 64, 300), (129, 513, 100, 40)):
        count_by_hand(*shape)
    for metric in ("inner", "l2"):
        for rows, dim, k in ((150, 64, 10), (3, 100, 1), (20, 7, 100)):
            queries, bank = vectors(0, rows, dim), vectors(1, 700, dim)
            bank[100:200] = bank[99]
            for dtype in (np.float32, np.float64):
                check(queries.astype(dtype), 3 * bank.astype(dtype), k, metric, room=64 if rows > 3 else 1)
        cone = 5 * vectors(2, 1, 48)
        check(cone + vectors(3, 9, 48), cone + vectors(4, 600, 48), 12, metric, room=8)
        check(vectors(5, 4, 20), np.repeat(vectors(6, 1, 20), 500, axis=0), 30, metric, room=2)
        sizes = 10.0 ** np.random.default_rng(0).uniform(-30, 30, (400, 1))
        check(vectors(7, 6, 24, dtype=np.float64), sizes * vectors(8, 400, 24, dtype=np.float64), 9, metric)
    sys.stdout.write("all the same\n")


if __name__ == "__main__":
    main()
