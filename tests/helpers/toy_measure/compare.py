"""What is compared of two of its audits."""

from memometer.comparison.pairing import floats
from memometer.comparison.view import MeanNumber, View, columns_table

__all__ = ["VIEW"]


def _read(audit):
    return {"records": columns_table(audit.samples, {"advantage": floats(audit.samples, "advantage")})}


def _numbers(pair):
    return [MeanNumber("advantage", "Advantage", "advantage", "advantage", {"records": 1.0})]


VIEW = View(
    name="Toy",
    read=_read,
    numbers=_numbers,
    telling=["advantage"],
    moved_by={"advantage": ("advantage",)},
    parts={"records": "records"},
)
