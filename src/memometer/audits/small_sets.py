"""The sets of scored records that the headline of each measure rests on, and the warning where one is small."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from memometer.runs.schema import Number, Summary
from memometer.statistics.small_sets import small_warning

if TYPE_CHECKING:
    from memometer.audits.schema import VLDejaVuSummary
    from memometer.audits.schema_clipmem import ClipMemSummary
    from memometer.audits.schema_image_dejavu import ImageDejaVuSummary
    from memometer.audits.schema_sslmem import SslMemSummary
    from memometer.audits.schema_unitmem import UnitMemSummary
    from memometer.utility.schema import UtilitySummary

__all__ = ["small_notes"]

Set = tuple[str, int, int | None]
"""A name, scored records, and the groups that they come in."""


def small_notes(summary: Summary) -> list[str]:
    """The warning as notes of a summary of any measure: one, or none."""
    warning = small_warning(_SETS[summary.measure](summary))
    return [] if warning is None else [warning]


def _set(name: str, number: Number) -> Set:
    return name, number.n, number.n_groups


def _captions(summary: "VLDejaVuSummary") -> Iterator[Set]:
    yield _set("forward", summary.gaps.all.prg)
    for name, part in (("backward", summary.backward), ("control", summary.control)):
        if part:
            yield _set(name, part.gaps.all.prg)


def _crops(summary: "ImageDejaVuSummary") -> Iterator[Set]:
    yield _set("forward", summary.scores.all_)
    for name, part in (("backward", summary.backward), ("control", summary.control)):
        if part:
            yield _set(name, part.scores.all_)


def _subsets(summary: "ClipMemSummary") -> Iterator[Set]:
    for name, entry in summary.subsets.items():
        if name in ("candidates", "external"):
            yield _set(name, entry.clipmem)


def _towers(summary: "SslMemSummary") -> Iterator[Set]:
    for tower, entry in summary.towers.items():
        for name, scores in (("forward", entry.forward), ("backward", entry.backward)):
            if scores:
                yield _set(f"{name}, {tower} tower:", scores.sslmem)


def _units(summary: "UnitMemSummary") -> Iterator[Set]:
    for tower, entry in summary.towers.items():
        yield f"{tower} tower:", entry.n_scored, entry.n_groups
    if summary.n_control is not None:
        yield "control", summary.n_control, None


def _utility(summary: "UtilitySummary") -> Iterator[Set]:
    for part, numbers in summary.numbers().items():
        yield from (_set(PARTS[part], number) for number in numbers.values() if number.value is not None)


PARTS = {
    "zero_shot": "zero-shot",
    "linear_probe": "linear probe",
    "image_to_text": "image → text",
    "text_to_image": "text → image",
}
_SETS: dict[str, Callable[[Any], Iterator[Set]]] = {
    "vl-dejavu": _captions,
    "image-dejavu": _crops,
    "clipmem": _subsets,
    "sslmem": _towers,
    "unitmem": _units,
    "utility": _utility,
}
