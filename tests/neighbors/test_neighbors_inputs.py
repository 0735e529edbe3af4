"""What a search reads, how often, in how much memory; and what it refuses."""

import itertools
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch
from neighbor_inputs import Counted, Imprecise, changed

from memometer.embeddings.vectors import Embeddings
from memometer.errors import InputError, JobError, VectorError
from memometer.neighbors import search, search_oracle
from memometer.neighbors.plan import Plan, plan_for
from memometer.neighbors.products import CpuProducts
from memometer.neighbors.search import search_by

RNG = np.random.default_rng(0)
QUERIES = RNG.standard_normal((20, 12)).astype(np.float32)
BANK = RNG.standard_normal((300, 12)).astype(np.float32)
EXPECTED = search_oracle(QUERIES, BANK, 5)
L2 = {"metric": "l2"}


def small_plan(**changes):
    options = {"tile_rows": 64, "block_rows": 3, "held_rows": 1000, "threads": 2}
    return Plan(**{**options, **changes}, products=CpuProducts(columns=10))


@pytest.mark.parametrize(
    ("changes", "metric", "blocks", "tiles"),
    [
        ({}, "inner", [0, 3, 6, 9, 12, 15, 18, 20], [0, 64, 128, 192, 256, 300]),
        ({"held_rows": 8, "tile_rows": 300}, "inner", [0, 3, 6, 8, 11, 14, 16, 19, 20], [0, 300] * 3),
        # The first query decides the unit of distances.
        ({"block_rows": 8}, "l2", [0, 1, 0, 8, 16, 20], [0, 64, 128, 192, 256, 300]),
    ],
)
def test_each_query_is_read_once_and_the_bank_once_per_lot(changes, metric, blocks, tiles):
    queries, bank = Counted(QUERIES), Counted(BANK)
    found = search_by(small_plan(**changes), queries, bank, 5, metric=metric)
    np.testing.assert_array_equal(found.rows, search_oracle(QUERIES, BANK, 5, metric=metric).rows)
    for side, bounds in ((queries, blocks), (bank, tiles)):
        assert side.spans == [span for span in itertools.pairwise(bounds) if span[0] < span[1]]


def test_progress_sums_to_the_number_of_queries():
    steps = []
    search_by(small_plan(held_rows=8), QUERIES, BANK, 5, progress=steps.append)
    assert sum(steps) == 20
    assert len(steps) == 3 * 5
    assert min(steps) >= 0


def as_memory_map(values, folder):
    np.save(folder / f"{len(values)}.npy", values)
    return np.load(folder / f"{len(values)}.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "convert",
    [
        lambda x, _: torch.from_numpy(x),
        lambda x, _: torch.from_numpy(x).requires_grad_(),
        as_memory_map,
        lambda x, _: x.astype(">f4"),
        lambda x, _: np.asfortranarray(x),
        lambda x, _: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x, _: x.astype(np.float64),
    ],
)
def test_kinds_of_arrays(convert, tmp_path):
    found = search(convert(QUERIES, tmp_path), convert(BANK, tmp_path), k=5)
    np.testing.assert_array_equal(found.rows, EXPECTED.rows)
    assert found.similarities.tobytes() == EXPECTED.similarities.tobytes()


def test_half_precision_tensors():
    for dtype in (torch.float16, torch.bfloat16):
        queries, bank = torch.from_numpy(QUERIES).to(dtype), torch.from_numpy(BANK).to(dtype)
        expected = search_oracle(queries.float().numpy(), bank.float().numpy(), 5)
        np.testing.assert_array_equal(search(queries, bank, k=5).rows, expected.rows)


def test_embeddings_from_pieces(tmp_path):
    np.save(tmp_path / "0.npy", BANK[:100])
    np.save(tmp_path / "1.npy", BANK[100:])
    bank = Embeddings(
        record_ids=pa.array([f"r{row}" for row in range(300)]),
        pieces=(tmp_path / "0.npy", tmp_path / "1.npy"),
        starts=np.array([0, 100, 300]),
        rows=None,
        dim=12,
        name="bank",
    )
    found = search(QUERIES, bank, k=5)
    expected = search_oracle(QUERIES, bank[0:300], 5)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.similarities, expected.similarities)


@pytest.mark.parametrize(
    ("queries", "bank", "k", "error", "text"),
    [
        (changed(QUERIES, 7, np.nan), BANK, 5, VectorError, "queries: the vector in row 7 is not finite"),
        (QUERIES, changed(BANK, (250, 3), np.inf), 5, VectorError, "bank: the vector in row 250 is not finite"),
        (QUERIES, changed(BANK, 130, 0), 5, VectorError, "bank: the vector in row 130 is zero"),
        (changed(QUERIES, 19, -0.0), BANK, 5, VectorError, "queries: the vector in row 19 is zero"),
        (QUERIES, changed(BANK, 3, 1e160, float), 5, VectorError, "row 3 has norm inf, outside 1e-100 to"),
        (QUERIES, changed(BANK, 3, 1e-120, float), 5, VectorError, "row 3 has norm 3.46e-120, outside 1e-100 to"),
        (QUERIES, BANK[:, :11], 5, VectorError, "queries have 12 components and the bank 11"),
        (QUERIES, BANK[:7], 10, VectorError, r"public set has 7 images, fewer than k = 10; pass --k 7 or more images"),
        (QUERIES, BANK[:0], 1, VectorError, "public set has 0 images"),
        (QUERIES, BANK, 0, InputError, "k is 0; pass a whole number from 1 to 1024"),
        (QUERIES, BANK, 1025, InputError, "k is 1025"),
        (QUERIES, BANK, 2.0, InputError, r"k is 2\.0"),
        (QUERIES, BANK, True, InputError, "k is True"),
        (QUERIES[0], BANK, 5, InputError, r"queries: got ndarray of shape \(12,\); pass an array of vectors"),
        (QUERIES, [[1.0]], 1, InputError, "bank: got list of shape"),
        (np.ones((2, 3), int), np.ones((2, 3)), 1, InputError, "queries: got values of type int64; pass float16"),
        (np.empty((2, 0)), np.empty((3, 0)), 1, VectorError, "vectors of 0 components"),
    ],
)
def test_errors(queries, bank, k, error, text):
    with pytest.raises(error, match=text):
        search(queries, bank, k)


@pytest.mark.parametrize(
    ("queries", "bank", "options", "error", "text"),
    [
        (changed(QUERIES, 0, np.nan), BANK, L2, VectorError, "queries: the vector in row 0 is not finite"),
        (QUERIES, changed(BANK, (250, 3), np.inf), L2, VectorError, "bank: the vector in row 250 is not finite"),
        (
            QUERIES,
            changed(BANK, 3, 1e51, float),
            L2,
            VectorError,
            r"row 3 has norm 3.46e\+51, outside 1e-100 to 1e\+50",
        ),
        (QUERIES, changed(BANK, 3, 1e-170, float), L2, VectorError, "row 3 has norm 0, outside 1e-100"),
        (QUERIES, BANK, {"metric": "cosine"}, InputError, "metric is 'cosine'; pass 'inner' or 'l2'"),
        (QUERIES, BANK, {"device": "mps"}, InputError, "device is 'mps'; pass 'cpu' or 'cuda'"),
        (QUERIES, BANK, {"device": "nonsense"}, InputError, "device is 'nonsense'; pass 'cpu' or 'cuda'"),
    ],
)
def test_errors_of_a_metric_or_a_device(queries, bank, options, error, text):
    with pytest.raises(error, match=text):
        search(queries, bank, 5, **options)


def test_a_source_that_gives_fewer_rows_than_its_shape():
    bank = Counted(BANK[:290])
    bank.shape = (300, 12)
    with pytest.raises(
        InputError, match=r"bank: rows 0 to 300 gave an array of shape \(290, 12\), expected \(300, 12\)"
    ):
        search(QUERIES, bank, 5)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert plan_for(None, n=9, m=9, dim=12).products.device.type == "cpu"
    with pytest.raises(InputError, match="torch finds no CUDA device here"):
        search(QUERIES, BANK, 5, device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert plan_for(None, n=9, m=9, dim=12).products.device.type == "cuda"
    assert plan_for("cuda:1", n=9, m=9, dim=12).products.device == torch.device("cuda:1")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_bytes():
    found = search(QUERIES, BANK, k=5, device="cuda")
    np.testing.assert_array_equal(found.rows, EXPECTED.rows)
    assert found.similarities.tobytes() == EXPECTED.similarities.tobytes()


def test_an_error_while_reading_reaches_the_caller():
    class Broken(Counted):
        def __getitem__(self, span):
            if span.start:
                raise OSError("disk on fire")
            return super().__getitem__(span)

    with pytest.raises(OSError, match="disk on fire"):
        search_by(small_plan(), QUERIES, Broken(BANK), 5)


@pytest.mark.parametrize("metric", ["inner", "l2"])
def test_products_that_are_not_float32_are_noticed(metric):
    plan = Plan(64, 3, 1000, 2, Imprecise())
    with pytest.raises(JobError, match="further from their exact values than float32 arithmetic allows"):
        search_by(plan, QUERIES, BANK, 5, metric=metric)


MEMORY = """
import resource
import numpy as np
from memometer.neighbors import search

class Generated:
    shape = (200_000, 512)
    base = np.random.default_rng(0).standard_normal((8192, 512), dtype=np.float32)
    def __getitem__(self, span):
        return self.base[: span.stop - span.start] + np.float32(span.start * 1e-6)

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
search(Generated.base[:100], Generated.base, k=10)
before = peak()
search(Generated.base[:100], Generated(), k=10)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_bank():
    """200,000 × 512 float32 are 390 MiB; the search may hold a few tiles of 16 MiB."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150
