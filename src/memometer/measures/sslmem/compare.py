"""SSLMem: the scores at the output of each tower, and how far the text tower memorizes more than the image tower."""

import pyarrow as pa

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair, floats
from memometer.comparison.view import PARTS, WEIGHTS, MeanNumber, Number, View, by_direction, columns_table
from memometer.report.gaps import DESIGNS

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
    names = {f"{score}_{tower}": f"{title}, {tower} tower" for tower in TOWERS for score, title in SCORES.items()} | {
        "between": BETWEEN
    }
    return [
        MeanNumber(f"{design}/{column}", DESIGNS[design], name, column, weights)
        for design, weights in WEIGHTS.items()
        for column, name in names.items()
        if pair.offers(column, tuple(weights))
    ]


VIEW = View(
    name="SSLMem",
    read=_read,
    numbers=_numbers,
    telling=[f"{design}/sslmem_{tower}" for design in ("balanced", "one-way") for tower in TOWERS],
    moved_by={f"SSLMem, {tower} tower": (f"sslmem_{tower}",) for tower in TOWERS},
    parts=PARTS,
)
