"""CLIPMem: the mean of the candidates, and their difference from pairs that no model was trained on."""

import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair
from memometer.comparison.view import MeanNumber, Number, View, columns_table
from memometer.measures.clipmem.subsets import NAMES

__all__ = ["VIEW"]

DIFFERENCES, MEANS = "Differences between subsets", "Means"
# the verdict of a comparison knows "Means" as numbers that move with the models' quality


def _read(audit: Audit) -> dict[str, pa.Table]:
    samples = audit.samples
    parts = {name: samples.filter(pc.equal(samples["subset"], name)) for name in NAMES}
    return {
        name: columns_table(rows, {"clipmem": rows["clipmem"].combine_chunks()})
        for name, rows in parts.items()
        if rows.num_rows
    }


def _numbers(pair: Pair) -> list[Number]:
    numbers: list[Number] = [
        MeanNumber(
            f"candidates less {other}",
            DIFFERENCES,
            f"candidates less {other}",
            "clipmem",
            {"candidates": 1.0, other: -1.0},
        )
        for other in ("external", "independent")
        if pair.offers("clipmem", ("candidates", other))
    ]
    return numbers + [
        MeanNumber(f"mean of {name}", MEANS, title, "clipmem", {name: 1.0})
        for name, title in NAMES.items()
        if pair.offers("clipmem", (name,))
    ]


VIEW = View(
    name="CLIPMem",
    read=_read,
    numbers=_numbers,
    telling=("candidates less external", "candidates less independent", "mean of candidates"),
    moved_by={"CLIPMem": ("clipmem",)},
    parts={name: f"{title.lower()} pairs" for name, title in NAMES.items()},
)
