"""SSLMem: the scores at the output of each tower, and how far the text tower memorizes more than the image tower."""

import pyarrow as pa

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair, floats
from memometer.comparison.view import PARTS, Number, View, by_direction, columns_table, mean_numbers

__all__ = ["VIEW"]

TOWERS = ("image", "text")
SCORES = {"sslmem": "SSLMem", "sslmem_relative": "relative SSLMem"}
BETWEEN = "text less image, relative SSLMem"


def _read(audit: Audit) -> dict[str, pa.Table]:
    parts = {}
    for name, rows in by_direction(audit.samples).items():
        columns = {
            column: floats(rows, column)
            for tower in TOWERS
            for score in SCORES
            if (column := f"{score}_{tower}") in rows.column_names
        }
        if all(f"sslmem_relative_{tower}" in columns for tower in TOWERS):
            columns["between"] = columns["sslmem_relative_text"] - columns["sslmem_relative_image"]
        parts[name] = columns_table(rows, columns)
    return parts


def _numbers(pair: Pair) -> list[Number]:
    names = {f"{score}_{tower}": f"{title}, {tower} tower" for tower in TOWERS for score, title in SCORES.items()}
    return mean_numbers(pair, names | {"between": BETWEEN})


VIEW = View(
    name="SSLMem",
    read=_read,
    numbers=_numbers,
    telling=[f"{design}/sslmem_{tower}" for design in ("balanced", "one-way") for tower in TOWERS],
    moved_by={f"SSLMem, {tower} tower": (f"sslmem_{tower}",) for tower in TOWERS},
    parts=PARTS,
)
