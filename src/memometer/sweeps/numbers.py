"""The numbers of one cell as tidy rows, of the summaries of its audits and of its utility."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["MODELS", "audit_rows", "clipmem_rows", "utility_rows"]

MODELS = {"a": "target", "b": "reference"}
"""What the directions of utility rows call the models of a cell."""

Row = dict[str, Any]
"""``metric``, ``scope``, ``direction``; ``value``, ``low``, ``high``, ``std``, ``n``, ``n_groups``: or null."""


def audit_rows(summary: Mapping[str, Any]) -> list[Row]:
    """PPG, PRG and AUCG, balanced and each way, over all and over unmentioned objects; ``std`` by A's 10 % protocol.

    Args:
        summary: of a VL-Déjà-Vu audit that ran both ways.
    """
    designs = {
        "balanced": summary["balanced"],
        "forward": summary["gaps"],
        "backward": summary["backward"]["gaps"],
    }
    return [
        _row(gap, found, scope=scope, direction=direction)
        for direction, scopes in designs.items()
        for scope, gaps in scopes.items()
        for gap, found in gaps.items()
    ]


def clipmem_rows(summary: Mapping[str, Any]) -> list[Row]:
    """The mean CLIPMem of each subset.

    Args:
        summary: of a CLIPMem audit.
    """
    return [
        _row("clipmem", entry["clipmem"], scope=subset, direction="targets less references")
        for subset, entry in summary["subsets"].items()
    ]


def utility_rows(summaries: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Every utility number of both models and their mean.

    Both models are measured on the same records, so their errors are not independent: the interval of the mean runs
    from the mean of the lower ends to that of the upper ends, which is at least as wide as it should be.

    Args:
        summaries: of `memometer.utility.measure_utility`, by model.
    """
    found = {model: dict(_leaves(summary)) for model, summary in summaries.items()}
    rows = []
    for metric in found["a"]:
        each = {model: found[model].get(metric, {}) for model in found}
        rows.append(_row(metric, _mean(list(each.values())), scope=None, direction="mean"))
        rows += [_row(metric, entry, scope=None, direction=MODELS[model]) for model, entry in each.items()]
    return rows


def _leaves(entry: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every number with an interval, by its path joined with slashes."""
    for name, value in entry.items():
        if not isinstance(value, Mapping):
            continue
        if "value" in value:
            yield "/".join((*path, name)), value
        else:
            yield from _leaves(value, (*path, name))


def _mean(entries: list[Mapping[str, Any]]) -> Row:
    mean: Row = {name: entries[0].get(name) for name in ("n", "n_groups")}
    for name in ("value", "low", "high"):
        values = [entry.get(name) for entry in entries]
        mean[name] = None if None in values else sum(values) / len(values)  # type: ignore[arg-type]
    return mean


def _row(metric: str, entry: Mapping[str, Any], *, scope: str | None, direction: str) -> Row:
    named = {name: entry.get(name) for name in ("value", "low", "high", "std", "n", "n_groups")}
    return {"metric": metric, "scope": scope, "direction": direction, **named}
