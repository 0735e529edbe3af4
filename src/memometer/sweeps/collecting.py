"""What the finished cells of a sweep say together: one tidy table, and every setting against the baseline."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from memometer.errors import InputError
from memometer.sweeps.cell import read_cell, read_error
from memometer.sweeps.choice import best_within, paired_difference, pareto_front, spread
from memometer.sweeps.plan import Cell, Plan
from memometer.sweeps.schema import Best, Metric, SweepSummary
from memometer.validation import nearest

__all__ = ["RESULTS_SCHEMA", "Question", "collect"]

RESULTS_SCHEMA = pa.schema(
    [
        pa.field("setting", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("scope", pa.string()),  # all or unmentioned objects; a subset of CLIPMem; null for utility
        pa.field("direction", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("std", pa.float64()),  # A's 10 % protocol, of gaps
        pa.field("n", pa.int64()),
        pa.field("n_groups", pa.int64()),  # what the interval draws
    ]
)
"""Columns of ``results.parquet``: one row per cell and number."""

HEADLINE = ("balanced", "mean", "targets less references", "headline")
"""The direction of each kind of number that settings are compared by."""

FIRST_CHOICES = (
    "zero_shot/accuracy",
    "zero_shot/mean_average_precision",
    "retrieval/image_to_text/recall@1",
)

Table = dict[str, dict[str, dict[int, dict[str, Any]]]]
"""Setting → metric → seed → row."""


@dataclasses.dataclass(frozen=True)
class Question:
    """What a sweep is asked.

    Attributes:
        max_utility_loss: how much the mean utility may fall below the baseline's, in the metric's own unit.
        utility_metric: what counts as utility; None takes zero-shot classification, else retrieval, else what there is.
        memorization_metric: what counts as memorization.
    """

    max_utility_loss: float = 0.01
    utility_metric: str | None = None
    memorization_metric: str = "prg/unmentioned"


def collect(plan: Plan, question: Question) -> tuple[SweepSummary, pa.Table]:
    """The content of ``summary.json`` and ``results.parquet``, of the cells that are finished.

    Raises:
        InputError: no cell is finished, or the question names a metric that was not measured.
    """
    results = {cell: result for cell in plan.cells if (result := read_cell(cell)) is not None}
    if not results:
        raise InputError(f"no cell of the sweep in {plan.out} is finished; see {plan.out / 'cells'}")
    rows = [
        {"setting": cell.setting, "seed": cell.seed, **row} for cell in plan.cells for row in _numbers(results, cell)
    ]
    table = _table(rows, settings=list(plan.config.settings))
    gaps, utilities = _metrics(rows)
    memorization = _named(question.memorization_metric, gaps, what="memorization metric")
    utility = _utility_metric(question.utility_metric, utilities)
    baseline = plan.config.baseline
    settings = [
        {
            "name": setting,
            "options": dict(plan.config.settings[setting]),
            "n_seeds": sum(cell.setting == setting for cell in results),
            "front": None,
            "metrics": {
                metric: _over_seeds(table[setting].get(metric, {}), table[baseline].get(metric, {}))
                for metric in (*gaps, *utilities)
            },
        }
        for setting in plan.config.settings
    ]
    if utility is not None:
        _mark_front(settings, memorization=memorization, utility=utility)
    summary = {
        "seeds": list(plan.config.seeds),
        "baseline": baseline,
        "memorization_metric": memorization,
        "utility_metric": utility,
        "max_utility_loss": question.max_utility_loss,
        "best": _best(table, memorization=memorization, utility=utility, baseline=baseline, question=question),
        "settings": settings,
        "cells": _cells(plan.cells, results),
        "notes": _notes(results.values()),
    }
    return SweepSummary.made(summary), pa.Table.from_pylist(rows, schema=RESULTS_SCHEMA)


def _numbers(results: dict[Cell, dict[str, Any]], cell: Cell) -> list[dict[str, Any]]:
    return results[cell]["numbers"] if cell in results else []


def _series(row: dict[str, Any]) -> str:
    """What a number is called where settings are compared."""
    return row["metric"] if row["scope"] is None else f"{row['metric']}/{row['scope']}"


def _table(rows: Iterable[dict[str, Any]], *, settings: Sequence[str]) -> Table:
    table: Table = {setting: collections.defaultdict(dict) for setting in settings}
    for row in rows:
        if row["direction"] in HEADLINE:
            table[row["setting"]][_series(row)][row["seed"]] = row
    return table


def _metrics(rows: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The measures of memorization, and those of utility, in the order of the cells' rows."""
    headline = [row for row in rows if row["direction"] in HEADLINE]
    gaps = dict.fromkeys(_series(row) for row in headline if row["scope"] is not None)
    return list(gaps), list(dict.fromkeys(_series(row) for row in headline if row["scope"] is None))


def _named(name: str, known: Sequence[str], *, what: str) -> str:
    """The metric of this name, or the only one whose name ends with it."""
    if name in known:
        return name
    ending = [each for each in known if each.endswith(f"/{name}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise InputError(f"the {what} '{name}' may be {' or '.join(ending)}; name one of them")
    raise InputError(f"the sweep measured no {what} '{name}'; {nearest(name, known)}")


def _utility_metric(name: str | None, known: Sequence[str]) -> str | None:
    if name is not None:
        if not known:
            raise InputError(f"the sweep measured no utility, so not '{name}' either; add [utility] to the sweep file")
        return _named(name, known, what="utility metric")
    return next((metric for metric in (*FIRST_CHOICES, *known) if metric in known), None)


def _values(rows: dict[int, dict[str, Any]]) -> dict[int, float]:
    """Of seeds with enough records for an interval; a value without one is chance for the most part."""
    return {seed: row["value"] for seed, row in rows.items() if row["value"] is not None and row["low"] is not None}


def _over_seeds(rows: dict[int, dict[str, Any]], baseline: dict[int, dict[str, Any]]) -> Metric:
    """Mean and spread over seeds, A's spread, and the difference to the baseline, paired by seed."""
    values, tenths = _values(rows), [row["std"] for row in rows.values() if row["std"] is not None]
    return Metric(
        **spread(values),
        std_tenth=sum(tenths) / len(tenths) if tenths else None,
        by_seed={str(seed): value for seed, value in values.items()},
        difference=paired_difference(values, _values(baseline)),
    )


def _mark_front(settings: list[dict[str, Any]], *, memorization: str, utility: str) -> None:
    points = {}
    for place, setting in enumerate(settings):
        first, second = (setting["metrics"][metric].value for metric in (utility, memorization))
        if first is not None and second is not None:
            points[place] = (first, second)
    for place, on_front in zip(points, pareto_front(list(points.values())), strict=True):
        settings[place]["front"] = on_front


def _best(table: Table, *, memorization: str, utility: str | None, baseline: str, question: Question) -> Best | None:
    """The answer to the question, with how sure it is; None where there is none."""
    if utility is None:
        return None
    gaps = {setting: _values(metrics.get(memorization, {})) for setting, metrics in table.items()}
    uses = {setting: _values(metrics.get(utility, {})) for setting, metrics in table.items()}
    choice = best_within(gaps, uses, baseline=baseline, max_loss=question.max_utility_loss)
    if choice is None:
        return None
    gained = paired_difference(gaps[choice.setting], gaps[baseline])
    lost = paired_difference(uses[choice.setting], uses[baseline])
    others = [setting for setting in choice.allowed if setting != choice.setting]
    return Best(
        setting=choice.setting,
        memorization=gained,
        utility=lost,
        loss_may_exceed=choice.setting != baseline and (lost.low is None or lost.low < -question.max_utility_loss),
        allowed=list(choice.allowed),
        not_told_apart=[each for each in others if not paired_difference(gaps[each], gaps[choice.setting]).clear],
    )


def _cells(cells: Sequence[Cell], results: dict[Cell, dict[str, Any]]) -> dict[str, Any]:
    left = [cell for cell in cells if cell not in results]
    failed = {cell: error for cell in left if (error := read_error(cell)) is not None}
    seconds = [result["made"]["seconds"] for result in results.values()]
    return {
        "n": len(cells),
        "n_finished": len(results),
        "failed": [{"setting": cell.setting, "seed": cell.seed, "error": error} for cell, error in failed.items()],
        "missing": [{"setting": cell.setting, "seed": cell.seed} for cell in left if cell not in failed],
        "seconds": {name: round(sum(each[name] for each in seconds), 1) for name in ("training", "rest")},
    }


def _notes(results: Iterable[dict[str, Any]]) -> list[str]:
    """The cells' notes, each once, with the number of cells that have it."""
    counted = collections.Counter(note for result in results for note in result["notes"])
    return [f"{note} (in {n} cells)" if n > 1 else note for note, n in counted.items()]
