"""``memometer estimate``: an audit's hours, memory and disk before it is begun."""

import dataclasses
import re
from typing import Any

from memometer.choices import MAX_K
from memometer.errors import InputError
from memometer.estimates.devices import device_named
from memometer.estimates.model_cost import cost_of
from memometer.estimates.rates import Measured, load_rates
from memometer.estimates.stages import Cost, Machines, Workload, costs_of

__all__ = ["Estimate", "estimate_audit", "number_of"]

UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
DIM = 512
"""Components where neither a model nor a number is given: those of the papers' models."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What an audit will take.

    Attributes:
        costs: of its stages, in their order.
        measured: where the rates come from.
        nodes: machines that share the work.
    """

    costs: tuple[Cost, ...]
    measured: Measured
    nodes: int

    @property
    def hours(self) -> float:
        """Of all stages, by the wall clock."""
        return sum(cost.hours for cost in self.costs)

    @property
    def memory_bytes(self) -> float:
        """Of one node at the peak."""
        return max(cost.memory_bytes for cost in self.costs)

    @property
    def disk_bytes(self) -> float:
        """That the stages leave in the store."""
        return sum(cost.disk_bytes for cost in self.costs)

    def as_dict(self) -> dict[str, Any]:
        """The same as numbers and texts."""
        total = {"hours": self.hours, "memory_bytes": self.memory_bytes, "disk_bytes": self.disk_bytes}
        return {
            "stages": [dataclasses.asdict(cost) for cost in self.costs],
            "total": {**total, "node_hours": self.hours * self.nodes},
            "rates": self.measured.model_dump(),
        }


def estimate_audit(
    *,
    records: str,
    public: str,
    dim: int | None = None,
    k: int = 100,
    model: str | None = None,
    models: int = 2,
    device: str = "cpu",
    cores: int = 16,
    nodes: int = 1,
) -> Estimate:
    """What a VL-Déjà-Vu audit takes, by rates that were measured; accelerators by their data sheets.

    Args:
        records: how many are under test, of all roles together, e.g. 20000, 10M.
        public: how many public images are searched, e.g. 1.28M.
        dim: components of a vector, by default the model's, or 512.
        k: neighbours that are searched: the largest k that is scored, 100 with the default sweep.
        model: architecture of the models among open_clip's, e.g. ViT-B-32. Default: the vectors exist.
        models: the target and its references together.
        device: the accelerator of each node, e.g. h200, a100, t4; or cpu, for none.
        cores: processor cores of each node.
        nodes: machines that share the work.

    Raises:
        InputError: a number is out of its range, or the device is not known.
        ModelError: the model is not known.
    """
    for name, value, least in (("models", models, 2), ("cores", cores, 1), ("nodes", nodes, 1), ("dim", dim, 1)):
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; expected {least} or more")
    n_public = number_of(public, name="public")
    if not 1 <= k <= min(MAX_K, n_public):
        raise InputError(
            f"k is {k}; expected 1 to {min(MAX_K, n_public):,.0f}, and no more than there are public images"
        )
    cost = None if model is None else cost_of(model)
    workload = Workload(
        records=number_of(records, name="records"),
        public=n_public,
        dim=dim or (DIM if cost is None else cost.dim),
        k=k,
        models=models,
        model=cost,
    )
    rates = load_rates()
    machines = Machines(nodes=nodes, cores=cores, device=device_named(device), name=device.lower())
    return Estimate(tuple(costs_of(workload, machines, rates)), rates.measured, nodes)


def number_of(text: str, *, name: str) -> float:
    """A count that a user writes.

    Raises:
        InputError: it is none.

    >>> number_of("1.28M", name="public"), number_of("50_000", name="records")
    (1280000.0, 50000.0)
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([kmb]?)", text.strip().replace("_", "").replace(",", "").lower())
    value = 0.0 if match is None else float(match[1]) * UNITS[match[2]]
    if value < 1 or value != int(value):
        raise InputError(f"{name} is '{text}'; expected a whole number of 1 or more, e.g. 20000, 500k, 1.28M or 2B")
    return value
