"""The numbers of one cell as tidy rows, of the summaries of its audits and of its utility."""

from collections.abc import Iterator, Mapping
from typing import Any

from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.runs.schema import Number, Strict
from memometer.utility.schema import UtilitySummary

__all__ = ["MODELS", "audit_rows", "clipmem_rows", "further_rows", "utility_rows"]

MODELS = {"a": "target", "b": "reference"}
"""What the directions of utility rows call the models of a cell."""

Row = dict[str, Any]
"""``metric``, ``scope``, ``direction``; ``value``, ``low``, ``high``, ``std``, ``n``, ``n_groups``: or null."""


def audit_rows(summary: VLDejaVuSummary) -> list[Row]:
    """PPG, PRG and AUCG, balanced and each way, over all and over unmentioned objects; ``std`` by A's 10 % protocol.

    Args:
        summary: of an audit that ran both ways.
    """
    designs = {
        "balanced": summary.balanced,
        "forward": summary.gaps,
        "backward": summary.backward and summary.backward.gaps,
    }
    return [
        _row(gap, number, scope=scope, direction=direction)
        for direction, scopes in designs.items()
        if scopes
        for scope, gaps in (("all", scopes.all), ("unmentioned", scopes.unmentioned))
        for gap, number in (("ppg", gaps.ppg), ("prg", gaps.prg), ("aucg", gaps.aucg))
    ]


def clipmem_rows(summary: ClipMemSummary) -> list[Row]:
    """The mean CLIPMem of each subset."""
    return [
        _row("clipmem", entry.clipmem, scope=subset, direction="targets less references")
        for subset, entry in summary.subsets.items()
    ]


def further_rows(measure: str, numbers: Mapping[str, Number]) -> list[Row]:
    """The headline numbers of another measure.

    Args:
        measure: its name.
        numbers: by name; of expectation 0 where there is nothing to find.
    """
    return [_row(measure, number, scope=name, direction="headline") for name, number in numbers.items()]


def utility_rows(summaries: Mapping[str, UtilitySummary]) -> list[Row]:
    """Every utility number of both models and their mean.

    Both models are measured on the same records, so their errors are not independent: the interval of the mean runs
    from the mean of the lower ends to that of the upper ends, which is at least as wide as it should be.

    Args:
        summaries: by model.
    """
    found = {model: dict(_numbers(summary)) for model, summary in summaries.items()}
    rows = []
    for metric in found["a"]:
        each = {model: numbers[metric] for model, numbers in found.items()}
        rows.append(_row(metric, _mean(list(each.values())), scope=None, direction="mean"))
        rows += [_row(metric, number, scope=None, direction=MODELS[model]) for model, number in each.items()]
    return rows


def _numbers(part: Strict, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Number]]:
    """Every number of a part, by its path joined with slashes."""
    for name, value in part.items():
        if isinstance(value, Number):
            yield "/".join((*path, name)), value
        elif isinstance(value, Strict):
            yield from _numbers(value, (*path, name))


def _mean(numbers: list[Number]) -> Number:
    value, low, high = (
        None if None in values else sum(values) / len(values)
        for values in zip(*((number.value, number.low, number.high) for number in numbers), strict=True)
    )
    return Number(value=value, low=low, high=high, n=numbers[0].n, n_groups=numbers[0].n_groups)


def _row(metric: str, number: Number, *, scope: str | None, direction: str) -> Row:
    named = {"metric": metric, "scope": scope, "direction": direction}
    ends = {"value": number.value, "low": number.low, "high": number.high}
    return {**named, **ends, "std": number.std, "n": number.n, "n_groups": number.n_groups}
