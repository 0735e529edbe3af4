"""What each stage of an audit was measured to cost, as ``benchmarks/scale.py`` wrote it to ``scale.json``."""

import functools
import json
import math
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["RATES", "Measured", "Rates", "Series", "load_rates"]

RATES = Path(__file__).with_name("scale.json")
"""The rates that memometer ships."""

Core = Literal["read", "decode", "tokenize", "search", "score", "finish"]
"""Stages that processors do, one core of which was measured: `Rates.stages` has each."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Series(_Frozen):
    """One stage at several sizes, and what else it was held at.

    Attributes:
        unit: what is counted.
        sizes: of those, rising.
        seconds: of processor time at each size.
        held: what did not change, e.g. ``{"k": 10}``.
    """

    unit: str
    sizes: tuple[float, ...] = Field(min_length=1)
    seconds: tuple[float, ...]
    held: dict[str, float] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.sizes) != len(self.seconds) or min((*self.sizes, *self.seconds)) <= 0:
            raise ValueError(f"{len(self.sizes)} sizes and {len(self.seconds)} times; expected one each, above 0")
        if list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes {self.sizes} do not rise")
        return self

    @property
    def exponent(self) -> float | None:
        """How time grows: the slope of its logarithm over that of the size, by least squares; None of one size."""
        return slope(self.sizes, self.seconds)

    def at(self, size: float) -> float:
        """Seconds at a size.

        Beyond the largest that was measured time grows as it did, and at least in proportion; below it in proportion.
        """
        largest, seconds = self.sizes[-1], self.seconds[-1]
        power = max(self.exponent or 1.0, 1.0) if size > largest else 1.0
        return float(seconds * (size / largest) ** power)


class Memory(_Frozen):
    """Peak resident memory of a whole audit at several numbers of records.

    Attributes:
        records: rising.
        peak_bytes: at each.
        held: what did not change.
    """

    records: tuple[int, ...] = Field(min_length=2)
    peak_bytes: tuple[float, ...]
    held: dict[str, float] = {}

    @property
    def per_record(self) -> float:
        """Bytes that each further record takes."""
        return (self.peak_bytes[-1] - self.peak_bytes[0]) / (self.records[-1] - self.records[0])

    def at(self, records: float) -> float:
        """Bytes at a number of records; below the smallest that was measured, what that took."""
        return max(self.peak_bytes[0], self.peak_bytes[0] + (records - self.records[0]) * self.per_record)


class Measured(_Frozen):
    """Where and how."""

    date: str
    command: str
    machine: str
    software: str


class Rates(_Frozen):
    """All rates.

    Attributes:
        measured: where and how.
        stages: seconds of one core; several series where another number matters, e.g. k.
        forward: floating-point operations per second of one core in a model's forward pass.
        memory: of an audit whose vectors exist.
        devices: operations per second of accelerators in a forward pass and in a search, as far as they were measured.
    """

    measured: Measured
    stages: dict[Core, tuple[Series, ...]]
    forward: float = Field(gt=0)
    memory: Memory
    devices: dict[str, dict[Literal["forward", "search"], float]] = {}

    def seconds(self, stage: Core, size: float, **where: float) -> float:
        """Of one core, at a size and at other numbers, e.g. ``k``.

        Between the series that were measured they are interpolated in proportion to that number, and beyond the last
        one they grow with it.
        """
        series = self.stages[stage]
        if not where or len(series) == 1:
            return series[0].at(size)
        ((name, value),) = where.items()
        points = sorted((each.held[name], each.at(size)) for each in series)
        return _interpolated(points, value)


def _interpolated(points: list[tuple[float, float]], x: float) -> float:
    """On the line through the two points beside x; the line through the last two goes on, the first one stays."""
    if x <= points[0][0]:
        return points[0][1]
    after = next((place for place, point in enumerate(points) if x <= point[0]), len(points) - 1)
    (x0, y0), (x1, y1) = points[after - 1], points[after]
    return max(y0 + (x - x0) * (y1 - y0) / (x1 - x0), points[0][1])


def slope(sizes: tuple[float, ...], seconds: tuple[float, ...]) -> float | None:
    """Of log seconds over log size, by least squares; None of fewer than two sizes."""
    if len(sizes) < 2:
        return None
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


@functools.cache
def load_rates() -> Rates:
    """The rates that memometer ships."""
    found: Any = json.loads(RATES.read_text(encoding="utf-8"))
    return Rates.model_validate(found)
