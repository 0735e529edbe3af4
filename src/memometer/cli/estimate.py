"""``memometer estimate``."""

from typing import TYPE_CHECKING, Any

from memometer.cli.functions import command_of

if TYPE_CHECKING:
    from memometer.estimates import Estimate

__all__ = ["command"]


@command_of("memometer.estimates.estimate:estimate_audit")
def command(found: "Estimate", *, as_json: bool, **_: Any) -> None:
    """What an audit will take: hours, memory and disk of each stage.

    By rates that were measured on one core of one processor, which it names; what accelerators do is taken from their
    data sheets where nobody has measured it, and said.

    Example:
    memometer estimate --records 10M --public 1.28M --k 100 --model ViT-B-32 --device h200 --nodes 4
    """
    from memometer.cli.show import print_json
    from memometer.estimates.stages import MEASURED

    if as_json:
        print_json(found.as_dict())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    table.add_column("work")
    for name in ("time", "memory", "disk"):
        table.add_column(name, justify="right", no_wrap=True)
    for cost in found.costs:
        table.add_row(cost.stage, cost.work, *_numbers(cost.hours, cost.memory_bytes, cost.disk_bytes))
    table.add_section()
    where = f"{found.nodes:,} nodes" if found.nodes > 1 else ""
    table.add_row("[bold]in all[/bold]", where, *_numbers(found.hours, found.memory_bytes, found.disk_bytes))
    console = Console(highlight=False)
    console.print(table)
    for cost in found.costs:
        if cost.basis != MEASURED:
            console.print(f"{cost.stage}: {cost.basis}", soft_wrap=True)
    measured = found.measured
    console.print(
        f"the rest: measured on {measured.date}, one core of {measured.machine}; other processors differ, often by "
        "half. Time and disk are of all nodes together, memory is of one.",
        soft_wrap=True,
    )


def _numbers(hours: float, memory: float, disk: float) -> tuple[str, str, str]:
    return _time(hours), _size(memory), _size(disk)


def _time(hours: float) -> str:
    """A time in the unit that suits it."""
    seconds = hours * 3600
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s" if seconds >= 0.1 else "< 0.1 s"


def _size(count: float) -> str:
    """Bytes in the unit that suits them."""
    for size, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return "–"
