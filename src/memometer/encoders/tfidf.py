"""TF-IDF with truncated SVD: a text encoder that needs no download, fitted on the public captions."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import svd_flip

from memometer.errors import InputError
from memometer.files import hash_json

__all__ = ["FittedTfidf", "Tfidf", "parse_tfidf"]

MAX_TERMS = 100_000
"""Words and pairs of words, the most frequent first: more would not fit beside the vectors in memory."""

NOISE = 1e-6
"""A shorter vector, of terms that all lie outside the kept dimensions, is rounding alone; full length is 1."""


@dataclasses.dataclass(frozen=True)
class Tfidf:
    """The encoder before it knows any text.

    Attributes:
        dim: the vectors' dimensions, at most.
    """

    dim: int = 256

    @property
    def spec(self) -> str:
        """What names it on the command line."""
        return f"text:tfidf?dim={self.dim}"

    def fitted_on(self, texts: Sequence[str]) -> "FittedTfidf":
        """Learns the terms, their weights and the directions of most variation from ``texts``, in whatever order.

        Args:
            texts: public captions alone: a caption under test must not shape the space that it is searched in.

        Raises:
            InputError: no text has a word of two letters or more.
        """
        # The order of the texts would show in the last bits of sums.
        ordered = sorted(texts)
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_TERMS, dtype=np.float64)
        try:
            matrix = vectorizer.fit_transform(ordered)
        except ValueError as error:
            raise InputError(
                f"text:tfidf was given {len(ordered):,} texts without a single word of two letters or more; "
                "expected the captions of the public set"
            ) from error
        return FittedTfidf(
            spec=self.spec,
            identity=hash_json(["tfidf", self.dim, MAX_TERMS, ordered]),
            vectorizer=vectorizer,
            directions=_directions(matrix, self.dim),
        )


@dataclasses.dataclass(eq=False)
class FittedTfidf:
    """The encoder after `Tfidf.fitted_on`.

    Terms are the words of two letters or more, in lower case, and pairs of neighbouring words. A text's weight of a
    term is (1 + ln count) · idf, with idf = 1 + ln((1 + n) / (1 + texts that hold it)); rows have length 1 before they
    are projected.

    Attributes:
        spec: what the user named it by.
        identity: hash of the fitted texts and the options.
        vectorizer: scikit-learn's.
        directions: (terms, d) the right singular vectors of the fitted texts; None where there are no more terms than
            dimensions, and the weights are the vectors.
    """

    spec: str
    identity: str
    vectorizer: Any
    directions: npt.NDArray[np.float64] | None

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32; a row of zeros for a text without a known term."""
        weights = self.vectorizer.transform(texts)
        vectors = np.asarray(weights.toarray() if self.directions is None else weights @ self.directions)
        vectors[np.linalg.norm(vectors, axis=1) < NOISE] = 0.0
        return vectors.astype(np.float32)


def parse_tfidf(spec: str) -> Tfidf:
    """``text:tfidf``, or ``text:tfidf?dim=128``.

    Raises:
        InputError: another option, or a dimension below 1.

    >>> parse_tfidf("text:tfidf?dim=128").dim
    128
    """
    name, mark, option = spec.partition("?")
    key, _, value = option.partition("=")
    if not mark and name == "text:tfidf":
        return Tfidf()
    if name != "text:tfidf" or key != "dim" or not value.isdecimal() or int(value) < 1:
        raise InputError(f"'{spec}' is not understood; expected text:tfidf or text:tfidf?dim=256")
    return Tfidf(dim=int(value))


def _directions(matrix: Any, dim: int) -> npt.NDArray[np.float64] | None:
    """(terms, at most ``dim``) right singular vectors of the (texts, terms) matrix, largest singular value first."""
    n_texts, n_terms = matrix.shape
    if n_terms <= dim:
        return None
    if n_texts <= dim:  # the iterative solver finds fewer vectors than there are rows
        _, values, rows = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        solver = TruncatedSVD(n_components=dim, algorithm="arpack", random_state=0).fit(matrix)
        values, rows = solver.singular_values_, solver.components_
    # Where texts repeat there are fewer directions than asked for: the others would be arbitrary, as is every sign.
    _, signed = svd_flip(None, rows[values > NOISE * values.max()], u_based_decision=False)
    directions: npt.NDArray[np.float64] = signed.T
    return directions
