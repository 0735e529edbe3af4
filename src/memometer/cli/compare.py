"""``memometer compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.log import log_all
from memometer.cli.options import LOG_TO, parameter

if TYPE_CHECKING:
    from memometer.comparison import Comparison

__all__ = ["command"]

RUNS = Annotated[list[Path], typer.Argument(help="Run folders of audits of one measure; the first is the baseline.")]


@command_of(
    "memometer.comparison:compare_audits",
    called={"audits": "runs"},
    own=[parameter("runs", RUNS)],
    without=("names", "replicates"),
    beside=[LOG_TO],
)
def command(compared: "Comparison", *, as_json: bool, log_to: list[str] | None, **_: Any) -> None:
    """Compare audits of the same records: the difference of each number, with a paired interval.

    Example:
    memometer compare runs/default runs/masked --out runs/comparison
    """
    from memometer.cli.show import show_run

    show_run(compared, as_json=as_json, draw=False)
    log_all(compared, log_to)
