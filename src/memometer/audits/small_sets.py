"""The sets of scored records that the headline of each measure rests on, and the warning where one is small."""

from collections.abc import Callable, Iterator
from typing import Any

from memometer.statistics.small_sets import small_warning

__all__ = ["small_notes"]

Set = tuple[str, int, int | None]
"""A name, scored records, and the groups that they come in."""


def small_notes(summary: dict[str, Any]) -> list[str]:
    """The warning as notes of a summary of any measure: one, or none."""
    warning = small_warning(_SETS[summary["measure"]](summary))
    return [] if warning is None else [warning]


def _set(name: str, number: dict[str, Any]) -> Set:
    return name, number["n"], number.get("n_groups")


def _directions(summary: dict[str, Any], number: Callable[[Any], dict[str, Any]]) -> Iterator[Set]:
    yield _set("forward", number(summary))
    for name in ("backward", "control"):
        if summary.get(name):
            yield _set(name, number(summary[name]))


def _subsets(summary: dict[str, Any]) -> Iterator[Set]:
    for name in ("candidates", "external"):
        if name in summary["subsets"]:
            yield _set(name, summary["subsets"][name]["clipmem"])


def _towers(summary: dict[str, Any]) -> Iterator[Set]:
    for tower, entry in summary["towers"].items():
        for name in ("forward", "backward"):
            if entry[name]:
                yield _set(f"{name}, {tower} tower:", entry[name]["sslmem"])


def _units(summary: dict[str, Any]) -> Iterator[Set]:
    for tower, entry in summary["towers"].items():
        yield f"{tower} tower:", entry["n_scored"], entry.get("n_groups")
    if summary.get("n_control") is not None:
        yield "control", summary["n_control"], None


def _utility(summary: dict[str, Any]) -> Iterator[Set]:
    retrieval = summary["retrieval"] or {}
    parts = {"zero-shot": summary["zero_shot"], "linear probe": summary["linear_probe"]}
    parts |= {"image → text": retrieval.get("image_to_text"), "text → image": retrieval.get("text_to_image")}
    for part, numbers in parts.items():
        for number in (numbers or {}).values():
            if isinstance(number, dict) and number.get("value") is not None:
                yield _set(part, number)


_SETS: dict[str, Callable[[dict[str, Any]], Iterator[Set]]] = {
    "vl-dejavu": lambda summary: _directions(summary, lambda part: part["gaps"]["all"]["prg"]),
    "image-dejavu": lambda summary: _directions(summary, lambda part: part["scores"]["100"]),
    "clipmem": _subsets,
    "sslmem": _towers,
    "unitmem": _units,
    "utility": _utility,
}
