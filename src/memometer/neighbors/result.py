"""What a search hands on."""

import dataclasses

import numpy as np
import numpy.typing as npt

__all__ = ["Neighbors"]


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbors:
    """The k bank rows nearest to each query, nearest first; equally near ones by the lower row.

    Attributes:
        rows: (n, k) int64 rows of the bank.
        similarities: (n, k) float64 inner products with those rows; for l2 the squared distances with their sign
            changed, so that nearer is larger.
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]

    @property
    def k(self) -> int:
        """Neighbours per query."""
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return len(self.rows)
