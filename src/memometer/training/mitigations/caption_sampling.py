"""Caption sampling: one of a record's captions each epoch (A, Section 5; C, Table 1)."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.training.mitigations.base import Mitigation

__all__ = ["CaptionSampling"]


@dataclasses.dataclass(frozen=True)
class CaptionSampling(Mitigation):
    """Draws the caption that a record is trained with, each with equal chance, anew every epoch."""

    def remark(self, captions: pa.Array) -> str | None:
        """How many records have one caption alone."""
        single = pc.sum(pc.equal(pc.list_value_length(captions), 1)).as_py() or 0
        if not single:
            return None
        return f"caption sampling: {single:,} of {len(captions):,} records have one caption, used every epoch"

    def captions(self, captions: Sequence[str], *, rng: np.random.Generator) -> Sequence[str]:
        """The captions, the drawn one first; a single caption stays."""
        if len(captions) < 2:
            return captions
        drawn = int(rng.integers(len(captions)))
        return [captions[drawn], *captions[:drawn], *captions[drawn + 1 :]]
