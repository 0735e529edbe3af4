"""Retrieval against sorting all similarities, and by hand."""

import numpy as np
import pyarrow as pa
import pytest

from memometer.embeddings import Embeddings
from memometer.utility.retrieval import KS, join_captions, rank_pairs, recalls


def embeddings(vectors, ids, *, rows=None, cut=None):
    """Vectors in memory, in one or two pieces."""
    pieces = (vectors,) if cut is None else (vectors[:cut], vectors[cut:])
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    return Embeddings(pa.array(ids, pa.string()), pieces, starts, rows, vectors.shape[1], "x")


def ranks_by_sorting(images, texts, owners):
    """Best rank of an image's captions, and the rank of each caption's image, by full sorts; 0 beyond ten."""
    units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (images, texts)]
    similarity = units[0] @ units[1].T
    best, own = [], []
    for row in range(len(images)):
        order = np.lexsort((np.arange(len(texts)), -similarity[row]))
        hits = [rank for rank, column in enumerate(order[:10], start=1) if owners[column] == row]
        best.append(min(hits, default=0))
    for column in range(len(texts)):
        order = np.lexsort((np.arange(len(images)), -similarity[:, column]))
        own.append(int(np.flatnonzero(order == owners[column])[0]) + 1)
    return np.array(best), np.where(np.array(own) <= 10, own, 0)


def test_ranks_are_those_of_full_sorts():
    rng = np.random.default_rng(0)
    images = rng.standard_normal((40, 6))
    owners = np.sort(rng.integers(0, 40, 90))  # some images have no caption
    texts = images[owners] + 2 * rng.standard_normal((90, 6))
    found = rank_pairs(embeddings(images, map(str, range(40))), embeddings(texts, ["x"] * 90), owners)
    best, own = ranks_by_sorting(images, texts, owners)
    np.testing.assert_array_equal(found.image_to_text, best)
    np.testing.assert_array_equal(found.text_to_image, own)
    numbers = recalls(found, seed=0, replicates=50)
    having = np.isin(np.arange(40), owners)
    for k in KS:
        image, text = (numbers[way][f"recall@{k}"] for way in ("image_to_text", "text_to_image"))
        assert image["value"] == pytest.approx(((best > 0) & (best <= k))[having].mean())
        assert text["value"] == pytest.approx(((own > 0) & (own <= k)).mean())
        assert (image["n"], text["n"]) == (having.sum(), 90)
        assert image["low"] <= image["value"] <= image["high"]


def test_ties_go_to_the_lower_row():
    images = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    texts = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = rank_pairs(embeddings(images, "abc"), embeddings(texts, "abc"), np.arange(3))
    assert found.image_to_text.tolist() == found.text_to_image.tolist() == [1, 2, 1]


def test_a_gallery_smaller_than_k_has_no_number():
    found = rank_pairs(
        embeddings(np.eye(3), "abc"), embeddings(np.eye(3)[[0, 0, 1, 1, 2, 2]], "aabbcc"), np.repeat(range(3), 2)
    )
    numbers = recalls(found, seed=0, replicates=10)
    assert numbers["text_to_image"]["recall@1"]["value"] == 1.0
    assert numbers["text_to_image"]["recall@5"]["value"] is None
    assert "3 images, fewer than k = 5" in numbers["text_to_image"]["recall@5"]["reason"]
    assert numbers["image_to_text"]["recall@5"]["value"] == 1.0
    assert "6 captions, fewer than k = 10" in numbers["image_to_text"]["recall@10"]["reason"]


def test_captions_are_joined_by_image_then_number_whatever_their_pieces():
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
    parts = [
        embeddings(first, ["d", "a", "x", "b", "c"], cut=2),  # x has no image
        embeddings(second, ["c", "a"], rows=np.array([2, 0])),
    ]
    joined, owners = join_captions(parts, embeddings(np.eye(4), ["a", "b", "c", "d"]))
    assert owners.tolist() == [0, 0, 1, 2, 2, 3]
    np.testing.assert_array_equal(
        joined.raw(slice(None)), [first[1], second[0], first[3], first[4], second[2], first[0]]
    )
    assert joined.record_ids.to_pylist() == ["a", "a", "b", "c", "c", "d"]
