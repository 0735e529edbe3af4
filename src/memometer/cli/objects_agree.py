"""``memometer objects agree``: two labellings of the same records side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.options import parameter

if TYPE_CHECKING:
    from memometer.agreement import LabelAgreement

__all__ = ["command"]

RUNS = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        help="A run folder of 'memometer audit vl-dejavu' on these records: its gaps under either labelling, from the "
        "neighbours that it keeps. Repeated for several.",
    ),
]


@command_of(
    "memometer.agreement.agree:agree_labels",
    called={"one": "one", "other": "other"},
    own=[parameter("runs", RUNS, default=None)],
    without=("names", "replicates"),
)
def command(found: "LabelAgreement", *, as_json: bool, **_: Any) -> None:
    """Compare two labellings of the same records: do they tell the same story, and does the audit?

    Example:
    memometer objects agree labelled-1/ labelled-2/ --run runs/first --out runs/labels
    """
    from memometer.cli.show import show_run

    show_run(found, as_json=as_json)
