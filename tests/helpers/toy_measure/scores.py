"""The measure: arrays in, arrays out."""

import numpy as np

__all__ = ["advantage"]


def advantage(target, reference):
    """(n,) the cosines of image and caption under the target less those under the reference; (n, d) pairs of each."""
    return np.subtract(*(np.einsum("ij,ij->i", *pair, dtype=np.float64) for pair in (target, reference)))
