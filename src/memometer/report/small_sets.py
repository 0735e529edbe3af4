"""Small sets: with few scored records an interval holds less often than it says, and single records decide."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from memometer.report.gaps import Gap, read_gap
from memometer.report.shares import shares
from memometer.report.verdict import Verdict

__all__ = ["SMALL", "beside_headline", "small_notes", "small_warning"]

SMALL = 200
"""Scored records, or groups of them, below which a set is small."""


def small_warning(summary: dict[str, Any]) -> str | None:
    """What to say where a set that the headline rests on is small; None where none is.

    Args:
        summary: of any measure; one without numbers of records, as of a sweep or a comparison, has none to say.
    """
    sets = [(name, gap) for name, gap in _sets(summary) if gap.n is not None]
    small = [f"{name} {gap.drawn_text}" for name, gap in sets if min(gap.n or 0, gap.n_groups or gap.n or 0) < SMALL]
    if not small:
        return None
    return (
        f"small sets, fewer than {SMALL} scored records or groups: {', '.join(dict.fromkeys(small))}; single records "
        "weigh much here, and intervals of so few may cover a little less than 95 %: audit more before relying on them"
    )


def small_notes(summary: dict[str, Any]) -> list[str]:
    """The warning as notes of a summary: one, or none."""
    warning = small_warning(summary)
    return [] if warning is None else [warning]


def beside_headline(verdict: Verdict, summary: dict[str, Any]) -> Verdict:
    """The verdict with the warning as its first caution, where there is one."""
    warning = small_warning(summary)
    if warning is None:
        return verdict
    return dataclasses.replace(verdict, cautions=(f"{warning[0].upper()}{warning[1:]}.", *verdict.cautions))


def _sets(summary: dict[str, Any]) -> Iterator[tuple[str, Gap]]:
    """The sets of scored records that the headline rests on, by name."""
    found = {
        "vl-dejavu": lambda: _directions(summary, lambda part: part["gaps"]["all"]["prg"]),
        "image-dejavu": lambda: _directions(summary, lambda part: part["scores"]["100"]),
        "clipmem": lambda: _subsets(summary),
        "sslmem": lambda: _towers(summary),
        "unitmem": lambda: _records(summary),
        "utility": lambda: _shares(summary),
    }.get(summary.get("measure", ""))
    yield from found() if found else ()


def _directions(summary: dict[str, Any], number: Callable[[Any], dict[str, Any]]) -> Iterator[tuple[str, Gap]]:
    yield "forward", read_gap(number(summary))
    for name in ("backward", "control"):
        if summary.get(name):
            yield name, read_gap(number(summary[name]))


def _subsets(summary: dict[str, Any]) -> Iterator[tuple[str, Gap]]:
    for name in ("candidates", "external"):
        if name in summary["subsets"]:
            yield name, read_gap(summary["subsets"][name]["clipmem"])


def _towers(summary: dict[str, Any]) -> Iterator[tuple[str, Gap]]:
    for tower, entry in summary["towers"].items():
        for name in ("forward", "backward"):
            if entry[name]:
                yield f"{name}, {tower} tower:", read_gap(entry[name]["sslmem"])


def _records(summary: dict[str, Any]) -> Iterator[tuple[str, Gap]]:
    for tower, entry in summary["towers"].items():
        yield f"{tower} tower:", Gap(n=entry["n_scored"])
    if summary.get("n_control") is not None:
        yield "control", Gap(n=summary["n_control"])


def _shares(summary: dict[str, Any]) -> Iterator[tuple[str, Gap]]:
    for share in shares(summary):
        if share.value is not None:
            yield share.part.lower(), Gap(n=share.n, n_groups=share.n_groups)
