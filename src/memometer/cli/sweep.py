"""``memometer sweep``."""

from typing import TYPE_CHECKING, Any

from memometer.cli.functions import command_of
from memometer.cli.log import log_all
from memometer.cli.options import LOG_TO

if TYPE_CHECKING:
    from memometer.sweeps import Sweep

__all__ = ["command"]


@command_of("memometer.sweeps:run_sweep", called={"sweep": "sweep"}, beside=[LOG_TO])
def command(found: "Sweep | None", *, as_json: bool, log_to: list[str] | None, **_: Any) -> None:
    """Settings of a training recipe × seeds: train, audit both ways, measure utility, draw the trade-off.

    A sweep that was stopped goes on where it was when the same command is run again; no finished cell is lost.
    """
    from memometer.cli.show import show_run
    from memometer.progress import notice

    if found is None:
        notice("this shard's cells are done; the command without --shard draws the report when all are")
    else:
        show_run(found, as_json=as_json, draw=False)
        log_all(found, log_to)
