"""TF-IDF against numbers by hand and a dense oracle."""

import collections
import itertools
import math

import numpy as np
import pytest

from memometer.embeddings import load_encoder
from memometer.encoders import TextEncoder, UnfittedTextEncoder, has_tower, text_tower
from memometer.encoders.tfidf import NOISE, Tfidf
from memometer.errors import InputError

WORDS = ["red", "cat", "dog", "boat", "sky", "tree", "lamp", "sofa", "rose", "drum", "kite", "frog"]


def random_texts(n, *, seed=0, words=WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(n)]


def tfidf_oracle(fitted, texts):
    """(len(texts), terms) unit rows of TF-IDF, term by term in Python."""

    def terms(text):
        words = text.lower().split()
        return collections.Counter([*words, *(" ".join(pair) for pair in itertools.pairwise(words))])

    counted = [terms(text) for text in fitted]
    vocabulary = sorted(set().union(*counted))
    idf = [1 + math.log((1 + len(fitted)) / (1 + sum(term in each for each in counted))) for term in vocabulary]
    rows = []
    for counts in map(terms, texts):
        row = [
            (1 + math.log(counts[term])) * weight if term in counts else 0.0
            for term, weight in zip(vocabulary, idf, strict=True)
        ]
        rows.append(row)
    matrix = np.array(rows)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths == 0, 1, lengths)


def svd_oracle(fitted, texts, dim):
    """The texts in the space of the ``dim`` largest singular values of the fitted ones, by a dense decomposition."""
    _, values, rows = np.linalg.svd(tfidf_oracle(fitted, fitted), full_matrices=False)
    kept = min(dim, int((values > 1e-6 * values[0]).sum()))
    return tfidf_oracle(fitted, texts) @ rows[:kept].T


def test_tfidf_by_hand():
    encoder = Tfidf().fitted_on(["red cat", "Red DOG"])
    # terms: cat, dog, red, red cat, red dog; of two texts one holds each but red, which both hold
    rare = 1 + math.log(3 / 2)
    cat, red, red_cat = (1 + math.log(2)) * rare, 1.0, rare
    expected = np.array([cat, 0, red, red_cat, 0]) / math.sqrt(cat**2 + red**2 + red_cat**2)
    found = encoder.encode_texts(["a red cat, cat!", "green frog", "a I ?", "dog"])
    np.testing.assert_allclose(found, [expected, [0] * 5, [0] * 5, [0, 1, 0, 0, 0]], rtol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("n", [6, 80], ids=["fewer texts than dimensions", "more"])
@pytest.mark.parametrize("dim", [1, 8])
def test_tfidf_equals_a_dense_decomposition(n, dim):
    fitted, texts = random_texts(n), random_texts(40, seed=1)
    encoder = Tfidf(dim=dim).fitted_on(fitted)
    expected, found = svd_oracle(fitted, texts, dim), encoder.encode_texts(texts)
    assert found.shape == expected.shape
    assert found.shape[1] == min(dim, n)
    # each direction may have either sign
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)


def test_repeated_texts_span_no_more_directions_than_there_are():
    distinct = random_texts(3, seed=5)
    fitted = distinct * 40
    encoder = Tfidf(dim=7).fitted_on(fitted)
    texts = random_texts(20, seed=6)
    found, expected = encoder.encode_texts(texts), svd_oracle(fitted, texts, 7)
    assert found.shape[1] == expected.shape[1] == 3
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)


def test_a_term_outside_the_kept_dimensions_gives_zeros_and_not_rounding():
    fitted = ["red cat"] * 30 + ["blue boat"] * 20 + ["zebra stripes"]
    encoder = Tfidf(dim=2).fitted_on(fitted)
    raw = encoder.vectorizer.transform(["zebra"]) @ encoder.directions
    assert 0 < np.abs(raw).max() < NOISE or not raw.any()
    found = encoder.encode_texts(["zebra", "red zebra"])
    assert not found[0].any()
    assert found[1].any()


def test_nothing_but_the_texts_and_the_dimension_counts():
    texts = random_texts(60)
    first, again = Tfidf(dim=8).fitted_on(texts), Tfidf(dim=8).fitted_on(list(reversed(texts)))
    queries = random_texts(30, seed=2)
    assert first.identity == again.identity
    np.testing.assert_array_equal(first.encode_texts(queries), again.encode_texts(queries))
    alone = np.concatenate([first.encode_texts([query]) for query in queries])
    np.testing.assert_array_equal(first.encode_texts(queries), alone)
    others = [Tfidf(dim=9).fitted_on(texts), Tfidf(dim=8).fitted_on(texts[1:]), Tfidf(dim=8).fitted_on([*texts, ""])]
    assert len({first.identity, *(other.identity for other in others)}) == 4


def test_tfidf_is_named_like_a_model_and_must_be_fitted():
    encoder = load_encoder("text:tfidf")
    assert isinstance(encoder, UnfittedTextEncoder)
    assert (encoder.dim, encoder.spec) == (256, "text:tfidf?dim=256")
    assert not has_tower(encoder, "text")
    fitted = load_encoder("text:tfidf?dim=3").fitted_on(random_texts(9))
    assert isinstance(fitted, TextEncoder)
    assert fitted.spec == "text:tfidf?dim=3"
    with pytest.raises(InputError, match=r"text:tfidf\?dim=256 knows no text yet; fit it first: encoder\.fitted_on"):
        text_tower(encoder)


@pytest.mark.parametrize("spec", ["text:tfidf?dim=0", "text:tfidf?dim=x", "text:tfidf?size=3", "text:tfidf?"])
def test_an_option_that_tfidf_does_not_have_is_an_error(spec):
    with pytest.raises(InputError, match=r"is not understood; expected text:tfidf or text:tfidf\?dim=256"):
        load_encoder(spec)


@pytest.mark.parametrize("texts", [[], [""], ["a b c", "?!"]])
def test_texts_without_words_are_an_error(texts):
    with pytest.raises(InputError, match=rf"was given {len(texts)} texts without a single word of two letters"):
        Tfidf().fitted_on(texts)
