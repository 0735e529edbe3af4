"""The stages of a VL-Déjà-Vu audit with two models or more, each with the work that it has."""

import dataclasses
from collections.abc import Iterator

from memometer.estimates.devices import ASSUMED_FORWARD, ASSUMED_SEARCH, Device
from memometer.estimates.model_cost import ModelCost
from memometer.estimates.rates import Rates

__all__ = ["MEASURED", "Cost", "Machines", "Workload", "costs_of"]

FLOAT = 4
"""Bytes of a component of a stored vector."""
NEIGHBOR, SIMILARITY, SHOWN = 4, 8, 10
"""Bytes of a stored neighbour and of its similarity, which the first ones have (`memometer.neighbors.kept`)."""
SCORES = 70
"""Bytes of what one model's neighbours said of a record with 8 objects, at the sweep to 100."""
MEASURED = "measured"
"""The basis of what needs no assumption."""


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is audited.

    Attributes:
        records: under test, of all roles together.
        public: images that are searched.
        dim: components of a vector.
        k: neighbours that are searched: the largest that is scored.
        models: the target and its references.
        model: what one of them costs; None where vectors exist already.
    """

    records: float
    public: float
    dim: int
    k: int
    models: int
    model: ModelCost | None


@dataclasses.dataclass(frozen=True)
class Machines:
    """Where it runs.

    Attributes:
        nodes: machines alike.
        cores: of each.
        device: the accelerator of each; None where there is none.
        name: of the device.
    """

    nodes: int
    cores: int
    device: Device | None
    name: str


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one stage takes.

    Attributes:
        stage: its name.
        work: how much of what.
        hours: on all nodes together, by the wall clock.
        memory_bytes: of one node at the peak.
        disk_bytes: that it leaves in the store.
        basis: `MEASURED`, or what was assumed.
    """

    stage: str
    work: str
    hours: float
    memory_bytes: float
    disk_bytes: float
    basis: str


def costs_of(workload: Workload, machines: Machines, rates: Rates) -> Iterator[Cost]:
    """The stages in their order.

    Pieces of work are taken to be shared evenly by the nodes; the first and the last stage run on one of them.
    """
    base = rates.memory.peak_bytes[0]
    yield _read(workload, rates, memory=base)
    if workload.model is not None:
        yield from _embedded(workload, workload.model, machines, rates, memory=base)
    yield _searched(workload, machines, rates, memory=base)
    yield _scored(workload, machines, rates, memory=base)
    yield Cost(
        "statistics, tables, report",
        f"{workload.records:,.0f} records",
        rates.seconds("finish", workload.records) / 3600,
        rates.memory.at(workload.records),
        0.0,
        MEASURED,
    )


def _read(workload: Workload, rates: Rates, *, memory: float) -> Cost:
    n = workload.records + workload.public
    return Cost("records read and checked", f"{n:,.0f} records", rates.seconds("read", n) / 3600, memory, 0.0, MEASURED)


def _embedded(
    workload: Workload, model: ModelCost, machines: Machines, rates: Rates, *, memory: float
) -> Iterator[Cost]:
    """Images, then captions: beside an accelerator the processor prepares what it embeds meanwhile."""
    memory += FLOAT * model.parameters
    for stage, n, prepare, operations in (
        ("public images embedded", workload.public, "decode", model.image),
        ("captions embedded", workload.records, "tokenize", model.text),
    ):
        each = n * workload.models / machines.nodes
        prepared = rates.seconds(prepare, each) / machines.cores  # type: ignore[arg-type]
        speed, basis = _forward(machines, rates)
        computed = each * operations / speed
        seconds = prepared + computed if machines.device is None else max(prepared, computed)
        slower = "" if machines.device is None else f"; the {'processor' if prepared > computed else 'device'} decides"
        yield Cost(
            stage,
            f"{n:,.0f} × {workload.models} models, {operations / 1e9:.1f} GFLOP each",
            seconds / 3600,
            memory,
            n * workload.models * workload.dim * FLOAT,
            basis + slower,
        )


def _forward(machines: Machines, rates: Rates) -> tuple[float, str]:
    """Operations per second of one node in a forward pass, and what that is based on."""
    if machines.device is None:
        return rates.forward * machines.cores, MEASURED
    measured = rates.devices.get(machines.name, {}).get("forward")
    if measured is not None:
        return measured, MEASURED
    return machines.device.peak * ASSUMED_FORWARD, f"assumed: {ASSUMED_FORWARD:.0%} of the data sheet's peak"


def _searched(workload: Workload, machines: Machines, rates: Rates, *, memory: float) -> Cost:
    pairs = workload.records * workload.public * workload.models
    if machines.device is None:
        seconds = rates.seconds("search", pairs * workload.dim, k=workload.k) / machines.cores
        basis = MEASURED
    else:
        measured = rates.devices.get(machines.name, {}).get("search")
        speed = machines.device.peak * ASSUMED_SEARCH if measured is None else measured
        seconds = 2 * pairs * workload.dim / speed
        basis = MEASURED if measured is not None else f"assumed: {ASSUMED_SEARCH:.0%} of the data sheet's peak"
    return Cost(
        "search",
        f"{pairs:.3g} pairs of {workload.dim} components",
        seconds / machines.nodes / 3600,
        memory,
        workload.records * workload.models * (workload.k * NEIGHBOR + min(workload.k, SHOWN) * SIMILARITY),
        basis,
    )


def _scored(workload: Workload, machines: Machines, rates: Rates, *, memory: float) -> Cost:
    n = workload.records * workload.models
    seconds = rates.seconds("score", n, k=workload.k)
    return Cost(
        "objects scored",
        f"{n:,.0f} × {workload.k} neighbours",
        seconds / machines.nodes / machines.cores / 3600,
        memory,
        n * SCORES,
        MEASURED,
    )
